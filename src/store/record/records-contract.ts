/**
 * What every implementation of the records must do, as tests over a function that opens an empty
 * one. Sections: deployments, decisions, incidents, timelines, notifications, alerts, silences, pages,
 * overrides, maintenance, access, states.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Alert } from '../../model/alert.ts'
import type { Decision, Deployment } from '../../model/deployment.ts'
import type { Incident, TimelineEntry } from '../../model/incident.ts'
import { emptyLabels, labelsFromPairs, makeLabels } from '../../model/labels.ts'
import type { MaintenanceWindow } from '../../model/maintenance.ts'
import type { OnCallOverride } from '../../model/on-call.ts'
import type { Page, PageEvent } from '../../model/page.ts'
import type { Silence } from '../../model/silence.ts'
import type { DeadLetter, NotificationAttempt } from './records.ts'
import type { OpenRecords } from './sql-records.ts'

/** Opens empty records; `again` opens the same ones a second time after `close`. */
export interface OpenedRecords {
  records: OpenRecords
  again(): Promise<OpenRecords>
}

/** Declares the suite for one implementation. */
export function testRecords(name: string, open: () => Promise<OpenedRecords>): void {
  const check = (sentence: string, body: (opened: OpenedRecords) => Promise<void>): void => {
    test(`${name}: ${sentence}`, async () => {
      const opened = await open()
      try {
        await body(opened)
      } finally {
        await opened.records.close()
      }
    })
  }

  check('a deployment comes back as saved, and saving again replaces it', async ({ records }) => {
    const one = makeDeployment({ id: 'a', startTimeMs: 5 })
    await records.deployments.save(one)
    assert.deepEqual(await records.deployments.find('a'), one)
    const changed = { ...one, state: 'rolled-back', endTimeMs: 1_700_000_000_123 } as Deployment
    await records.deployments.save(changed)
    assert.deepEqual(await records.deployments.find('a'), changed)
    assert.equal(await records.deployments.find('b'), undefined)
  })

  check('deployments are listed newest first within every filter', async ({ records }) => {
    const all = [
      makeDeployment({ id: 'a', startTimeMs: 1 }),
      makeDeployment({ id: 'b', startTimeMs: 3, service: 'pay' }),
      makeDeployment({ id: 'c', startTimeMs: 2, environment: 'test' }),
      makeDeployment({ id: 'd', startTimeMs: 4 }),
    ]
    for (const one of all) await records.deployments.save(one)
    const list = async (filter: object): Promise<string> => {
      const found = await records.deployments.list({ limit: 10, ...filter })
      return found.map((one) => one.id).join('')
    }
    assert.equal(await list({}), 'dbca')
    assert.equal(await list({ limit: 2 }), 'db')
    assert.equal(await list({ service: 'pay' }), 'b')
    assert.equal(await list({ environment: 'test' }), 'c')
    assert.equal(await list({ fromTimeMs: 2, toTimeMs: 3 }), 'bc')
  })

  check('decisions are listed oldest first by subject', async ({ records }) => {
    const make = (timeMs: number, reason: string): Decision => ({
      timeMs,
      question: 'rollback',
      verdict: 'no',
      reason,
      message: 'Because.',
      facts: { nested: { list: [1, null] } },
    })
    await records.decisions.add({ deploymentId: 'd', incidentId: 'i' }, make(2, 'second'))
    await records.decisions.add({ deploymentId: 'd' }, make(2, 'third'))
    await records.decisions.add({ incidentId: 'i' }, make(1, 'first'))
    assert.deepEqual(await records.decisions.list({ deploymentId: 'd' }), [
      make(2, 'second'),
      make(2, 'third'),
    ])
    assert.deepEqual(
      (await records.decisions.list({ incidentId: 'i' })).map((one) => one.reason),
      ['first', 'second'],
    )
  })

  check('an incident comes back as saved; open means not resolved', async ({ records }) => {
    const one = makeIncident({ id: 'a', number: 1, openedTimeMs: 1 })
    const two = makeIncident({ id: 'b', number: 2, openedTimeMs: 2, state: 'recovering' })
    const three = makeIncident({ id: 'c', number: 3, openedTimeMs: 3, state: 'resolved' })
    for (const incident of [one, two, three]) await records.incidents.save(incident)
    assert.deepEqual(await records.incidents.find('a'), one)
    const list = async (state: 'open' | 'resolved' | 'all'): Promise<string> =>
      (await records.incidents.list({ state, limit: 9 })).map((found) => found.id).join('')
    assert.equal(await list('open'), 'ba')
    assert.equal(await list('resolved'), 'c')
    assert.equal(await list('all'), 'cba')
    await records.incidents.save({ ...one, state: 'resolved' })
    assert.equal(await list('open'), 'b')
  })

  check('incident numbers begin at 1 and are never given twice', async ({ records, again }) => {
    const numbers = await Promise.all([1, 2, 3].map(() => records.incidents.nextNumber()))
    assert.deepEqual(numbers.sort(), [1, 2, 3])
    await records.close()
    const reopened = await again()
    assert.equal(await reopened.incidents.nextNumber(), 4)
    await reopened.close()
  })

  check('a timeline is in time order, and an entry sent twice is one', async ({ records }) => {
    const make = (id: string, timeMs: number): TimelineEntry => ({
      id,
      timeMs,
      kind: 'comment',
      code: 'comment',
      message: "it's; -- \u0000 ✓",
      facts: JSON.parse('{"__proto__":"plain","list":[1]}'),
      actor: 'me',
    })
    await records.incidents.addTimelineEntry('i', make('late', 9))
    await records.incidents.addTimelineEntry('i', make('z', 1))
    await records.incidents.addTimelineEntry('i', make('a', 1))
    await records.incidents.addTimelineEntry('i', make('a', 1))
    await records.incidents.addTimelineEntry('other', make('a', 1))
    const timeline = await records.incidents.listTimeline('i')
    assert.deepEqual(
      timeline.map((entry) => entry.id),
      ['z', 'a', 'late'],
    )
    assert.deepEqual(timeline[0], make('z', 1))
  })

  check(
    'the ledger is listed newest first, and an attempt noted twice is one',
    async ({ records }) => {
      const make = (id: string, timeMs: number, change = {}): NotificationAttempt => ({
        id,
        timeMs,
        receiver: 'team',
        channel: 'webhook',
        groupKey: '{}:{}',
        reason: 'first notification',
        status: 'firing',
        alertCount: 2,
        attempt: 1,
        outcome: 'retrying',
        answer: 'HTTP 500',
        latencyMs: 1.5,
        incidentId: undefined,
        fingerprints: ['f1', 'f2'],
        ...change,
      })
      const all = [make('a', 1), make('b', 2, { incidentId: 'i' }), make('c', 2, { receiver: 'x' })]
      for (const one of [...all, all[0]!]) await records.notifications.add(one)
      assert.deepEqual(await records.notifications.list({ limit: 9 }), [all[2], all[1], all[0]])
      assert.deepEqual(await records.notifications.list({ limit: 1, incidentId: 'i' }), [all[1]])
      assert.deepEqual(await records.notifications.list({ limit: 9, receiver: 'x' }), [all[2]])
      assert.equal((await records.notifications.list({ limit: 9, fromTimeMs: 2 })).length, 2)
    },
  )

  check('the ledger is searched by every field, and read on page by page', async ({ records }) => {
    const make = (id: string, change: Partial<NotificationAttempt> = {}): NotificationAttempt => ({
      id,
      timeMs: 5,
      receiver: 'team',
      channel: 'slack',
      groupKey: '{}:{}',
      reason: 'first notification',
      status: 'firing',
      alertCount: 1,
      attempt: 1,
      outcome: 'delivered',
      answer: 'HTTP 200: ok',
      latencyMs: 1,
      incidentId: undefined,
      fingerprints: ['f1'],
      channelKey: 'slack[0]',
      request: '[FIRING:1] Down 100%_full',
      labels: 'alertname=Down\nservice=checkout',
      ...change,
    })
    const all = [
      make('a', { timeMs: 1, outcome: 'held' }),
      make('b', { person: 'anna', pageId: 'p1', fallbackOf: 'team/slack[0]', channel: 'sms' }),
      make('c', { labels: 'alertname=Down\nservice=checkout-2', answer: 'HTTP 500' }),
      make('d', { timeMs: 9 }),
    ]
    for (const one of all) await records.notifications.add(one)
    const find = async (filter: object): Promise<string> =>
      (await records.notifications.list({ limit: 9, ...filter })).map(({ id }) => id).join()
    assert.deepEqual((await records.notifications.list({ limit: 9 })).reverse(), all)
    assert.equal(await find({ outcome: 'held' }), 'a')
    assert.equal(await find({ channel: 'sms', person: 'anna', pageId: 'p1' }), 'b')
    assert.equal(await find({ label: 'service=checkout' }), 'd,b,a')
    assert.equal(await find({ label: 'service=check' }), '')
    assert.equal(await find({ text: '100%_FULL' }), 'd,c,b,a')
    assert.equal(await find({ text: '100x_full' }), '')
    assert.equal(await find({ text: 'http 500' }), 'c')
    assert.equal(await find({ fromTimeMs: 5, toTimeMs: 9 }), 'c,b')
    assert.equal(await find({ limit: 2 }), 'd,c')
    assert.equal(await find({ limit: 2, after: 'c' }), 'b,a')
    assert.equal(await records.notifications.removeBefore(5), 1)
    assert.equal(await find({}), 'd,c,b')
    assert.equal(await records.notifications.removeBeyond(3), 0)
    assert.equal(await records.notifications.removeBeyond(2), 1)
    assert.equal(await find({}), 'd,c')
  })

  check('a search goes through as much of the ledger as it takes', async ({ records }) => {
    const count = 6_050
    for (let index = 0; index < count; index++) {
      await records.notifications.add({
        id: `n${index}`,
        timeMs: index,
        receiver: index % 2_900 === 7 ? 'rare' : 'team',
        channel: 'webhook',
        groupKey: '{}',
        reason: 'first notification',
        status: 'firing',
        alertCount: 1,
        attempt: 1,
        outcome: 'delivered',
        answer: '',
        latencyMs: 1,
        incidentId: undefined,
        fingerprints: [],
      })
    }
    const find = async (filter: object): Promise<string> => {
      const rows = await records.notifications.list({ limit: 2, receiver: 'rare', ...filter })
      return rows.map(({ id }) => id).join()
    }
    assert.equal(await find({}), 'n5807,n2907')
    assert.equal(await find({ after: 'n2907' }), 'n7')
    assert.equal(await find({ after: 'n7' }), '')
    assert.equal(await find({ fromTimeMs: 100, toTimeMs: 5_000 }), 'n2907')
  })

  check('messages that reached nobody are kept until they are sent again', async ({ records }) => {
    const letter = (id: string, timeMs: number): DeadLetter => ({
      id,
      timeMs,
      receiver: 'team',
      channel: 'slack[0]',
      groupKey: '{}:{}',
      state: 'open',
      endTimeMs: undefined,
      failure: 'HTTP 500',
      attemptCount: 3,
      alertCount: 1,
      status: 'firing',
      labels: 'alertname=Down',
      body: { alerts: [{ value: 1 }] },
    })
    const [old, one, other] = [letter('a', 1), letter('b', 5), letter('c', 6)]
    for (const each of [old, one, other]) await records.deadLetters.save(each!)
    const resent: DeadLetter = { ...one!, state: 'resent', endTimeMs: 7 }
    await records.deadLetters.save(resent)
    assert.deepEqual(await records.deadLetters.find('b'), resent)
    assert.equal(await records.deadLetters.find('x'), undefined)
    assert.deepEqual(await records.deadLetters.list({ limit: 9 }), [other, resent, old])
    assert.deepEqual(await records.deadLetters.list({ limit: 1, state: 'open' }), [other])
    assert.deepEqual(await records.deadLetters.list({ limit: 9, receiver: 'x' }), [])
    await records.deadLetters.removeBefore(5)
    assert.equal((await records.deadLetters.list({ limit: 9 })).length, 2)
  })

  check('a browser that takes pushes is kept once, and removed', async ({ records }) => {
    const one = {
      endpoint: 'https://push.example/1',
      owner: 'anna',
      createdBy: 'token:phones',
      label: 'phone',
      publicKey: 'key',
      auth: 'auth',
      createdTimeMs: 1,
    }
    await records.pushes.save(one)
    await records.pushes.save({ ...one, label: 'new phone' })
    assert.deepEqual(await records.pushes.list(), [{ ...one, label: 'new phone' }])
    assert.equal(await records.pushes.remove(one.endpoint), true)
    assert.equal(await records.pushes.remove(one.endpoint), false)
  })

  check('active alerts come back whole after a restart', async ({ records, again }) => {
    const alerts = Array.from({ length: 1_200 }, (_, index) => makeAlert(`f${index}`, index))
    alerts[0] = { ...alerts[0]!, value: Number.NaN, rule: undefined, held: undefined }
    alerts[1] = { ...alerts[1]!, value: Number.NEGATIVE_INFINITY }
    await records.alerts.save(alerts)
    await records.alerts.save([{ ...alerts[2]!, state: 'resolved' }])
    await records.alerts.remove(alerts.slice(3).map((alert) => alert.fingerprint))
    await records.alerts.save([])
    await records.alerts.remove([])
    await records.close()
    const reopened = await again()
    const found = await reopened.alerts.list()
    await reopened.close()
    assert.deepEqual(
      found.map((alert) => ({ ...alert, labels: alert.labels.key, annotations: '' })),
      [alerts[0]!, alerts[1]!, { ...alerts[2]!, state: 'resolved' as const }].map((alert) => ({
        ...alert,
        labels: alert.labels.key,
        annotations: '',
      })),
    )
  })

  check('silences come back after a restart, replaced ones once', async ({ records, again }) => {
    const make = (id: string, endTimeMs: number): Silence => ({
      id,
      matchers: [{ name: '__proto__', operator: '=~', value: "a|'b'" }],
      startTimeMs: 1,
      endTimeMs,
      createdBy: 'me',
      comment: 'why ✓',
      annotations: [['__proto__', 'x']],
      updatedTimeMs: 2,
    })
    for (const one of [make('a', 5), make('b', 6), make('a', 9), make('c', 4)])
      await records.silences.save(one)
    await records.silences.removeBefore(6)
    await records.close()
    const reopened = await again()
    assert.deepEqual(await reopened.silences.list(), [make('a', 9), make('b', 6)])
    await reopened.close()
  })

  check('a page comes back with its story, open ones apart, old ones forgotten', async (opened) => {
    const { pages } = opened.records
    const delivery = { id: 'd', person: 'ana', receiver: 'r', kind: 'page', step: 1 } as const
    const make = (id: string, change: Partial<Page>): Page => ({
      id,
      groupKey: '{}:{a="__proto__"}',
      receiver: 'r',
      policy: 'p',
      title: 'it’s ✓',
      labels: [['__proto__', 'x']],
      state: 'firing',
      openedTimeMs: 1,
      updatedTimeMs: 1,
      resolvedTimeMs: undefined,
      isOpen: true,
      alerts: ['f'],
      step: 1,
      round: 0,
      nextTimeMs: 9,
      acknowledgedBy: '',
      acknowledgedTimeMs: undefined,
      acknowledgeEndTimeMs: undefined,
      assignee: '',
      people: ['ana'],
      deliveries: [
        { ...delivery, dueTimeMs: 2, state: 'waiting', reason: '', doneTimeMs: undefined },
      ],
      ...change,
    })
    const event = (id: string, pageId: string): PageEvent => ({
      ...{ id, pageId, timeMs: 3, actor: 'ana', action: 'note' },
      ...{ from: 'firing', to: 'firing', reason: "let's see" },
    })
    const a = make('a', {})
    await pages.save([a], [event('1', 'a'), event('2', 'a')])
    await pages.save(
      [make('b', { openedTimeMs: 5, isOpen: false, state: 'resolved', deliveries: [] })],
      [],
    )
    await pages.save(
      [
        make('c', {
          openedTimeMs: 7,
          isOpen: false,
          state: 'resolved',
          updatedTimeMs: 8,
          deliveries: [],
        }),
      ],
      [event('3', 'c')],
    )
    await pages.save([{ ...a, nextTimeMs: undefined }], [event('4', 'a')])
    assert.deepEqual(await pages.find('a'), { ...a, nextTimeMs: undefined })
    assert.deepEqual(
      (await pages.listEvents('a')).map(({ id }) => id),
      ['1', '2', '4'],
    )
    assert.deepEqual((await pages.listEvents('c'))[0], event('3', 'c'))
    const list = async (filter: object): Promise<string> =>
      (await pages.list({ state: 'all', limit: 10, ...filter })).map(({ id }) => id).join('')
    assert.equal(await list({}), 'cba')
    assert.equal(await list({ state: 'open' }), 'a')
    // Somebody has still to hear of the end.
    const ending = make('d', { openedTimeMs: 0, isOpen: false, state: 'resolved' })
    await pages.save([ending], [])
    assert.equal(await list({ state: 'open' }), 'ad')
    await pages.save([{ ...ending, deliveries: [] }], [])
    assert.equal(await list({ state: 'resolved', beforeTimeMs: 7 }), 'bd')
    await pages.removeBefore(8)
    assert.equal(await list({}), 'ca')
    assert.equal(await pages.find('b'), undefined)
  })

  check(
    'overrides and maintenance windows are replaced, removed, and forgotten',
    async (opened) => {
      const { overrides, maintenance } = opened.records
      const override = (id: string, endTimeMs: number): OnCallOverride => ({
        ...{ id, schedule: 's', people: ['__proto__'], replaces: '', startTimeMs: 1, endTimeMs },
        ...{ createdBy: 'me', comment: '✓' },
      })
      for (const [id, end] of [
        ['a', 5],
        ['b', 6],
        ['a', 9],
        ['c', 2],
        ['d', 9],
      ] as const)
        await overrides.save(override(id, end))
      await overrides.remove('d')
      await overrides.removeBefore(6)
      assert.deepEqual(await overrides.list(), [override('a', 9), override('b', 6)])
      const window = (id: string, change: Partial<MaintenanceWindow>): MaintenanceWindow => ({
        ...{
          id,
          name: 'n',
          matchers: [],
          services: ['a'],
          teams: [],
          startTimeMs: 1,
          endTimeMs: 2,
        },
        ...{
          timeZone: 'UTC',
          repeat: undefined,
          summaryReceiver: '',
          createdBy: 'me',
          comment: '',
        },
        ...{ updatedTimeMs: 1, endedTimeMs: undefined, summarisedTimeMs: 0 },
        ...change,
      })
      const repeat = { every: 'week', interval: 1, weekdays: [1], untilTimeMs: undefined } as const
      await maintenance.save(window('a', {}))
      await maintenance.save(window('b', { repeat: { ...repeat, weekdays: [1] } }))
      await maintenance.save(window('a', { endedTimeMs: 4 }))
      await maintenance.save(window('c', {}))
      await maintenance.remove('c')
      assert.deepEqual(await maintenance.list(), [
        window('a', { endedTimeMs: 4 }),
        window('b', { repeat: { ...repeat, weekdays: [1] } }),
      ])
    },
  )

  check('tokens, sessions and passwords are found by their hashes', async ({ records }) => {
    const { access } = records
    assert.equal(await access.findPassword('admin'), undefined)
    await access.setPassword('admin', 'one')
    await access.setPassword('admin', 'two')
    assert.equal(await access.findPassword('admin'), 'two')
    await access.addToken({ id: 't', name: 'ci', scope: 'ingest', hash: 'h', createdTimeMs: 1 })
    assert.deepEqual(await access.findToken('h'), { id: 't', name: 'ci', scope: 'ingest' })
    await access.touchToken('t', 7)
    assert.deepEqual(await access.listTokens(), [
      { id: 't', name: 'ci', scope: 'ingest', createdTimeMs: 1, lastUsedTimeMs: 7 },
    ])
    assert.equal(await access.removeToken('t'), true)
    assert.equal(await access.removeToken('t'), false)
    assert.equal(await access.findToken('h'), undefined)
    await access.addSession({ hash: 's', user: 'admin', role: 'admin', endTimeMs: 9 })
    assert.deepEqual(await access.findSession('s'), { user: 'admin', role: 'admin', endTimeMs: 9 })
    await access.removeSession('s')
    assert.equal(await access.findSession('s'), undefined)
    await access.addSession({ hash: 'old', user: 'admin', role: 'admin', endTimeMs: 9 })
    await access.addSession({ hash: 'new', user: 'admin', role: 'responder', endTimeMs: 10 })
    await access.removeSessionsBefore(10)
    assert.equal(await access.findSession('old'), undefined)
    assert.equal((await access.findSession('new'))?.role, 'responder')
    await access.addAudit({ timeMs: 1, actor: 'a', action: 'first', facts: {} })
    await access.addAudit({ timeMs: 1, actor: 'a', action: 'second', facts: { x: 1 } })
    assert.deepEqual(await access.listAudit(1), [
      { timeMs: 1, actor: 'a', action: 'second', facts: { x: 1 } },
    ])
  })

  check('named states are replaced, listed by prefix and removed', async ({ records }) => {
    const { states } = records
    await states.set('group/a%', { list: [1] })
    await states.set('group/b', 'text')
    await states.set('groups', 1)
    await states.set('group/b', null)
    assert.deepEqual(await states.find('group/a%'), { list: [1] })
    assert.equal(await states.find('nothing'), undefined)
    assert.deepEqual(await states.list('group/'), [
      { name: 'group/a%', value: { list: [1] } },
      { name: 'group/b', value: null },
    ])
    await states.remove('group/b')
    assert.deepEqual(
      (await states.list('')).map((state) => state.name),
      ['group/a%', 'groups'],
    )
  })

  check('calls after close are refused with a code', async ({ records }) => {
    await records.close()
    await assert.rejects(records.states.find('x'), { code: 'STORE_RECORDS_UNAVAILABLE' })
  })
}

function makeDeployment(change: Partial<Deployment>): Deployment {
  return {
    id: 'id',
    service: 'shop',
    environment: 'production',
    version: 'v2',
    previousVersion: 'v1',
    startTimeMs: 0,
    endTimeMs: undefined,
    actor: 'ci',
    url: '',
    note: '',
    state: 'watching',
    rollbackOf: undefined,
    ...change,
  }
}

function makeIncident(change: Partial<Incident>): Incident {
  const evidence = [
    { kind: 'onset' as const, message: 'm', query: 'up', weight: 0.5, facts: { a: 1 } },
  ]
  return {
    id: 'id',
    number: 1,
    title: 'Trouble',
    service: 'shop',
    environment: 'production',
    state: 'open',
    health: 'critical',
    openedTimeMs: 0,
    onsetTimeMs: undefined,
    resolvedTimeMs: undefined,
    acknowledgedBy: '',
    causes: [
      {
        kind: 'unknown',
        title: 't',
        deploymentId: undefined,
        service: 's',
        confidence: 0.25,
        evidence,
      },
    ],
    alerts: ['f'],
    postMortem: '',
    ...change,
  }
}

function makeAlert(fingerprint: string, value: number): Alert {
  return {
    fingerprint,
    labels: labelsFromPairs(['alertname', 'A', '__proto__', fingerprint]),
    annotations: value === 0 ? emptyLabels : makeLabels({ summary: 's' }),
    state: 'firing',
    firedTimeMs: 2,
    activeTimeMs: 1,
    endTimeMs: 3,
    value,
    generatorUrl: '',
    rule: { group: 'g', name: 'A', expression: 'up == 0' },
    updatedTimeMs: 4,
    held: { reason: 'silenced', by: ['s'] },
    receivers: ['team'],
  }
}
