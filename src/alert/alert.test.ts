import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryRecords } from '../../test/support/memory-records.ts'
import { VirtualClock } from '../base/clock.ts'
import type { Alert } from '../model/alert.ts'
import type { AlertBackground } from '../model/flow.ts'
import { makeLabels } from '../model/labels.ts'
import type { Silence } from '../model/silence.ts'
import type { SilenceRequest } from './alert.ts'
import {
  Bench,
  FakeNotifier,
  minute,
  plain,
  second,
  settingsOf,
  startTimeMs,
} from './testdata/bench.ts'

test('a group waits, then speaks, then tells of news at its interval', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  await bench.fire({ i: '2' })
  await bench.clock.advance(20 * second)
  assert.deepEqual(bench.story(), ['1 a first notification: 1f', '4 a new alerts added: 1f 2f'])
})

test('one of two resolved, then all, then silence', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire({ i: '1' }, { i: '2' })
  await bench.clock.advance(2 * second)
  await bench.resolve({ i: '1' })
  await bench.clock.advance(4 * second)
  await bench.resolve({ i: '2' })
  await bench.clock.advance(60 * second)
  assert.deepEqual(bench.story(), [
    '1 a first notification: 1f 2f',
    '4 a some alerts resolved: 1r 2f',
    '7 a all alerts resolved: 2r',
  ])
  // the same trouble later is a new story
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  assert.equal(bench.story().at(-1), '67 a first notification: 1f')
})

test('what is over before anybody heard of it is not told', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(500)
  await bench.resolve({ i: '1' })
  await bench.clock.advance(60 * second)
  assert.deepEqual(bench.story(), [])
})

test('the same again is said after repeat_interval, at a turn of the group', async (t) => {
  const bench = await new Bench(plain().replace('1h', '5s')).start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(15 * second)
  assert.deepEqual(bench.story(), [
    '1 a first notification: 1f',
    '7 a repeat interval elapsed: 1f',
    '13 a repeat interval elapsed: 1f',
  ])
})

test('an alert that began longer ago than group_wait is told at once', async (t) => {
  const bench = await new Bench(plain().replace('group_wait: 1s', 'group_wait: 30s')).start(t)
  await bench.desk.publish([
    bench.detected({ i: '1' }, { firedTimeMs: startTimeMs - minute, activeTimeMs: 0 }),
  ])
  await bench.clock.advance(10)
  assert.deepEqual(bench.story(), ['0 a first notification: 1f'])
})

test('an alert that nobody confirms any more counts as resolved', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const changes: string[] = []
  bench.desk.onChange((changed) => changes.push(...changed.map((alert) => alert.state)))
  await bench.desk.publish([bench.detected({ i: '1' }, { endTimeMs: startTimeMs + 5 * second })])
  await bench.clock.advance(12 * second)
  assert.deepEqual(bench.story(), ['1 a first notification: 1f', '7 a all alerts resolved: 1r'])
  assert.deepEqual(changes, ['firing', 'resolved'])
})

test('alerts are routed depth first, continue goes on, children inherit', async (t) => {
  const bench = await new Bench(
    plain(`  routes:
  - receiver: b
    matchers: [team=b]
    continue: true
    group_wait: 0s
    routes:
    - matchers: ['severity=~"page|critical"', 'zone!=test']
      receiver: pager
      group_by: ['...']
  - match: {team: b}
    receiver: c
  - match_re: {team: 'd|e'}
    receiver: d
`),
  ).start(t)
  const receiversOf = (labels: Record<string, string>): string[] => {
    void bench.fire(labels)
    const fingerprint = makeLabels({ alertname: 'X', ...labels }).fingerprint()
    return bench.desk.list().find((alert) => alert.fingerprint === fingerprint)!.receivers
  }
  assert.deepEqual(receiversOf({ i: '1' }), ['a'])
  assert.deepEqual(receiversOf({ i: '2', team: 'b' }), ['b', 'c'])
  assert.deepEqual(receiversOf({ i: '3', team: 'b', severity: 'page' }), ['pager', 'c'])
  assert.deepEqual(receiversOf({ i: '4', team: 'b', severity: 'page', zone: 'test' }), ['b', 'c'])
  assert.deepEqual(receiversOf({ i: '5', team: 'e' }), ['d'])
  assert.deepEqual(receiversOf({ i: '6', team: 'dd' }), ['a'])
  await bench.clock.advance(2 * second)
  const keys = new Map(
    bench.notifier.sent.map(({ notification }) => [notification.receiver, notification.groupKey]),
  )
  assert.equal(keys.get('a'), '{}:{alertname="X"}')
  assert.equal(keys.get('b'), '{}/{team="b"}:{alertname="X"}')
  assert.equal(
    keys.get('pager'),
    '{}/{team="b"}/{severity=~"page|critical",zone!="test"}:{alertname="X", i="3", severity="page", team="b"}',
  )
  assert.equal(keys.get('d'), '{}/{team=~"^(?:d|e)$"}:{alertname="X"}')
})

test('fingerprints and group keys are those of Alertmanager', async (t) => {
  assert.equal(makeLabels({}).fingerprint(), 'cbf29ce484222325')
  assert.equal(makeLabels({ alertname: 'test1' }).fingerprint(), '5ae90ff6f82ebe6b')
  const bench = await new Bench(plain()).start(t)
  await bench.desk.publish([
    bench.detected({ alertname: 'InstanceDown', instance: 'localhost:9090', job: 'prometheus' }),
  ])
  assert.equal(bench.desk.list()[0]!.fingerprint, 'b263407b9809ae48')
})

const inhibit = plain(`inhibit_rules:
- source_matchers: [sev=critical]
  target_matchers: ['sev=~"warning|critical"']
  equal: [host]
`)

test('a source holds its targets back, says so, and lets go when it ends', async (t) => {
  const bench = await new Bench(inhibit).start(t)
  await bench.desk.publish([
    bench.detected({ alertname: 'S', sev: 'critical', host: 'h' }),
    bench.detected({ alertname: 'T', sev: 'warning', host: 'h' }),
    bench.detected({ alertname: 'Other', sev: 'warning', host: 'g' }),
    bench.detected({ alertname: 'S2', sev: 'critical', host: 'h' }),
  ])
  const held = bench.desk.list().filter((alert) => alert.held !== undefined)
  assert.deepEqual(
    held.map((alert) => [alert.labels.get('alertname'), alert.held!.reason]),
    [['T', 'inhibited']],
  )
  const source = makeLabels({ alertname: 'S', sev: 'critical', host: 'h' })
  assert.deepEqual(held[0]!.held!.by, [source.fingerprint()])
  await bench.clock.advance(2 * second)
  assert.deepEqual(
    bench
      .story()
      .map((line) => line.split(': ')[1])
      .sort(),
    ['Otherf', 'S2f', 'Sf'],
  )
  for (const alertname of ['S', 'S2'])
    await bench.desk.publish([
      bench.detected(
        { alertname, sev: 'critical', host: 'h' },
        { state: 'resolved', endTimeMs: bench.clock.nowTimeMs() },
      ),
    ])
  await bench.clock.advance(3 * second)
  assert.ok(bench.story().includes('4 a first notification: Tf'))
})

test('a label missing on both sides counts as equal, on one side not', async (t) => {
  const bench = await new Bench(inhibit).start(t)
  await bench.fire({ alertname: 'S', sev: 'critical' }, { alertname: 'T', sev: 'warning' })
  await bench.fire({ alertname: 'U', sev: 'warning', host: 'h' })
  const held = bench.desk.list().filter((alert) => alert.held !== undefined)
  assert.deepEqual(
    held.map((alert) => alert.labels.get('alertname')),
    ['T'],
  )
})

test('each channel has its own memory: one that fails is told later, the other not twice', async (t) => {
  const bench = new Bench(plain())
  bench.notifier.channelsOf.set('a', [
    { key: 'email[0]', kind: 'email', sendsResolved: false },
    { key: 'webhook[0]', kind: 'webhook', sendsResolved: true },
  ])
  bench.notifier.broken.add('webhook[0]')
  await bench.start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(5 * second)
  bench.notifier.broken.clear()
  await bench.clock.advance(5 * second)
  await bench.resolve({ i: '1' })
  await bench.clock.advance(10 * second)
  assert.deepEqual(bench.story(), [
    '1 a email[0] first notification: 1f',
    '7 a first notification: 1f',
    '13 a all alerts resolved: 1r',
  ])
})

test('a restart neither forgets nor repeats', async (t) => {
  const before = new Bench(plain())
  await before.desk.start()
  await before.fire({ i: '1' }, { i: '2' })
  await before.clock.advance(2 * second)
  await before.desk.stop()
  await before.clock.advance(20 * minute)
  const after = await new Bench(plain(), before).start(t)
  assert.equal(after.desk.list().filter((alert) => alert.state === 'firing').length, 2)
  await after.clock.advance(10 * second)
  assert.deepEqual(after.story(), ['1 a first notification: 1f 2f'])
  await after.resolve({ i: '1' })
  await after.fire({ i: '3' })
  await after.clock.advance(4 * second)
  assert.equal(after.story().length, 2)
  assert.match(after.story()[1]!, /new alerts added: 1r 2f 3f$/)
})

test('after a restart the rhythm of a group goes on where it was', async (t) => {
  const yaml = plain().replace('group_interval: 3s', 'group_interval: 60s')
  const before = new Bench(yaml)
  await before.desk.start()
  await before.fire({ i: '1' })
  await before.clock.advance(2 * second)
  await before.desk.stop()
  const after = await new Bench(yaml, before).start(t)
  await after.fire({ i: '2' })
  await after.clock.advance(50 * second)
  assert.equal(after.story().length, 1)
  await after.clock.advance(20 * second)
  assert.equal(after.story()[1], '61 a new alerts added: 1f 2f')
})

test('alerting goes on when the records fail', async (t) => {
  const bench = new Bench(plain())
  bench.records.failing = true
  await bench.start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  assert.deepEqual(bench.story(), ['1 a first notification: 1f'])
})

test('a message carries its background, and goes out without it when that is late or fails', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const known: AlertBackground = { incidentId: 'x', incidentNumber: 1, cause: 'c', url: 'u' }
  const asked: (readonly string[])[] = []
  let answer: () => Promise<AlertBackground | undefined> = async () => known
  bench.desk.setContext({
    describe: (fingerprints) => {
      asked.push(fingerprints)
      return answer()
    },
  })
  await bench.fire({ alertname: 'A' })
  await bench.clock.advance(2 * second)
  assert.deepEqual(bench.notifier.sent[0]!.notification.background, known)
  assert.deepEqual(asked, [[makeLabels({ alertname: 'A' }).fingerprint()]])
  answer = () => new Promise(() => undefined)
  await bench.fire({ alertname: 'B' })
  await bench.clock.advance(2.9 * second)
  assert.equal(bench.notifier.sent.length, 1)
  await bench.clock.advance(0.2 * second)
  assert.equal(bench.notifier.sent[1]!.notification.background, undefined)
  answer = () => Promise.reject(new Error('no'))
  await bench.fire({ alertname: 'C' })
  await bench.clock.advance(1.1 * second)
  assert.equal(bench.notifier.sent[2]!.notification.background, undefined)
})

test('the same trouble keeps its beginning, and listeners hear only of changes', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const changes: string[] = []
  bench.desk.onChange((changed: readonly Alert[]) =>
    changes.push(...changed.map((alert) => `${alert.labels.get('i')} ${alert.state}`)),
  )
  await bench.fire({ i: '1' })
  await bench.clock.advance(5 * second)
  await bench.fire({ i: '1' })
  assert.equal(bench.desk.list()[0]!.firedTimeMs, startTimeMs)
  await bench.resolve({ i: '1' })
  await bench.resolve({ i: '1' })
  await bench.fire({ i: '1' })
  assert.equal(bench.desk.list()[0]!.firedTimeMs, startTimeMs + 5 * second)
  assert.deepEqual(changes, ['1 firing', '1 resolved', '1 firing'])
})

test('resolved alerts are listed for a quarter of an hour', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(5 * second)
  await bench.resolve({ i: '1' })
  await bench.clock.advance(14 * minute)
  assert.equal(bench.desk.list().length, 1)
  await bench.clock.advance(2 * minute)
  assert.equal(bench.desk.list().length, 0)
  assert.deepEqual(await bench.records.alerts.list(), [])
})

test('new alerts beyond the limit are refused, known ones are not', async (t) => {
  const bench = await new Bench(`${plain()}alert_count_max: 100\n`).start(t)
  for (let i = 0; i < 105; i++) await bench.fire({ i: String(i) })
  assert.equal(bench.desk.list().length, 100)
  await bench.resolve({ i: '5' })
  assert.equal(bench.desk.list().filter((alert) => alert.state === 'resolved').length, 1)
})

test('without a route everything goes to "default", or nowhere when there is none', async (t) => {
  const bench = await new Bench('').start(t)
  await bench.fire({ i: '1', service: 's' })
  await bench.clock.advance(31 * second)
  assert.deepEqual(bench.story(), ['30 default first notification: 1f'])
  const clock = new VirtualClock(startTimeMs)
  const notifier = new FakeNotifier(clock)
  notifier.unknown.add('default')
  const alone = await new Bench('', {
    clock,
    notifier,
    records: new MemoryRecords(),
  }).start(t)
  await alone.fire({ i: '1' })
  await clock.advance(minute)
  assert.equal(alone.desk.list().length, 1)
  assert.deepEqual(alone.story(), [])
})

test('a reload keeps groups and their memory, and takes new routes', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  bench.desk.reload(settingsOf(plain()))
  await bench.clock.advance(10 * second)
  assert.deepEqual(bench.story(), ['1 a first notification: 1f'])
  bench.desk.reload(settingsOf(plain().replace('receiver: a', 'receiver: z')))
  await bench.clock.advance(2 * second)
  assert.equal(bench.story().length, 2)
  assert.match(bench.story()[1]!, / z first notification: 1f$/)
  assert.throws(
    () => bench.desk.reload(settingsOf(plain('  routes: [{receiver: nobody, match: {a: b}}]'))),
    /undefined receiver "nobody" used in route \{\}\/\{a="b"\}/,
  )
  assert.deepEqual(bench.desk.list()[0]!.receivers, ['z'])
})

test('settings that Alertmanager refuses are refused with a reason', () => {
  const check = (yaml: string, expected: RegExp) => assert.throws(() => settingsOf(yaml), expected)
  check('route: {}', /must specify a receiver/)
  check('route: {receiver: a, match: {a: b}}', /must not have any matchers/)
  check('route: {receiver: a, continue: true}', /cannot have continue/)
  check('route: {receiver: a, group_by: [a, a]}', /duplicated label \\"a\\"/)
  check("route: {receiver: a, group_by: ['...', a]}", /cannot have wildcard group_by/)
  check('route: {receiver: a, group_interval: 0s}', /longer than zero/)
  check('route: {receiver: a, routes: [{matchers: [a]}]}', /bad matcher format: a/)
  check('route: {receiver: a, routes: [{matchers: ["a=~("]}]}', /missing closing/)
  check('route: {receiver: a, routes: [{match_re: {a: "("}}]}', /missing closing/)
  check('route: {receiver: a, routes: [{foo: 1}]}', /foo/)
  check('route: {receiver: a, mute_time_intervals: [x]}', /must not have any time intervals/)
  check('time_intervals: [{name: a}, {name: a}]', /"a\\" is not unique/)
  check(
    'time_intervals: [{name: a, time_intervals: [{weekdays: [caturday]}]}]',
    /caturday is not a valid weekday/,
  )
  assert.throws(
    () => new Bench('route: {receiver: a, routes: [{active_time_intervals: [nope]}]}'),
    { code: 'ALERT_INTERVAL_UNKNOWN' },
  )
  check('inhibit_rules: [{source_match_re: {a: }}]', /invalid regexp value/)
})

function hold(bench: Bench, change: Partial<SilenceRequest> = {}): Promise<Silence> {
  const nowTimeMs = bench.clock.nowTimeMs()
  return bench.desk.setSilence({
    matchers: [{ name: 'i', operator: '=~', value: '1|2' }],
    startTimeMs: nowTimeMs,
    endTimeMs: nowTimeMs + 10 * second,
    createdBy: 'me',
    comment: 'known',
    ...change,
  })
}

test('a silence holds what it matches, says so, and lets go at its end', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const changes: string[] = []
  bench.desk.onChange((changed) =>
    changes.push(
      ...changed.map((one) => `${one.labels.get('i')} ${one.held?.reason ?? one.state}`),
    ),
  )
  await bench.fire({ i: '1' }, { i: '12' })
  assert.deepEqual(
    bench.desk
      .previewSilence([{ name: 'i', operator: '=~', value: '1|2' }])
      .map((alert) => alert.labels.get('i')),
    ['1'],
  )
  const { id } = await hold(bench)
  const held = bench.desk.list().find((alert) => alert.labels.get('i') === '1')!
  assert.deepEqual(held.held, { reason: 'silenced', by: [id] })
  assert.deepEqual(bench.desk.holdersOf(held).silencedBy, [id])
  await bench.clock.advance(9.9 * second)
  assert.deepEqual(bench.story(), ['1 a first notification: 12f'])
  await bench.clock.advance(10 * second)
  assert.deepEqual(bench.story().slice(1), ['10 a new alerts added: 1f 12f'])
  assert.deepEqual(changes, ['1 firing', '12 firing', '1 silenced', '1 firing'])
})

test('the end of an alert that is silenced is not told', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  await hold(bench, { endTimeMs: bench.clock.nowTimeMs() + minute })
  await bench.resolve({ i: '1' })
  await bench.clock.advance(2 * minute)
  assert.deepEqual(bench.story(), ['1 a first notification: 1f'])
})

test('a silence outlives a restart, can begin later, and be ended early', async (t) => {
  const before = new Bench(plain())
  await before.desk.start()
  const { id } = await hold(before, {
    startTimeMs: startTimeMs + 5 * second,
    endTimeMs: startTimeMs + minute,
  })
  await before.desk.stop()
  const bench = await new Bench(plain(), before).start(t)
  await bench.fire({ i: '1' })
  const heldNow = (): string | undefined => bench.desk.list()[0]!.held?.reason
  assert.equal(heldNow(), undefined)
  await bench.clock.advance(6 * second)
  assert.equal(heldNow(), 'silenced')
  const ended = await bench.desk.expireSilence(id)
  assert.equal(ended!.id, id)
  assert.equal(heldNow(), undefined)
  assert.equal(bench.desk.findSilence(id)!.endTimeMs, bench.clock.nowTimeMs())
  assert.equal(await bench.desk.expireSilence('none'), undefined)
  await bench.clock.advance(121 * 60 * minute)
  assert.deepEqual(bench.desk.silences(), [])
  assert.deepEqual(await bench.records.silences.list(), [])
})

test('changing the end of a silence keeps it, changing what it holds ends it and makes another', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const first = await hold(bench)
  await bench.clock.advance(second)
  const longer = await hold(bench, { ...first, endTimeMs: startTimeMs + minute })
  assert.equal(longer.id, first.id)
  assert.equal(bench.desk.silences().length, 1)
  const other = await hold(bench, {
    ...longer,
    matchers: [{ name: 'i', operator: '=', value: '3' }],
  })
  assert.notEqual(other.id, first.id)
  assert.equal(bench.desk.findSilence(first.id)!.endTimeMs, bench.clock.nowTimeMs())
  assert.equal(other.startTimeMs, bench.clock.nowTimeMs())
})

test('silences that make no sense are refused with the reason', async (t) => {
  const bench = await new Bench(`${plain()}silence_count_max: 10\n`).start(t)
  const check = (change: Partial<SilenceRequest>, expected: RegExp | { code: string }) =>
    assert.rejects(hold(bench, change), expected)
  await check({ matchers: [] }, /at least one matcher required/)
  await check({ matchers: [{ name: 'a', operator: '=~', value: '.*' }] }, /the empty string/)
  await check({ matchers: [{ name: '', operator: '=', value: 'x' }] }, /needs a name/)
  await check({ matchers: [{ name: 'a', operator: '=~', value: '(' }] }, /missing closing/)
  await check({ endTimeMs: startTimeMs }, /start time must be before end time/)
  await check({ startTimeMs: 1, endTimeMs: 2 }, /end time can't be in the past/)
  await check({ comment: 'x'.repeat(5000) }, /longer than/)
  await check({ id: 'nope' }, { code: 'ALERT_SILENCE_UNKNOWN' })
  for (let index = 0; index < 10; index++) await hold(bench)
  await check({}, { code: 'ALERT_SILENCES_FULL' })
})

test('silences hold although the records fail', async (t) => {
  const bench = new Bench(plain())
  bench.records.failing = true
  await bench.start(t)
  await hold(bench)
  await bench.fire({ i: '1' })
  await bench.clock.advance(5 * second)
  assert.deepEqual(bench.story(), [])
})

test('a route is quiet out of its hours, says so, and speaks when they begin', async (t) => {
  // The clock stands at 2023-11-14 22:13:20 UTC, a Tuesday: 06:13:20 on Wednesday in Shanghai.
  const bench = await new Bench(
    plain(`  routes:
  - matchers: [team=b]
    receiver: b
    active_time_intervals: [work]
    continue: true
  - matchers: [team=b, both=yes]
    receiver: c
    mute_time_intervals: [weekend]
time_intervals:
- name: work
  time_intervals:
  - times: [{start_time: '06:14', end_time: '18:00'}]
    weekdays: ['monday:friday']
    location: Asia/Shanghai
- name: weekend
  time_intervals: [{weekdays: [saturday, sunday]}]
`),
  ).start(t)
  const changes: string[] = []
  bench.desk.onChange((changed) =>
    changes.push(
      ...changed.map((one) => `${one.labels.get('i')} ${one.held?.reason ?? one.state}`),
    ),
  )
  await bench.fire({ i: '1', team: 'b' }, { i: '2', team: 'b', both: 'yes' })
  const held = bench.desk.list().map((alert) => alert.held)
  assert.deepEqual(held, [{ reason: 'out-of-hours', by: ['work'] }, undefined])
  await bench.clock.advance(30 * second)
  assert.deepEqual(bench.story(), ['1 c first notification: 2f'])
  await bench.clock.advance(20 * second)
  assert.deepEqual(bench.story().slice(1), ['40 b first notification: 1f 2f'])
  assert.deepEqual(changes, ['1 firing', '2 firing', '1 out-of-hours', '1 firing'])
})

test('alerts from outside: an end that was named is not shortened by one that was not', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const send = (startTimeMs: number | undefined, endTimeMs: number | undefined) =>
    bench.desk.receive([
      {
        labels: makeLabels({ alertname: 'X' }),
        annotations: makeLabels({}),
        startTimeMs,
        endTimeMs,
        generatorUrl: '',
      },
    ])
  const now = (): Alert => bench.desk.list()[0]!
  await send(undefined, undefined)
  assert.equal(now().firedTimeMs, startTimeMs)
  assert.equal(now().endTimeMs, startTimeMs + 5 * minute)
  await send(startTimeMs - minute, startTimeMs + 60 * minute)
  assert.equal(now().firedTimeMs, startTimeMs - minute)
  await bench.clock.advance(second)
  await send(undefined, undefined)
  assert.equal(now().firedTimeMs, startTimeMs - minute)
  assert.equal(now().endTimeMs, startTimeMs + 60 * minute)
  await send(undefined, bench.clock.nowTimeMs())
  assert.equal(now().state, 'resolved')
  await bench.clock.advance(second)
  await send(undefined, undefined)
  assert.equal(now().firedTimeMs, bench.clock.nowTimeMs())
  await bench.clock.advance(6 * minute)
  assert.equal(now().state, 'resolved')
})

for (const [resolved, expected] of [
  ['drop', []],
  ['tell', ['10 a all alerts resolved: 1r']],
  ['delay', ['22 a all alerts resolved: 1r']],
] as const)
  test(`a silence that says "${resolved}" of ends does so`, async (t) => {
    const bench = await new Bench(plain()).start(t)
    await bench.fire({ i: '1' })
    await bench.clock.advance(5 * second)
    await hold(bench, { endTimeMs: bench.clock.nowTimeMs() + 15 * second, resolved })
    await bench.clock.advance(4 * second)
    await bench.resolve({ i: '1' })
    await bench.clock.advance(30 * second)
    assert.deepEqual(bench.story().slice(1), expected)
  })

test('alerts from outside are joined where they overlap, and stand for themselves where not', async (t) => {
  const bench = await new Bench(plain()).start(t)
  const report = (startTimeMs: number | undefined, endTimeMs: number | undefined) =>
    bench.desk.receive([
      {
        labels: makeLabels({ alertname: 'X', i: '1' }),
        annotations: makeLabels({}),
        startTimeMs,
        endTimeMs,
        generatorUrl: '',
      },
    ])
  const endOf = () => (bench.desk.list()[0]!.endTimeMs - startTimeMs) / second
  await report(startTimeMs, startTimeMs + 600 * second)
  await bench.clock.advance(second)
  // An end that was named holds against a guess that begins within ...
  await report(startTimeMs + second, undefined)
  assert.equal(endOf(), 600)
  // ... once: what was joined is a guess as well.
  await report(startTimeMs + second, startTimeMs + 200 * second)
  assert.equal(endOf(), 200)
  // One that names its end alone begins there, so that a shorter one does not lie within.
  await report(undefined, startTimeMs + 500 * second)
  await report(startTimeMs, startTimeMs + 100 * second)
  assert.equal(endOf(), 100)
})

test('with a short interval an alert that comes back is told in the rhythm of its group', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  await bench.resolve({ i: '1' })
  await bench.clock.advance(6 * second)
  await bench.fire({ i: '1' })
  await bench.clock.advance(2 * second)
  assert.deepEqual(bench.story(), [
    '1 a first notification: 1f',
    '4 a all alerts resolved: 1r',
    '10 a first notification: 1f',
  ])
})

test('alerts stand in the order of Alertmanager: job, instance, number of labels, labels', async (t) => {
  const bench = await new Bench(plain()).start(t)
  await bench.fire(
    { i: '1', zone: 'z' },
    { i: '2' },
    { i: '3', instance: 'b' },
    { i: '4', job: 'b' },
    { i: '5', job: 'a', zone: 'z' },
    { i: '6', instance: 'a' },
    { i: '7', cell: 'c' },
  )
  await bench.clock.advance(2 * second)
  assert.deepEqual(bench.story(), ['1 a first notification: 5f 4f 6f 3f 2f 1f 7f'])
})
