// What one expression may take when samples arrive: alone, beside thousands of cheap ones, beside dear ones.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../base/clock.ts'
import { Allowance } from './allowance.ts'
import { Pace } from './pace.ts'

test('a cheap rule may be asked every 20 ms, and a dear one takes a tenth of the time when all is quiet', async () => {
  const clock = new VirtualClock(0)
  const pace = new Pace(clock)
  const cheap = new Allowance(pace)
  cheap.spend(1_000, 0.02)
  assert.equal(cheap.fromMs, 1_020)
  const dear = new Allowance(pace)
  dear.spend(1_000, 60)
  assert.equal(dear.fromMs, 1_600)
})

test('what a rule saved it may spend at once; then it is spaced by what it costs', async () => {
  const clock = new VirtualClock(0)
  const pace = new Pace(clock)
  await crowd(clock, pace, 0.1)
  assert.ok(pace.crowding > 500, `${pace.crowding}`)
  const rule = new Allowance(pace)
  const waits: number[] = []
  for (let nowMs = clock.nowTimeMs(), turn = 0; turn < 30; turn++) {
    rule.spend(nowMs, 1)
    waits.push(Math.round(rule.fromMs - nowMs))
    nowMs = rule.fromMs
  }
  assert.ok(
    waits.slice(0, 15).every((waitMs) => waitMs === 20),
    waits.join(),
  )
  // One five-hundredth of the time, however many others there are.
  assert.ok(
    waits.slice(-3).every((waitMs) => waitMs === 500),
    waits.join(),
  )
})

test('when all rules together take too much, what each has for itself shrinks, and grows back', async () => {
  const clock = new VirtualClock(0)
  const pace = new Pace(clock)
  await crowd(clock, pace, 0.9)
  assert.ok(pace.pressure > 500, `${pace.pressure}`)
  const rule = new Allowance(pace)
  for (let turn = 0; turn < 30; turn++) rule.spend(clock.nowTimeMs(), 1)
  assert.ok(rule.fromMs - clock.nowTimeMs() > 10_000)
  await clock.advance(60_000)
  assert.equal(pace.pressure, 1)
  assert.equal(pace.crowding, 1)
})

/** Lets arrival take this share of the time for ten seconds. */
async function crowd(clock: VirtualClock, pace: Pace, share: number): Promise<void> {
  for (let spanMs = 0; spanMs < 10_000; spanMs += 200) {
    pace.addArrivalWork(200 * share)
    await clock.advance(200)
    assert.ok(pace.crowding >= 1)
  }
}
