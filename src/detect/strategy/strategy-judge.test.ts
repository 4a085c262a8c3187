import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Bench } from '../testdata/bench.ts'

const second = 1000
const minute = 60_000

function ruleOf(block: string, head = 'expr: heat > 30'): string {
  const lines = block.trim().split('\n')
  return `groups:
- name: g
  rules:
  - alert: Hot
    ${head}
    labels: {severity: info}
    annotations:
      summary: '{{ $labels.room }} has {{ $value }}'
      shipwatch: |
${lines.map((line) => `        ${line}\n`).join('')}`
}

/** What was sent since the last call, each as severity, state and what is said besides. */
function takeSent(bench: Bench): string[] {
  return bench.sent.splice(0).map((alert) => {
    const notes = ['moved_to', 'flapping', 'no_data', 'runbook_url']
      .filter((name) => alert.annotations.has(name))
      .map((name) => ` ${name}=${alert.annotations.get(name)}`)
    return `${alert.labels.get('severity')} ${alert.state}${notes.join('')}`
  })
}

test('one alert moves between severities: it fires as the new one and says so as the old one', async (t) => {
  const rules = ruleOf(`
levels:
  - { severity: warning }
  - { severity: page, when: '> 50', until: '< 45' }
recovery: { when: '< 20' }
owner: heating
service: boiler
runbook: https://wiki.example/heat`)
  const bench = await new Bench(rules).start(t)
  const at = async (value: number): Promise<string[]> => {
    bench.feed({ 'heat{room=attic}': value })
    await bench.clock.advance(second)
    return takeSent(bench)
  }
  const book = ' runbook_url=https://wiki.example/heat'
  assert.deepEqual(await at(25), [])
  assert.deepEqual(await at(35), [`warning firing${book}`])
  assert.deepEqual(await at(55), [`warning resolved moved_to=page${book}`, `page firing${book}`])
  const rule = bench.rule('Hot')
  assert.ok(rule.type === 'alerting')
  assert.deepEqual(
    rule.alerts.map(({ labels }) => ({ ...labels })),
    [{ alertname: 'Hot', owner: 'heating', room: 'attic', service: 'boiler', severity: 'page' }],
  )
  assert.equal(rule.alerts[0]!.value, 55)
  assert.deepEqual(await at(47), [])
  assert.deepEqual((await at(25)).sort(), [
    `page resolved moved_to=warning${book}`,
    `warning firing${book}`,
  ])
  assert.deepEqual(await at(10), [`warning resolved${book}`])
  assert.deepEqual(await bench.ask('ALERTS'), [])
})

test('levels by time fire at their instant, between the turns of the group', async (t) => {
  const rules = ruleOf('levels: [{ severity: warning, for: 10s }, { severity: page, for: 25s }]')
  const bench = await new Bench(rules).start(t)
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(9 * second)
  assert.equal(bench.stateOf('Hot'), 'pending')
  await bench.clock.advance(1.1 * second)
  assert.deepEqual(takeSent(bench), ['warning firing'])
  await bench.clock.advance(15 * second)
  assert.deepEqual(takeSent(bench), ['warning resolved moved_to=page', 'page firing'])
  const [alert] = bench.detector
    .groups()[0]!
    .rules.flatMap((rule) => (rule.type === 'alerting' ? rule.alerts : []))
  assert.equal(alert!.firedTimeMs! - alert!.activeTimeMs >= 25 * second, true)
})

test('keep_firing_for keeps the alert, not the severity that it had', async (t) => {
  const head = 'expr: heat > 30\n    keep_firing_for: 2m'
  const rules = ruleOf("levels: [{ severity: warning }, { severity: page, when: '> 50' }]", head)
  const bench = await new Bench(rules).start(t)
  await bench.feedFor(minute, { 'heat{room=attic}': 55 })
  assert.deepEqual(takeSent(bench), ['page firing'])
  await bench.feedFor(30 * second, { 'heat{room=attic}': 35 })
  assert.deepEqual(takeSent(bench).sort(), ['page resolved moved_to=warning', 'warning firing'])
  await bench.feedFor(minute, { 'heat{room=attic}': 10 })
  assert.equal(bench.stateOf('Hot'), 'firing')
  await bench.feedFor(2 * minute, { 'heat{room=attic}': 10 })
  assert.equal(bench.stateOf('Hot'), 'inactive')
})

test('a recovery expression ends the alert, not the end of its own condition', async (t) => {
  const rules = ruleOf('recovery: { expr: door == 1, for: 1m }')
  const bench = await new Bench(rules).start(t)
  await bench.feedFor(minute, { 'heat{room=attic}': 35, 'door{room=attic}': 0 })
  assert.deepEqual(takeSent(bench), ['info firing'])
  await bench.feedFor(5 * minute, { 'heat{room=attic}': 10, 'door{room=attic}': 0 })
  assert.equal(bench.stateOf('Hot'), 'firing')
  // another room's door says nothing of this one
  await bench.feedFor(2 * minute, {
    'heat{room=attic}': 10,
    'door{room=attic}': 0,
    'door{room=hall}': 1,
  })
  assert.equal(bench.stateOf('Hot'), 'firing')
  bench.feed({ 'door{room=attic}': 1, 'heat{room=attic}': 10 })
  await bench.clock.advance(59 * second)
  assert.equal(bench.stateOf('Hot'), 'firing')
  await bench.clock.advance(2 * second)
  assert.equal(bench.stateOf('Hot'), 'inactive')
})

test('flapping is said with the alert that begins it, and nothing is sent until it ends', async (t) => {
  const bench = await new Bench(ruleOf('flapping: { changes: 4, within: 10m }')).start(t)
  for (let turn = 0; turn < 6; turn++) {
    bench.feed({ 'heat{room=attic}': turn % 2 === 0 ? 35 : 10 })
    await bench.clock.advance(30 * second)
  }
  const note = ' flapping=changed 4 times within 10m'
  assert.deepEqual(takeSent(bench), [
    'info firing',
    'info resolved',
    'info firing',
    'info resolved',
    `info firing${note}`,
  ])
  const quiet: Record<string, number> = { 'heat{room=attic}': 10 }
  await bench.feedFor(12 * minute, quiet)
  const later = new Set(takeSent(bench))
  assert.deepEqual(
    [...later].map((text) => text.split(' ')[1]),
    ['firing', 'resolved'],
  )
  assert.equal(bench.stateOf('Hot'), 'inactive')
})

test('an event of "single" is told once, however long its condition lasts', async (t) => {
  const bench = await new Bench(
    ruleOf('{ strategy: single, lasts: 1m }', 'expr: increase(restarts[1m]) > 0'),
  ).start(t)
  await bench.feedFor(2 * minute, { 'restarts{pod=a}': 3 })
  assert.deepEqual(takeSent(bench), [])
  await bench.feedFor(30 * second, { 'restarts{pod=a}': 4 })
  assert.deepEqual(takeSent(bench), ['info firing'])
  await bench.feedFor(3 * minute, { 'restarts{pod=a}': 4 })
  assert.deepEqual([...new Set(takeSent(bench))], ['info resolved'])
  await bench.feedFor(30 * second, { 'restarts{pod=a}': 5 })
  assert.deepEqual(takeSent(bench).at(-1), 'info firing')
})

test('a restart goes on with levels, recovery and damping where they stopped', async (t) => {
  const rules = ruleOf(`
levels:
  - { severity: warning }
  - { severity: page, when: '> 50', for: 2m }
recovery: { when: '< 20', for: 2m }`)
  const before = new Bench(rules)
  await before.detector.start()
  await before.feedFor(minute, { 'heat{room=attic}': 55, 'heat{room=hall}': 35 })
  // the hall begins to recover
  await before.feedFor(30 * second, { 'heat{room=attic}': 55, 'heat{room=hall}': 10 })
  await before.detector.stop()
  await before.clock.advance(10 * minute)
  const after = new Bench(rules, { from: before, dir: before.dir })
  writeFileSync(join(before.dir, 'rules.yml'), rules)
  await after.start(t)
  t.after(() => rmSync(before.dir, { recursive: true, force: true }))
  const states = (): string[] => {
    const rule = after.rule('Hot')
    assert.ok(rule.type === 'alerting')
    return rule.alerts.map(
      ({ labels, state }) => `${labels['room']} ${labels['severity']} ${state}`,
    )
  }
  after.feed({ 'heat{room=attic}': 55, 'heat{room=hall}': 10 })
  await after.clock.advance(second)
  assert.deepEqual(states(), ['attic warning firing', 'hall warning firing'])
  await after.feedFor(minute, { 'heat{room=attic}': 55, 'heat{room=hall}': 10 })
  assert.deepEqual(states(), ['attic page firing', 'hall warning firing'])
  await after.feedFor(45 * second, { 'heat{room=attic}': 55, 'heat{room=hall}': 10 })
  assert.deepEqual(states(), ['attic page firing'])
})
