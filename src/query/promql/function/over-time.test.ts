import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { overTimeFunctions } from './over-time.ts'
import type { RangeCall } from './window.ts'

test('the extremes of windows that slide are those of each window looked at alone', () => {
  const sample = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: -5, max: 5 }) },
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  )
  const input = fc.record({
    samples: fc.array(sample, { maxLength: 120 }),
    windowCount: fc.integer({ min: 1, max: 40 }),
    advance: fc.integer({ min: 0, max: 12 }),
  })
  fc.assert(
    fc.property(input, ({ samples, windowCount, advance }) => {
      const value = Float64Array.from(samples)
      const stepCount = 20
      const clamp = (index: number) => Math.max(0, Math.min(samples.length, index))
      const high = Int32Array.from({ length: stepCount }, (_, step) => clamp(step * advance + 3))
      const low = high.map((end) => clamp(end - windowCount))
      for (const name of ['min_over_time', 'max_over_time'] as const) {
        const out = new Float64Array(stepCount)
        const presence = new Uint8Array(stepCount)
        const run = { timeMs: value, value, low, high, fromStep: 0, toStep: stepCount }
        overTimeFunctions[name]!.floats({ ...run, out, presence, base: 0 }, {} as RangeCall)
        for (let step = 0; step < stepCount; step++) {
          const window = samples.slice(low[step], high[step])
          assert.equal(presence[step], window.length > 0 ? 1 : 0)
          if (window.length === 0) continue
          const numbers = window.filter((one) => !Number.isNaN(one))
          const choose = name === 'min_over_time' ? Math.min : Math.max
          const expected = numbers.length === 0 ? Number.NaN : choose(...numbers)
          assert.ok(out[step] === expected || Object.is(out[step], expected), `${name} at ${step}`)
        }
      }
    }),
    { numRuns: 400 },
  )
})
