/** What a restart brings back, under Prometheus's three rules: outage tolerance, grace period, resend delay. */

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Bench } from './testdata/bench.ts'

const second = 1000
const minute = 60_000

const rules = `groups:
- name: g
  rules:
  - { alert: Short, expr: heat > 30, for: 5m }
  - { alert: Long, expr: heat > 30, for: 20m }
  - { alert: Fired, expr: heat > 30 }
`

/** Four minutes of heat, a stop, and a start under these settings. */
async function restart(
  t: TestContext,
  stopMs: number,
  settings: Record<string, unknown>,
): Promise<Bench> {
  const before = new Bench(rules, { settings })
  await before.detector.start()
  await before.feedFor(4 * minute, { 'heat{room=attic}': 35 })
  await before.detector.stop()
  await before.clock.advance(stopMs)
  const after = new Bench(rules, { from: before, dir: before.dir, settings })
  writeFileSync(join(before.dir, 'rules.yml'), rules)
  await after.start(t)
  t.after(() => rmSync(before.dir, { recursive: true, force: true }))
  return after
}

/** Whole minutes of heat after the start before each fires; what does not within half an hour is left out. */
async function firingAfter(bench: Bench): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (let passed = 0; passed <= 30; passed++) {
    await bench.feedFor(minute, { 'heat{room=attic}': 35 })
    for (const name of ['Short', 'Long', 'Fired'])
      if (bench.stateOf(name) === 'firing') found[name] ??= passed
  }
  return found
}

test('pending alerts go on where they stopped, and fire after what was left of "for"', async (t) => {
  const bench = await restart(t, 10 * minute, {})
  assert.deepEqual(await firingAfter(bench), { Fired: 0, Short: 1, Long: 16 })
})

test('with a grace period short ones begin anew and the others wait for it at least', async (t) => {
  const grace = { rule_alerts: { for_grace_period: '18m' } }
  const bench = await restart(t, 10 * minute, grace)
  assert.deepEqual(await firingAfter(bench), { Fired: 0, Short: 5, Long: 18 })
})

test('after a stop longer than the tolerance pending alerts begin anew, firing ones go on', async (t) => {
  const bench = await restart(t, 10 * minute, { rule_alerts: { for_outage_tolerance: '5m' } })
  bench.feed({ 'heat{room=attic}': 35 })
  await bench.clock.advance(second)
  assert.equal(bench.stateOf('Fired'), 'firing')
  assert.deepEqual(await firingAfter(bench), { Fired: 0, Short: 4, Long: 19 })
})

test('firing alerts are sent again at the resend delay, on the turns of their group', async (t) => {
  const settings = {
    rule_alerts: { resend_delay: '3m' },
    global: { evaluation_interval: '1m' },
  }
  const bench = await new Bench(rules, { settings }).start(t)
  for (let turn = 0; turn < 40; turn++) {
    bench.feed({ 'heat{room=attic}': 35 })
    await bench.clock.advance(15 * second)
  }
  const sent = bench.sent.filter((alert) => alert.labels.get('alertname') === 'Fired')
  // ten minutes: at once, and then every three
  assert.equal(sent.length, 4)
  assert.equal(sent[0]!.endTimeMs - sent[0]!.firedTimeMs, 12 * minute)
})
