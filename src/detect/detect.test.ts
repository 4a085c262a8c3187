import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../base/log.ts'
import { Detector } from './detect.ts'
import { Bench, settingsOf } from './testdata/bench.ts'

const second = 1000
const minute = 60_000
const startTimeMs = 1_700_000_000_000

const simple = `groups:
- name: g
  rules:
  - alert: Hot
    expr: heat > 30
    labels: {severity: page}
    annotations: {summary: '{{ $labels.room }} has {{ $value }}'}
`

test('a breach is sent within milliseconds of the sample, and so is the end of it', async (t) => {
  const bench = await new Bench(simple).start(t)
  bench.feed({ 'heat{room=attic}': 20, 'heat{room=cellar}': 10 })
  await bench.clock.advance(100)
  assert.equal(bench.sent.length, 0)
  bench.feed({ 'heat{room=attic}': 35 })
  const arrivedTimeMs = bench.clock.nowTimeMs()
  await bench.clock.advance(30)
  assert.equal(bench.sent.length, 1)
  const [alert] = bench.sent
  assert.equal(String(alert!.labels), '{alertname="Hot", room="attic", severity="page"}')
  assert.equal(alert!.annotations.get('summary'), 'attic has 35')
  assert.equal(alert!.state, 'firing')
  assert.ok(alert!.firedTimeMs - arrivedTimeMs <= 25, String(alert!.firedTimeMs - arrivedTimeMs))
  assert.equal(alert!.arrivedTimeMs, arrivedTimeMs)
  assert.equal(alert!.endTimeMs - alert!.firedTimeMs, 4 * minute)
  assert.equal(alert!.generatorUrl, 'http://ship.example:9595/graph?g0.expr=heat+%3E+30&g0.tab=1')
  bench.feed({ 'heat{room=attic}': 25 })
  await bench.clock.advance(50)
  assert.equal(bench.sent.length, 2)
  assert.equal(bench.sent[1]!.state, 'resolved')
})

test('"for" ends at its instant, between the turns of the group', async (t) => {
  const rules = simple.replace('expr: heat > 30', 'expr: heat > 30\n    for: 20s')
  const bench = await new Bench(rules).start(t)
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(19 * second)
  assert.equal(bench.stateOf('Hot'), 'pending')
  assert.equal(bench.detector.pendingAlerts()[0]!.labels['room'], 'attic')
  await bench.clock.advance(1.1 * second)
  assert.equal(bench.stateOf('Hot'), 'firing')
  assert.equal(bench.sent.length, 1)
  const heldMs = bench.sent[0]!.firedTimeMs - bench.sent[0]!.activeTimeMs
  assert.ok(heldMs >= 20 * second && heldMs <= 20 * second + 25, String(heldMs))
})

test('absent() and what nothing arrives for is found by the clock', async (t) => {
  const bench = await new Bench(simple.replace('heat > 30', 'absent(heat)')).start(t)
  await bench.clock.advance(minute + 100)
  assert.equal(bench.stateOf('Hot'), 'firing')
  bench.feed({ 'heat{room=attic}': 1 })
  await bench.clock.advance(50)
  assert.equal(bench.stateOf('Hot'), 'inactive')
})

test('ALERTS and ALERTS_FOR_STATE are written, follow the state, and end with it', async (t) => {
  const bench = await new Bench(simple.replace('heat > 30', 'heat > 30\n    for: 1m')).start(t)
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(50)
  const labels = 'alertname="Hot", alertstate="pending", room="attic", severity="page"'
  assert.deepEqual(await bench.ask('ALERTS'), [`ALERTS{${labels}} 1`])
  const activeSecond = Math.floor(startTimeMs / 1000)
  assert.match((await bench.ask('ALERTS_FOR_STATE'))[0]!, new RegExp(` ${activeSecond}$`))
  await bench.clock.advance(minute + second)
  assert.deepEqual(await bench.ask('ALERTS'), [`ALERTS{${labels.replace('pending', 'firing')}} 1`])
  bench.feed({ 'heat{room=attic}': 25 })
  await bench.clock.advance(50)
  assert.deepEqual(await bench.ask('{__name__=~"ALERTS.*"}'), [])
})

const chain = `groups:
- name: chain
  rules:
  - record: room:heat:max
    expr: max by (room) (heat)
    labels: {made: 'yes'}
  - record: house:heat:max
    expr: max(room:heat:max)
  - alert: HouseHot
    expr: house:heat:max > 30
- name: apart
  rules:
  - record: unread:heat:sum
    expr: sum(heat)
`

test('recordings run in order, lead to their alert on arrival, and alone wait for the clock', async (t) => {
  const bench = await new Bench(chain).start(t)
  bench.feed({ 'heat{room=attic,wall=n}': 35, 'heat{room=attic,wall=s}': 31 })
  await bench.clock.advance(100)
  assert.equal(bench.stateOf('HouseHot'), 'firing')
  assert.deepEqual(await bench.ask('room:heat:max'), ['room:heat:max{made="yes", room="attic"} 35'])
  assert.deepEqual(await bench.ask('unread:heat:sum'), [])
  await bench.clock.advance(minute)
  assert.deepEqual(await bench.ask('unread:heat:sum'), ['unread:heat:sum 66'])
})

test('silence keeps an alert and its age, a stale marker ends it', async (t) => {
  const bench = await new Bench(simple).start(t)
  await bench.feedFor(minute, { 'heat{room=attic}': 35, 'heat{room=cellar}': 35 })
  assert.equal(bench.sent.filter((alert) => alert.state === 'firing').length, 2)
  // the cellar takes its leave, the attic falls silent
  bench.feed({ 'heat{room=cellar}': undefined })
  await bench.clock.advance(20 * minute)
  const ended = bench.sent.filter((alert) => alert.state === 'resolved')
  assert.deepEqual([...new Set(ended.map((alert) => alert.labels.get('room')))], ['cellar'])
  const rule = bench.rule('Hot')
  assert.ok(rule.type === 'alerting')
  assert.equal(rule.alerts.length, 1)
  assert.ok(rule.alerts[0]!.noDataSinceTimeMs !== undefined)
  assert.ok(bench.sent.at(-1)!.endTimeMs > bench.clock.nowTimeMs(), 'it is confirmed meanwhile')
  assert.ok(bench.sent.some((alert) => alert.noDataSinceTimeMs !== undefined))
  // the data returns and is fine
  bench.feed({ 'heat{room=attic}': 20 })
  await bench.clock.advance(100)
  assert.equal(bench.stateOf('Hot'), 'inactive')
})

test('silence is bounded, and "resolve" ends an alert as Prometheus does', async (t) => {
  const kept = await new Bench(simple).start(t)
  kept.feed({ 'heat{room=attic}': 35 })
  await kept.clock.advance(60 * minute)
  assert.equal(kept.stateOf('Hot'), 'firing')
  await kept.clock.advance(8 * minute)
  assert.equal(kept.stateOf('Hot'), 'inactive')
  const resolving = await new Bench(simple, { settings: { no_data: 'resolve' } }).start(t)
  resolving.feed({ 'heat{room=attic}': 35 })
  await resolving.clock.advance(5 * minute)
  await resolving.clock.advance(minute + second)
  assert.equal(resolving.stateOf('Hot'), 'inactive')
})

test('a rate that runs dry is silence, a rate that falls is recovery', async (t) => {
  const rules = simple.replace('heat > 30', 'sum by (room) (rate(steps[1m])) > 1')
  const bench = await new Bench(rules).start(t)
  for (let step = 0; step < 20; step++) {
    bench.feed({ 'steps{room=attic,x=a}': step * 100, 'steps{room=hall,x=a}': step * 100 })
    await bench.clock.advance(15 * second)
  }
  // the hall goes on without steps, the attic stops speaking
  await bench.feedFor(3 * minute, { 'steps{room=hall,x=a}': 1900 })
  const rule = bench.rule('Hot')
  assert.ok(rule.type === 'alerting')
  assert.deepEqual(
    rule.alerts.map((alert) => alert.labels['room']),
    ['attic'],
  )
})

test('a failed scrape is silence of the source, a target that is gone is an end', async (t) => {
  const rules = `${simple}  - alert: Down\n    expr: up == 0\n`
  const bench = await new Bench(rules).start(t)
  const target = (n: number) => `job=j,instance=i${n}`
  await bench.feedFor(minute, {
    [`heat{${target(1)}}`]: 35,
    [`up{${target(1)}}`]: 1,
    [`heat{${target(2)}}`]: 35,
    [`up{${target(2)}}`]: 1,
  })
  // one scrape fails: stale markers and up 0; the other target was removed
  bench.feed({
    [`heat{${target(1)}}`]: undefined,
    [`up{${target(1)}}`]: 0,
    [`heat{${target(2)}}`]: undefined,
    [`up{${target(2)}}`]: undefined,
  })
  await bench.clock.advance(minute)
  const rule = bench.rule('Hot')
  assert.ok(rule.type === 'alerting')
  assert.deepEqual(
    rule.alerts.map((alert) => alert.labels['instance']),
    ['i1'],
  )
  assert.equal(bench.stateOf('Down'), 'firing')
})

test('an expression that filters inside recovers when its condition ends', async (t) => {
  const rules = simple.replace('heat > 30', 'count by (job) (up == 0)')
  const bench = await new Bench(rules).start(t)
  await bench.feedFor(minute, { 'up{job=j,instance=a}': 0 })
  assert.equal(bench.stateOf('Hot'), 'firing')
  bench.feed({ 'up{job=j,instance=a}': 1 })
  await bench.clock.advance(100)
  assert.equal(bench.stateOf('Hot'), 'inactive')
})

test('a recording that ends because its source fell silent is no recovery', async (t) => {
  const bench = await new Bench(chain).start(t)
  await bench.feedFor(minute, { 'heat{room=attic}': 35 })
  await bench.clock.advance(20 * minute)
  assert.deepEqual(await bench.ask('house:heat:max'), [])
  assert.equal(bench.stateOf('HouseHot'), 'firing')
})

test('a restart brings alerts back: firing ones go on, "for" counts only what was watched', async (t) => {
  const rules = simple.replace('heat > 30', 'heat > 30\n    for: 2m')
  const before = new Bench(rules)
  await before.detector.start()
  await before.feedFor(3 * minute, { 'heat{room=attic}': 35 })
  await before.feedFor(minute, { 'heat{room=attic}': 35, 'heat{room=hall}': 35 })
  const fired = before.sent.find((alert) => alert.state === 'firing')!
  await before.detector.stop()
  await before.clock.advance(10 * minute)
  const after = new Bench(rules, { from: before })
  // rule keys hold the file's path
  writeFileSync(join(before.dir, 'rules.yml'), rules)
  after.detector = new Detector({
    engine: after.engine,
    feed: after.store,
    appender: after.store,
    sink: { publish: async (alerts) => void after.sent.push(...alerts) },
    records: after.records,
    settings: settingsOf({ rule_files: ['rules.yml'] }),
    clock: after.clock,
    log: silentLog,
    externalUrl: 'http://x',
    baseDir: before.dir,
  })
  await after.start(t)
  t.after(() => rmSync(before.dir, { recursive: true }))
  after.feed({ 'heat{room=attic}': 35, 'heat{room=hall}': 35 })
  await after.clock.advance(50)
  const rule = after.rule('Hot')
  assert.ok(rule.type === 'alerting')
  const [attic, hall] = rule.alerts
  assert.equal(attic!.state, 'firing')
  assert.equal(attic!.firedTimeMs, fired.firedTimeMs)
  assert.equal(hall!.state, 'pending')
  const watchedMs = after.clock.nowTimeMs() - hall!.activeTimeMs
  assert.ok(watchedMs > 50 * second && watchedMs < 90 * second, String(watchedMs))
})

test('a rule that fails harms no other, keeps its alerts, and tells why', async (t) => {
  const rules = `${simple}  - alert: Twice
    expr: heat > 30
    labels: {room: any}
`
  const bench = await new Bench(rules).start(t)
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(50)
  assert.equal(bench.stateOf('Twice'), 'firing')
  bench.feed({ 'heat{room=cellar}': 40 })
  await bench.clock.advance(50)
  const twice = bench.rule('Twice')
  assert.equal(twice.health, 'err')
  assert.match(twice.lastError, /same labelset/)
  assert.equal(bench.stateOf('Twice'), 'firing')
  const hot = bench.rule('Hot')
  assert.ok(hot.type === 'alerting')
  assert.equal(hot.alerts.length, 2)
})

test('a broken rule file is refused with its place, and the rules that ran go on', async (t) => {
  const bench = await new Bench(simple).start(t)
  writeFileSync(join(bench.dir, 'rules.yml'), simple.replace('heat > 30', 'heat >'))
  await assert.rejects(
    bench.detector.reload(settingsOf({ rule_files: ['*.yml'] })),
    /rules\.yml:5:5: groups\[0\]\.rules\[0\]\.expr: could not parse expression: 1:7: parse error/,
  )
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(50)
  assert.equal(bench.sent.length, 1)
})

test('a reload keeps the alerts of rules that stay and resolves those of rules that go', async (t) => {
  const both = `${simple}  - alert: Other\n    expr: heat > 1\n`
  const bench = await new Bench(both).start(t)
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(50)
  const fired = bench.rule('Hot')
  writeFileSync(join(bench.dir, 'rules.yml'), simple)
  await bench.clock.advance(minute)
  await bench.detector.reload(settingsOf({ rule_files: ['rules.yml'] }))
  const kept = bench.rule('Hot')
  assert.ok(kept.type === 'alerting' && fired.type === 'alerting')
  assert.equal(kept.alerts[0]!.activeTimeMs, fired.alerts[0]!.activeTimeMs)
  assert.equal(bench.sent.at(-1)!.state, 'resolved')
  assert.equal(bench.sent.at(-1)!.labels.get('alertname'), 'Other')
  assert.equal((await bench.ask('ALERTS')).length, 1)
})

test('detection goes on when the records fail', async (t) => {
  const bench = new Bench(simple)
  bench.records.failing = true
  await bench.start(t)
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(50)
  assert.equal(bench.sent.length, 1)
})

test('rules with the same expression share an answer only while nothing arrives', async (t) => {
  const rules = `
groups:
  - name: one
    rules:
      - { alert: Warm, expr: 'sum(temperature) > 10', labels: { severity: warning } }
      - { alert: Hot, expr: 'sum(temperature) > 10', labels: { severity: page } }
      - { alert: Other, expr: 'sum(temperature) > 20' }
`
  const bench = await new Bench(rules).start(t)
  let selectCount = 0
  const { selectRecent } = bench.store
  bench.store.selectRecent = (selection) => {
    selectCount++
    return selectRecent.call(bench.store, selection)
  }
  const names = (): string[] =>
    bench.sent.splice(0).map((alert) => `${alert.labels.get('alertname')} ${alert.state}`)
  bench.feed({ temperature: 9 })
  await bench.clock.advance(100)
  assert.equal(selectCount, 2, 'two expressions, three rules')
  bench.feed({ temperature: 11 })
  await bench.clock.advance(100)
  assert.deepEqual(names(), ['Warm firing', 'Hot firing'])
  bench.feed({ temperature: 9 })
  await bench.clock.advance(100)
  assert.deepEqual(names(), ['Warm resolved', 'Hot resolved'])
})

test('a rule tells its state, since when, how long it was in each, and how it runs', async (t) => {
  const rules = simple
    .replace('heat > 30', 'heat > 30\n    for: 1m')
    .replace('- name: g', '- name: g\n  interval: 15s')
  const bench = await new Bench(rules).start(t)
  await bench.feedFor(2 * minute, { 'heat{room=attic}': 20 })
  const breachTimeMs = bench.clock.nowTimeMs()
  await bench.feedFor(5 * minute, { 'heat{room=attic}': 35 })
  const [group] = bench.detector.health((file) =>
    file.endsWith('rules.yml') ? 'rules.yml' : undefined,
  )
  assert.equal(group!.editName, 'rules.yml')
  assert.equal(group!.missedCount, 0)
  const [rule] = group!.rules
  assert.equal(rule!.state, 'firing')
  assert.ok(Math.abs(rule!.stateSinceTimeMs! - (breachTimeMs + minute)) < second)
  const spans = Object.values(rule!.stateSpansMs).map((spanMs) => Math.round(spanMs / minute))
  assert.deepEqual(spans, [4, 1, 2])
  assert.ok(rule!.sampleCount > 0)
  assert.ok(rule!.latenessMs! <= rule!.latenessMsWorst!)
})
