/** Packed runs give back every bit, whatever the samples are; and the plain ones are small. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bitsOf, setStaleAt } from '../../model/sample.ts'
import { FloatChunkDecoder, FloatChunkEncoder } from './float-chunk.ts'
import { ByteReader } from './varint.ts'

const encoder = new FloatChunkEncoder()
const decoder = new FloatChunkDecoder()

interface Rows {
  times: number[]
  values: number[]
  stale?: number[]
}

/** Packs and unpacks; answers how many bytes it took. */
function check(rows: Rows, needed = rows.times.length): number {
  const count = rows.times.length
  const timeMs = Float64Array.from([-1, ...rows.times])
  const value = Float64Array.from([7, ...rows.values])
  for (const row of rows.stale ?? []) setStaleAt(bitsOf(value), row + 1)
  const bytes = encoder.encode({ timeMs, value }, 1, count + 1)
  // A chunk may stand anywhere among others.
  const among = new Uint8Array(bytes.length + 9)
  among.set(bytes, 5)
  const out = { timeMs: new Float64Array(needed + 2), value: new Float64Array(needed + 2) }
  const reader = new ByteReader(among)
  reader.at = 5
  const chunk = { startTimeMs: timeMs[1]!, count, needed }
  decoder.decode(reader, chunk, { ...out, bits: bitsOf(out.value), at: 1 })
  assert.equal(reader.at, bytes.length + 5)
  assert.deepEqual(out.timeMs.subarray(1, needed + 1), timeMs.subarray(1, needed + 1))
  const halves = (column: Float64Array) => bitsOf(column).subarray(2, 2 * needed + 2)
  assert.deepEqual(halves(out.value), halves(value))
  assert.deepEqual([out.value[0], out.value[needed + 1]], [0, 0], 'nothing beside was touched')
  return bytes.length
}

/** Unpacks what lies within a range, and looks whether all that is told of the chunk is true. */
function checkRange({ times, values }: Rows, range: { startTimeMs: number; endTimeMs: number }) {
  const timeMs = Float64Array.from(times)
  const value = Float64Array.from(values)
  const count = times.length
  const bytes = encoder.encode({ timeMs, value }, 0, count)
  const out = { timeMs: new Float64Array(count), value: new Float64Array(count) }
  const reader = new ByteReader(Uint8Array.from([...bytes, 0, 0, 0, 0]))
  const chunk = { startTimeMs: timeMs[0]!, count, needed: count, range }
  decoder.decode(reader, chunk, { ...out, bits: bitsOf(out.value), at: 0 })
  assert.equal(reader.at, bytes.length)
  assert.deepEqual(out.timeMs, timeMs)
  const from = times.findIndex((time) => time >= range.startTimeMs)
  const to = times.findLastIndex((time) => time <= range.endTimeMs) + 1
  if (from >= 0 && from < to)
    assert.deepEqual(bitsOf(out.value.slice(from, to)), bitsOf(value.slice(from, to)))
  if (decoder.isEachNumber) assert.ok(!values.some(Number.isNaN))
  if (decoder.isRising) assert.ok(values.every((one, row) => row === 0 || one >= values[row - 1]!))
  if (!Number.isNaN(decoder.evenMs))
    assert.ok(times.every((one, row) => row === 0 || one - times[row - 1]! === decoder.evenMs))
}

/** Ascending times with steps from one of several habits. */
const timesOf = (count: number) =>
  fc
    .tuple(
      fc.integer({ min: -(2 ** 41), max: 2 ** 42 }),
      fc.constantFrom(1, 15_000, 15_007, 60_000),
      fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5e9 }), fc.nat(9)), {
        minLength: count,
        maxLength: count,
      }),
    )
    .map(([start, step, noise]) => {
      let time = start
      return noise.map((more) => {
        time += step + more
        return time
      })
    })

const anyBits = fc.tuple(fc.integer(), fc.integer()).map(([low, high]) => {
  return new Float64Array(Int32Array.from([low, high]).buffer)[0]!
})
const special = fc.constantFrom(Number.NaN, Infinity, Number.NEGATIVE_INFINITY, -0, 0)
const habits = [
  fc.integer(),
  fc.double(),
  fc.constant(5),
  fc.integer({ min: -9, max: 9 }),
  fc.integer({ min: 0, max: 1e6 }).map((one) => one / 100),
  fc.integer({ min: 0, max: 2 ** 31 }).map((one) => one / 2 ** 30),
  fc.integer({ min: 0, max: 1_000 }).map((one) => one * 4_096e6),
  fc.oneof(fc.integer({ min: 0, max: 99 }), special),
  fc.oneof(fc.constant(1e12), fc.integer({ min: 0, max: 99 })),
  fc.maxSafeInteger(),
  anyBits,
]
const rowsOfAny = fc.integer({ min: 1, max: 90 }).chain((count) =>
  fc.record({
    times: timesOf(count),
    values: fc.oneof(
      ...habits.map((one) => fc.array(one, { minLength: count, maxLength: count })),
      fc.array(fc.nat(1e6), { minLength: count, maxLength: count }).map((steps) => {
        let sum = 0
        return steps.map((step) => {
          sum += step
          return sum
        })
      }),
    ),
    stale: fc.array(fc.nat(count - 1), { maxLength: 3 }),
  }),
)

test('any run of samples comes back bit for bit', () => {
  fc.assert(
    fc.property(rowsOfAny, (rows) => {
      check(rows)
    }),
    { numRuns: 3_000 },
  )
})

test('the first rows of a run can be read without the others', () => {
  fc.assert(
    fc.property(rowsOfAny, fc.nat(89), (rows, needed) => {
      check(rows, Math.min(needed + 1, rows.times.length))
    }),
    { numRuns: 500 },
  )
})

test('rows within a range are those of the whole, and what is told of a chunk is true', () => {
  const part = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(3))
  fc.assert(
    fc.property(rowsOfAny, part, part, (rows, [begin, before], [end, after]) => {
      const { times } = rows
      const timeAt = (share: number): number => times[Math.floor(share * (times.length - 1))]!
      checkRange(rows, { startTimeMs: timeAt(begin) - before, endTimeMs: timeAt(end) + after })
      checkRange(
        { times: even.slice(0, times.length), values: rows.values },
        { startTimeMs: 0, endTimeMs: Infinity },
      )
    }),
    { numRuns: 1_500 },
  )
})

const even = Array.from({ length: 960 }, (_, row) => 1_700_000_000_123 + row * 15_000)

test('a value that stays costs some bytes a run, a counter of a regular pace too', () => {
  assert.ok(check({ times: even, values: even.map(() => 33_554_432 * 1_024) }) < 24)
  assert.ok(check({ times: even, values: even.map((_, row) => 1e9 + row * 300) }) < 24)
  assert.ok(check({ times: even, values: even.map((_, row) => row / 10) }) < 24)
})

test('a reset, a gap and a stale marker cost what they are and nothing beside', () => {
  const noise = (row: number): number => (row * 7_919) % 200
  const steady = even.map((_, row) => 1e9 + row * 1_000 + noise(row))
  const whole = check({ times: even, values: steady })
  const reset = steady.map((value, row) => (row < 500 ? value : value - 1e9 - 500_000))
  assert.ok(check({ times: even, values: reset }) < whole + 24)
  const gap = even.map((time, row) => (row < 500 ? time : time + 3_600_000))
  assert.ok(check({ times: gap, values: steady }) < whole + 24)
  assert.ok(check({ times: even, values: steady, stale: [500, 959] }) < whole + 32)
})
