import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSeededRandom } from '../base/random.ts'
import { makeLabels } from '../model/labels.ts'
import type { AlertCourse } from './forecast.ts'
import { Bench, minute, second, startTimeMs } from './testdata/bench.ts'

const tree = `
route:
  receiver: all
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 2h
  routes:
    - receiver: pager
      matchers: ['severity="page"']
      group_by: ['...']
      group_wait: 0s
      continue: true
    - receiver: night
      matchers: ['severity="page"', 'team=~"a|b"']
      mute_time_intervals: [always]
receivers: [{ name: all }, { name: pager }, { name: night }]
inhibit_rules:
  - source_matchers: ['alertname="Down"']
    target_matchers: ['alertname="Slow"']
    equal: [host]
time_intervals: [{ name: always, time_intervals: [{}] }]
`

test('the preview names each route with its path, its times and its group', async (t) => {
  const bench = await new Bench(tree).start(t)
  bench.notifier.policies.set('pager', 'shop')
  const labels = makeLabels({ alertname: 'X', severity: 'page', team: 'a' })
  const { routes } = bench.desk.previewRoutes(labels)
  assert.deepEqual(
    routes.map(
      ({ receiver, path, groupBy, groupKey, groupWaitMs, pausedBy, escalationPolicy }) => ({
        escalationPolicy,
        receiver,
        path: path.map((step) => step.matchers.join()),
        groupBy,
        groupKey,
        groupWaitMs,
        pausedBy,
      }),
    ),
    [
      {
        escalationPolicy: 'shop',
        receiver: 'pager',
        path: ['', 'severity="page"'],
        groupBy: undefined,
        groupKey: '{}/{severity="page"}:{alertname="X", severity="page", team="a"}',
        groupWaitMs: 0,
        pausedBy: [],
      },
      {
        escalationPolicy: '',
        receiver: 'night',
        path: ['', 'severity="page",team=~"a|b"'],
        groupBy: ['alertname'],
        groupKey: '{}/{severity="page",team=~"a|b"}:{alertname="X"}',
        groupWaitMs: 30 * second,
        pausedBy: ['always'],
      },
    ],
  )
  assert.deepEqual(
    bench.desk.previewRoutes(makeLabels({ alertname: 'X' })).routes.map(({ id }) => id),
    ['0'],
  )
})

test('the preview says what each route answered, and which condition refused', async (t) => {
  const bench = await new Bench(tree).start(t)
  const judged = (labels: Record<string, string>) =>
    bench.desk.previewRoutes(makeLabels(labels)).verdicts
  assert.deepEqual(judged({ alertname: 'X', severity: 'page', team: 'c' }), [
    { id: '0', verdict: 'passed', refusedBy: [] },
    { id: '0/0', verdict: 'told', refusedBy: [] },
    {
      id: '0/1',
      verdict: 'refused',
      refusedBy: [{ matcher: 'team=~"a|b"', label: 'team', value: 'c' }],
    },
  ])
  const verdicts = judged({ alertname: 'X' }).map(({ id, verdict }) => [id, verdict])
  assert.deepEqual(verdicts, [
    ['0', 'told'],
    ['0/0', 'refused'],
    ['0/1', 'refused'],
  ])
})

test('routes behind the one that took the alert are not asked; each shows what it inherits', async (t) => {
  const text = tree.replace('      continue: true\n', '')
  const bench = await new Bench(text).start(t)
  const labels = makeLabels({ severity: 'page', team: 'a' })
  const { verdicts } = bench.desk.previewRoutes(labels)
  assert.deepEqual(
    verdicts.map(({ verdict }) => verdict),
    ['passed', 'told', 'not-asked'],
  )
  const root = bench.desk.routeTree()
  assert.equal(root?.receiver, 'all')
  assert.deepEqual(
    root?.children.map(({ id, groupBy, groupWaitMs, pausedBy }) => [
      id,
      groupBy,
      groupWaitMs,
      pausedBy,
    ]),
    [
      ['0/0', undefined, 0, []],
      ['0/1', ['alertname'], 30 * second, ['always']],
    ],
  )
})

test('the preview says what would hold the alert back now', async (t) => {
  const bench = await new Bench(tree).start(t)
  await bench.fire({ alertname: 'Down', host: 'h1' })
  const nowTimeMs = bench.clock.nowTimeMs()
  const silence = await bench.desk.setSilence({
    matchers: [{ name: 'host', operator: '=', value: 'h1' }],
    startTimeMs: nowTimeMs,
    endTimeMs: nowTimeMs + minute,
    comment: 'c',
    createdBy: 'me',
  })
  const of = (host: string) =>
    bench.desk.previewRoutes(makeLabels({ alertname: 'Slow', host })).holders
  assert.deepEqual(of('h2'), { silencedBy: [], inhibitedBy: [], pausedBy: [], maintainedBy: [] })
  assert.deepEqual(of('h1').silencedBy, [silence.id])
  assert.equal(of('h1').inhibitedBy.length, 1)
})

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`the forecast counts the messages that are sent (seed ${seed})`, async (t) => {
    const bench = await new Bench(tree.replace('team=~"a|b"', 'team=~"b"')).start(t)
    const random = makeSeededRandom(seed)
    const open = new Map<string, AlertCourse>()
    const courses: AlertCourse[] = []
    for (let step = 0; step < 150; step++) {
      const labels = {
        alertname: random() < 0.5 ? 'X' : 'Y',
        severity: random() < 0.5 ? 'page' : 'info',
        team: random() < 0.5 ? 'a' : 'b',
      }
      const key = JSON.stringify(labels)
      const known = open.get(key)
      const nowTimeMs = bench.clock.nowTimeMs()
      if (known === undefined) {
        const course: AlertCourse = {
          labels: makeLabels(labels),
          firedTimeMs: nowTimeMs,
          endTimeMs: undefined,
        }
        open.set(key, course)
        courses.push(course)
        await bench.desk.publish([bench.detected(labels, { endTimeMs: nowTimeMs + 1e9 })])
      } else if (random() < 0.7) {
        known.endTimeMs = nowTimeMs
        open.delete(key)
        await bench.resolve(labels)
      }
      await bench.clock.advance(Math.floor(random() * 20 * minute) + second)
    }
    const counts = new Map<string, number>()
    for (const { notification } of bench.notifier.sent)
      counts.set(notification.receiver, (counts.get(notification.receiver) ?? 0) + 1)
    const forecast = bench.desk.forecastMessages(courses, bench.clock.nowTimeMs())
    assert.ok(bench.notifier.sent.length > 50)
    assert.deepEqual(
      Object.fromEntries(forecast.map(({ receiver, messageCount }) => [receiver, messageCount])),
      Object.fromEntries(counts),
    )
    assert.ok(forecast.every(({ firstTimeMs }) => firstTimeMs >= startTimeMs))
  })
}
