/** Onsets in series: step, ramp, noise, gaps, no shift. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSeededRandom } from '../base/random.ts'
import { findOnset } from './onset.ts'

function series(values: readonly number[]) {
  return {
    count: values.length,
    timeMs: Float64Array.from(values, (_value, index) => index * 1_000),
    value: Float64Array.from(values),
  }
}

const repeat = (value: number, count: number): number[] =>
  Array.from({ length: count }, () => value)

test('a step begins at its first point', () => {
  const onset = findOnset(series([...repeat(0, 60), ...repeat(0.08, 10)]), 'higher')
  assert.equal(onset?.timeMs, 60_000)
  assert.equal(onset?.before, 0)
  assert.equal(onset?.after, 0.08)
})

test('a ramp of a rate window is followed back to where it left the old level', () => {
  const ramp = Array.from({ length: 20 }, (_value, index) => 0.08 * ((index + 1) / 20))
  const onset = findOnset(series([...repeat(0, 60), ...ramp, ...repeat(0.08, 30)]), 'higher')
  assert.ok(onset !== undefined)
  assert.ok(onset.timeMs >= 60_000 && onset.timeMs <= 63_000, `${onset.timeMs}`)
})

test('noise alone has no onset, on 200 seeds', () => {
  let found = 0
  for (let seed = 1; seed <= 200; seed++) {
    const random = makeSeededRandom(seed)
    const values = Array.from({ length: 300 }, () => 100 + 10 * (random() + random() - 1))
    if (findOnset(series(values), 'higher') !== undefined) found++
  }
  assert.ok(found <= 4, `${found} of 200`)
})

test('a shift in noise is found within two points, on 100 seeds', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = makeSeededRandom(seed)
    const values = Array.from({ length: 200 }, (_value, index) => {
      return (index < 150 ? 0.1 : 0.4) + 0.05 * (random() - 0.5)
    })
    const onset = findOnset(series(values), 'higher')
    assert.ok(onset !== undefined, `seed ${seed}`)
    assert.ok(Math.abs(onset.timeMs - 150_000) <= 2_000, `seed ${seed}: ${onset.timeMs}`)
  }
})

test('where lower is worse, a fall is the onset and a rise is not', () => {
  const fall = series([...repeat(100, 50), ...repeat(20, 20)])
  assert.equal(findOnset(fall, 'lower')?.timeMs, 50_000)
  assert.equal(findOnset(fall, 'higher'), undefined)
})

test('points without a number are left out, and no baseline is said to be none', () => {
  const gaps = [...repeat(0, 30), Number.NaN, Number.NaN, ...repeat(1, 10)]
  assert.equal(findOnset(series(gaps), 'higher')?.timeMs, 32_000)
  assert.equal(findOnset(series([Number.NaN, 0.5, 0.6]), 'higher')?.hasBaseline, false)
  assert.equal(findOnset(series([]), 'higher'), undefined)
})
