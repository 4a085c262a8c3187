/**
 * Pages on a clock that is moved by hand. Sections: steps, personal rules, acknowledging, other acts,
 * holds, restarts, tokens, names that are wrong.
 */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Secret } from '../../base/secret.ts'
import { pagesRefusedTotal } from '../metrics.ts'
import { Bench, FakeNotifier, minute, second, settingsOf, startTimeMs } from '../testdata/bench.ts'
import { formatToken, readToken } from './acknowledge-token.ts'

const yaml = `
route:
  receiver: room
  group_by: [alertname]
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 1h
  escalation_policy: main
people:
- name: ana
  language: zh
  time_zone: Asia/Shanghai
  contacts: [{name: push, receiver: ana-push}, {name: phone, receiver: ana-phone}]
  notification_rules: [{after: 0s, contact: push}, {after: 2m, contact: phone}]
- name: bo
  contacts: [{name: push, receiver: bo-push}]
- name: cy
  contacts: [{name: push, receiver: cy-push}]
  time_zone: UTC
  quiet_hours: {start_time: '22:00', end_time: '23:00'}
teams:
- {name: db, members: [ana, bo]}
escalation_policies:
- name: main
  repeat: 1
  acknowledge_timeout: 30m
  steps:
  - {person: ana, delay: 5m}
  - {person: bo, delay: 5m}
- name: quiet
  steps: [{person: cy, delay: 5m}, {receiver: boss, delay: 5m}]
- name: wide
  steps: [{everyone: db, also: [boss], delay: 5m}]
`
const me = { actor: 'ana', reason: '' }

async function make(t: TestContext, change = (text: string): string => text): Promise<Bench> {
  return new Bench(change(yaml)).start(t)
}

/** What reached people: `seconds receiver reason`, the room left out. */
function told(bench: Bench): string[] {
  return bench.notifier.sent
    .filter(({ notification }) => notification.receiver !== 'room')
    .map(({ timeMs, notification }) => {
      const at = (timeMs - startTimeMs) / second
      return `${at} ${notification.receiver} ${notification.reason}`
    })
}

function page(bench: Bench) {
  const [first] = bench.desk.pages.listOpen()
  assert.ok(first !== undefined, 'there is a page')
  return first
}

async function actions(bench: Bench, id: string): Promise<string[]> {
  const events = await bench.records.pages.listEvents(id)
  return events.map(({ action }) => action)
}

test('a page goes from person to person until the policy has no further step', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(60 * minute)
  assert.deepEqual(told(bench), [
    '1 ana-push page: main, step 1',
    '121 ana-phone page: main, step 1',
    '301 bo-push page: main, step 2',
    '601 ana-push page: main, step 1, round 2',
    '721 ana-phone page: main, step 1, round 2',
    '901 bo-push page: main, step 2, round 2',
  ])
  assert.equal(page(bench).state, 'escalated')
  assert.deepEqual((await actions(bench, page(bench).id)).at(-1), 'exhausted')
  assert.equal(page(bench).title, 'X')
})

test('everybody of a team is told at once, and a receiver beside them', async (t) => {
  const bench = await make(t, (text) => text.replace('policy: main', 'policy: wide'))
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  assert.deepEqual(told(bench).sort(), [
    '1 ana-push page: wide, step 1',
    '1 bo-push page: wide, step 1',
    '1 boss page: wide, step 1',
  ])
})

test('when it is over, who was told hears so once, and nobody is told further', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(60 * second)
  const { id } = page(bench)
  await bench.resolve({ i: '1' })
  await bench.clock.advance(30 * minute)
  assert.deepEqual(told(bench), ['1 ana-push page: main, step 1', '61 ana-push page resolved'])
  const kept = await bench.records.pages.find(id)
  assert.deepEqual([kept!.state, kept!.isOpen], ['resolved', false])
  assert.deepEqual(bench.desk.pages.listOpen(), [])
})

test('quiet hours keep a page back until they end, and the next step comes all the same', async (t) => {
  const bench = await make(t, (text) => text.replace('policy: main', 'policy: quiet'))
  await bench.fire({ i: '1' })
  await bench.clock.advance(60 * minute)
  // the clock begins at 22:13:20
  assert.deepEqual(told(bench), [
    '301 boss page: quiet, step 2',
    `${46 * 60 + 40} cy-push page: quiet, step 1`,
  ])
})

test('what the quiet hours of a receiver keep back is not told: the next step comes at once, and nobody waits', async (t) => {
  const bench = await make(t)
  const endTimeMs = startTimeMs + 8 * 60 * minute
  bench.notifier.quiet.set('ana-push', endTimeMs).set('ana-phone', endTimeMs)
  await bench.fire({ i: '1' })
  await bench.clock.advance(130 * second)
  const open = page(bench)
  assert.deepEqual(told(bench), ['121 bo-push page: main, step 2'])
  assert.deepEqual(
    open.deliveries.map(({ receiver, state }) => `${receiver} ${state}`),
    ['ana-push held', 'ana-phone held', 'bo-push sent'],
  )
  assert.match(open.deliveries[0]!.reason, /quiet hours of the receiver until 2023-11-15T06:13:20/)
  const events = await bench.records.pages.listEvents(open.id)
  assert.ok(!events.some(({ reason }) => /ana over ana-push was told/.test(reason)))
  assert.equal(events.filter(({ action }) => action === 'quiet').length, 2)
  // Who would be told in the morning hears of the end, so that the end takes the message's place.
  await bench.resolve({ i: '1' })
  await bench.clock.advance(20 * second)
  const ends = open.deliveries.filter(({ kind }) => kind === 'end')
  assert.deepEqual(ends.map(({ receiver, state }) => `${receiver} ${state}`).sort(), [
    'ana-phone held',
    'ana-push held',
    'bo-push sent',
  ])
})

test('a message that its service could not bring after all is no ground to wait for', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(30 * second)
  const { id } = page(bench)
  const lost = { pageId: id, person: 'ana', receiver: 'ana-push', reason: 'voice[0]: no-answer' }
  await bench.desk.pages.noteLost({ ...lost, pageId: 'none' })
  await bench.desk.pages.noteLost({ ...lost, receiver: 'bo-push' })
  assert.equal((await actions(bench, id)).includes('failed'), false)
  await bench.desk.pages.noteLost(lost)
  await bench.clock.advance(second)
  // Their other way is still to come: the step waits for it.
  assert.deepEqual(told(bench), ['1 ana-push page: main, step 1'])
  assert.equal(page(bench).deliveries[0]!.reason, 'voice[0]: no-answer')
  await bench.clock.advance(100 * second)
  await bench.desk.pages.noteLost({ ...lost, receiver: 'ana-phone' })
  await bench.clock.advance(second)
  assert.deepEqual(told(bench).slice(1), [
    '121 ana-phone page: main, step 1',
    '131 bo-push page: main, step 2',
  ])
})

test('quiet hours do not keep back what is critical', async (t) => {
  const bench = await make(t, (text) => text.replace('policy: main', 'policy: quiet'))
  await bench.fire({ i: '1', severity: 'critical' })
  await bench.clock.advance(2 * second)
  assert.deepEqual(told(bench), ['1 cy-push page: quiet, step 1'])
})

test('who acknowledges stops the steps, and the message is not repeated meanwhile', async (t) => {
  const bench = await make(t, (text) => text.replace('repeat_interval: 1h', 'repeat_interval: 1m'))
  await bench.fire({ i: '1' })
  await bench.clock.advance(30 * second)
  await bench.desk.pages.acknowledge(page(bench).id, me)
  assert.deepEqual(bench.desk.list()[0]!.held, { reason: 'acknowledged', by: ['ana'] })
  await bench.clock.advance(20 * minute)
  assert.deepEqual(told(bench), ['1 ana-push page: main, step 1'])
  assert.equal(bench.story().filter((line) => line.includes(' room ')).length, 1)
  // news are told all the same
  await bench.fire({ i: '2' })
  await bench.clock.advance(11 * second)
  assert.match(bench.story().at(-1)!, /room new alerts added: 1f 2f/)
})

test('an acknowledgement ends after its time, and the steps begin again', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(30 * second)
  await bench.desk.pages.acknowledge(page(bench).id, me)
  await bench.clock.advance(36 * minute)
  assert.deepEqual(told(bench), [
    '1 ana-push page: main, step 1',
    '1830 ana-push page: main, step 1',
    '1950 ana-phone page: main, step 1',
    '2130 bo-push page: main, step 2',
  ])
  assert.ok((await actions(bench, page(bench).id)).includes('acknowledgement-expired'))
  assert.equal(bench.desk.list()[0]!.held, undefined)
})

test('taking it back, escalating, giving it away, noting and resolving by hand', async (t) => {
  const bench = await make(t)
  const { pages } = bench.desk
  await bench.fire({ i: '1' })
  await bench.clock.advance(10 * second)
  const { id } = page(bench)
  await pages.acknowledge(id, me)
  await pages.unacknowledge(id, me)
  await bench.clock.advance(second)
  await pages.escalate(id, { actor: 'bo', reason: 'I want help' })
  await bench.clock.advance(second)
  assert.equal(page(bench).state, 'escalated')
  await pages.reassign(id, me, { person: 'cy' })
  await bench.clock.advance(second)
  await pages.addNote(id, { actor: 'cy', reason: 'looking' })
  await pages.acknowledge(id, { actor: 'cy', reason: '' })
  await pages.resolve(id, { actor: 'cy', reason: 'was a test' })
  await bench.clock.advance(30 * minute)
  assert.deepEqual(told(bench).slice(0, 4), [
    '1 ana-push page: main, step 1',
    '10 ana-push page: main, step 1',
    '11 bo-push page: main, step 2',
    '12 cy-push page assigned',
  ])
  assert.deepEqual(told(bench).slice(4).sort(), [
    '13 ana-push page resolved',
    '13 bo-push page resolved',
    '13 cy-push page resolved',
  ])
  assert.equal(page(bench).state, 'resolved')
  await assert.rejects(pages.acknowledge(id, me), { code: 'ALERT_PAGE_OVER' })
  await assert.rejects(pages.acknowledge('nothing', me), { code: 'ALERT_PAGE_UNKNOWN' })
  await assert.rejects(pages.reassign(id, me, { person: 'cy' }), { code: 'ALERT_PAGE_OVER' })
  const events = await bench.records.pages.listEvents(id)
  const done = events.filter(({ actor }) => actor !== 'shipwatch')
  assert.deepEqual(
    done.map(({ action, actor, from, to, reason }) => [action, actor, from, to, reason]),
    [
      ['acknowledged', 'ana', 'firing', 'acknowledged', ''],
      ['unacknowledged', 'ana', 'acknowledged', 'firing', ''],
      ['escalated', 'bo', 'firing', 'escalated', 'I want help'],
      ['reassigned', 'ana', 'escalated', 'firing', ''],
      ['note', 'cy', 'firing', 'firing', 'looking'],
      ['acknowledged', 'cy', 'firing', 'acknowledged', ''],
      ['resolved', 'cy', 'acknowledged', 'resolved', 'was a test'],
    ],
  )
  // another alert is another page
  await bench.fire({ i: '2' })
  await bench.clock.advance(11 * second)
  assert.notEqual(page(bench).id, id)
  assert.equal(told(bench).at(-1)!.slice(-7), ', step 1'.slice(-7))
})

test('wrong acts are refused with their reason', async (t) => {
  const bench = await make(t, (text) => text.replace('escalation_policy: main', 'continue: false'))
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  const { id } = page(bench)
  const { pages } = bench.desk
  await assert.rejects(pages.escalate(id, me), { code: 'ALERT_POLICY_MISSING' })
  await assert.rejects(pages.reassign(id, me, { person: 'x' }), { code: 'ONCALL_PERSON_UNKNOWN' })
  await assert.rejects(pages.reassign(id, me, { policy: 'x' }), { code: 'ALERT_POLICY_UNKNOWN' })
  await pages.reassign(id, me, { policy: 'main' })
  await bench.clock.advance(second)
  assert.deepEqual(told(bench), ['2 ana-push page: main, step 1'])
})

test('a silence stops the steps, and they go on when it ends', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(60 * second)
  await bench.desk.setSilence({
    matchers: [{ name: 'i', operator: '=', value: '1' }],
    startTimeMs: bench.clock.nowTimeMs(),
    endTimeMs: bench.clock.nowTimeMs() + 10 * minute,
    createdBy: 'me',
    comment: 'c',
  })
  await bench.clock.advance(15 * minute)
  const times = told(bench).map((line) => line.split(' ').slice(0, 2).join(' '))
  assert.equal(times[0], '1 ana-push')
  assert.deepEqual(
    times
      .slice(1)
      .map((line) => line.split(' ')[1])
      .sort()
      .slice(0, 2),
    ['ana-phone', 'bo-push'],
  )
  for (const line of times.slice(1)) assert.ok(Number(line.split(' ')[0]) >= 660, line)
})

test('a step that reaches nobody, or whose every message fails, makes way at once', async (t) => {
  const bench = await make(t, (text) =>
    text
      .replace('- {person: ana, delay: 5m}', '- {schedule: none, delay: 5m}')
      .replace('teams:', 'schedules: [{name: none}]\nteams:'),
  )
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  assert.deepEqual(told(bench), ['1 bo-push page: main, step 2'])
  const other = await make(t)
  other.notifier.channelsOf.set('ana-push', [])
  other.notifier.channelsOf.set('ana-phone', [])
  await other.fire({ i: '1' })
  await other.clock.advance(130 * second)
  assert.deepEqual(told(other), ['121 bo-push page: main, step 2'])
})

test('after a restart a page goes on at its step, and nobody is told twice', async (t) => {
  const before = new Bench(yaml)
  await before.desk.start()
  await before.fire({ i: '1' })
  await before.clock.advance(200 * second)
  await before.desk.stop()
  const after = await new Bench(yaml, before).start(t)
  await after.clock.advance(4 * minute)
  assert.deepEqual(told(after), [
    '1 ana-push page: main, step 1',
    '121 ana-phone page: main, step 1',
    '301 bo-push page: main, step 2',
  ])
  await after.desk.pages.acknowledge(page(after).id, me)
  await after.desk.stop()
  const third = await new Bench(yaml, before).start(t)
  assert.equal(page(third).acknowledgedBy, 'ana')
  await third.clock.advance(20 * minute)
  assert.equal(told(third).length, 3)
  await third.resolve({ i: '1' })
  await third.clock.advance(60 * second)
  assert.deepEqual(
    told(third)
      .slice(3)
      .map((line) => line.split(' ').slice(1).join(' '))
      .sort(),
    ['ana-phone page resolved', 'ana-push page resolved', 'bo-push page resolved'],
  )
})

test('a page goes on without records', async (t) => {
  const bench = await make(t)
  bench.records.failing = true
  await bench.fire({ i: '1' })
  await bench.clock.advance(6 * minute)
  assert.equal(told(bench).length, 3)
  await bench.desk.pages.acknowledge(page(bench).id, me)
})

test('a page whose route is gone ends', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  const { id } = page(bench)
  bench.desk.reload(settingsOf(yaml.replace('receiver: room', 'receiver: hall')))
  await bench.clock.advance(6 * minute)
  assert.notEqual(page(bench).id, id)
  assert.equal((await bench.desk.pages.get(id)).state, 'resolved')
})

test('a page whose policy is gone says so and rests', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  bench.desk.reload(
    settingsOf(
      yaml.replace('- name: main', '- name: other').replace('policy: main', 'policy: other'),
    ),
  )
  await bench.clock.advance(10 * minute)
  const events = await bench.records.pages.listEvents(page(bench).id)
  assert.ok(events.some(({ reason }) => /no policy "main"/.test(reason)))
  assert.deepEqual(
    told(bench).map((line) => line.split(' ')[1]),
    ['ana-push', 'ana-phone'],
  )
})

test('a receiver may name the policy, and a route may do without', async (t) => {
  const text = yaml.replace('  escalation_policy: main\n', '')
  const bench = new Bench(
    `${text.replace(
      'people:',
      `  routes: [{matchers: [i=2], escalation_policy: '', group_by: [i]}]\npeople:`,
    )}`,
  )
  bench.notifier.policies.set('room', 'main')
  await bench.start(t)
  await bench.fire({ i: '1' }, { i: '2' })
  await bench.clock.advance(2 * second)
  const policies = bench.desk.pages.listOpen().map(({ policy, title }) => `${title}:${policy}`)
  assert.deepEqual(policies.sort(), ['X i=2:', 'X:main'])
  assert.equal(told(bench).length, 1)
})

test('messages offer a signed way to act, for the person they are for', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  const of = (receiver: string) =>
    bench.notifier.sent.find(({ notification }) => notification.receiver === receiver)!.notification
  const offer = of('ana-push').acknowledge!
  assert.ok(offer.token.length <= 60, offer.token)
  assert.equal(offer.url, `http://ship/acknowledge/${offer.token}`)
  assert.equal(of('ana-push').person, 'ana')
  assert.deepEqual([of('ana-push').language, of('ana-push').timeZone], ['zh', 'Asia/Shanghai'])
  assert.equal(of('room').language, undefined)
  const { pages } = bench.desk
  assert.equal((await pages.readToken(offer.token)).person, 'ana')
  assert.equal((await pages.readToken(of('room').acknowledge!.token)).person, '')
  const changed = offer.token.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))
  await assert.rejects(pages.readToken(changed), { code: 'ALERT_TOKEN_INVALID' })
  await bench.clock.advance(25 * 60 * minute)
  await assert.rejects(pages.readToken(offer.token), { code: 'ALERT_TOKEN_INVALID' })
})

test('a token says what it said, and nothing else is a token', () => {
  const key = new Secret('k')
  const claim = { pageId: '0'.repeat(20), personIndex: 1295, endTimeMs: 1_800_000_000_000 }
  const token = formatToken(claim, key)
  assert.deepEqual(readToken(token, key, 0), claim)
  assert.equal(readToken(token, new Secret('other'), 0), undefined)
  assert.equal(readToken(token, key, claim.endTimeMs), undefined)
  for (const text of ['', '...', 'a.b.c.d', `${token}x`, token.replace('.', '_')])
    assert.equal(readToken(text, key, 0), undefined)
})

test('names that are wrong are refused at start and at reload', async (t) => {
  const bad = (from: string, to: string): void => {
    const notifier = new FakeNotifier(new Bench(yaml).clock)
    assert.throws(() => new Bench(yaml.replace(from, to), { notifier }), { name: 'CodedError' })
  }
  bad('receiver: bo-push', 'receiver: nobody')
  bad('{receiver: boss', '{receiver: nobody')
  bad('escalation_policy: main', 'escalation_policy: other')
  bad("end_time: '23:00'", "end_time: '23:00', except: ['a b']")
  const bench = await make(t)
  assert.throws(() => bench.desk.reload(settingsOf(yaml.replace('{person: bo', '{person: xx'))))
  await bench.fire({ i: '1' })
  await bench.clock.advance(6 * minute)
  assert.equal(told(bench).length, 3)
})

test('a policy may page again when another alert joins what somebody has', async (t) => {
  const bench = await make(t, (text) =>
    text.replace('- name: main', '- name: main\n  page_new_alerts: true'),
  )
  await bench.fire({ i: '1' })
  await bench.clock.advance(5 * second)
  await bench.desk.pages.acknowledge(page(bench).id, me)
  await bench.fire({ i: '2' })
  await bench.clock.advance(20 * second)
  assert.deepEqual(told(bench), ['1 ana-push page: main, step 1', '11 ana-push page: main, step 1'])
  assert.equal(page(bench).acknowledgedBy, '')
})

test('beyond the limit groups are told without a page, and counted', async (t) => {
  const bench = await make(t, (text) =>
    text.replace('group_by: [alertname]', "group_by: ['...']").concat('page_count_max: 10\n'),
  )
  const before = (await pagesRefusedTotal.get()).values[0]?.value ?? 0
  await bench.fire(...Array.from({ length: 12 }, (_, index) => ({ i: String(index) })))
  await bench.clock.advance(2 * second)
  assert.equal(bench.desk.pages.listOpen().length, 10)
  const rooms = bench.notifier.sent.filter(({ notification }) => notification.receiver === 'room')
  assert.equal(rooms.length, 12)
  assert.equal(((await pagesRefusedTotal.get()).values[0]?.value ?? 0) - before, 2)
})

test('the pages of an incident that somebody takes are taken', async (t) => {
  const bench = await make(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  const alerts = page(bench).alerts
  await bench.desk.pages.noteIncident({ number: 7, alerts, acknowledgedBy: 'bo' })
  assert.deepEqual([page(bench).state, page(bench).acknowledgedBy], ['acknowledged', 'bo'])
})
