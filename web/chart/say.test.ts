import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tickLabels, valueRange } from './axis.ts'
import { figuresOf, findSaying } from './say.ts'

const timesMs = Array.from({ length: 60 }, (_, index) => index * 1000)

const said = (values: (number | null)[]) => findSaying(timesMs, [{ name: 'checkout', values }])

test('a step is said with its two levels and its moment; steady and silent ones are named', () => {
  const saying = findSaying(timesMs, [
    { name: 'checkout', values: timesMs.map((_, index) => (index < 40 ? 0.012 : 0.084)) },
    { name: 'cart', values: timesMs.map((_, index) => 0.01 + (index % 2) * 0.001) },
    { name: 'gone', values: timesMs.map(() => null) },
  ])
  assert.deepEqual(saying.moves, [
    {
      kind: 'moved',
      name: 'checkout',
      from: 0.012,
      to: 0.084,
      atTimeMs: 40_000,
      untilTimeMs: 59_000,
    },
  ])
  assert.deepEqual(saying.steady, ['cart'])
  assert.deepEqual(saying.silent, ['gone'])
})

test('a trouble that is over is said with its end', () => {
  const saying = said(timesMs.map((_, index) => (index >= 30 && index < 45 ? 1.2 : 0.24)))
  assert.equal(saying.moves[0]?.kind, 'passed')
  assert.equal(saying.moves[0]?.atTimeMs, 30_000)
  assert.equal(saying.moves[0]?.untilTimeMs, 44_000)
  assert.equal(saying.moves[0]?.to, 1.2)
})

test('a series that begins inside of the range is said to begin, not to be steady', () => {
  const late = timesMs.map((_, index) => (index < 30 ? null : 0.08))
  const saying = findSaying(timesMs, [
    { name: 'v1', values: timesMs.map(() => 0.01) },
    { name: 'v2', values: late },
  ])
  assert.deepEqual(
    saying.moves.map(({ kind, name, atTimeMs }) => [kind, name, atTimeMs]),
    [['began', 'v2', 30_000]],
  )
  // When all data begins there, it is the data that is new, not the series.
  assert.deepEqual(said(late).steady, ['checkout'])
})

test('wavering is not moving', () => {
  const saying = said(timesMs.map((_, index) => 10 + 3 * Math.sin(index)))
  assert.deepEqual(saying.moves, [])
})

test('a gap is not zero: figures ignore it', () => {
  assert.deepEqual(figuresOf([null, 3, null, 1, null]), { last: 1, min: 1, max: 3 })
  assert.deepEqual(figuresOf([null]), { last: null, min: null, max: null })
})

test('zero is on the axis of ratios, and the threshold is never outside', () => {
  const [min, max] = valueRange({ min: 0.4, max: 0.5, unit: 'ratio', thresholds: [0.9] })
  assert.equal(min, 0)
  assert.ok(max > 0.9)
})

test('a flat line gets room around it', () => {
  const [min, max] = valueRange({ min: 5, max: 5, unit: 'count', thresholds: [] })
  assert.ok(min < 5 && max > 5)
  assert.deepEqual(valueRange({ min: null, max: null, unit: 'ratio', thresholds: [] })[0], 0)
})

test('axis labels never repeat', () => {
  const rough = (value: number) => ({ number: value.toFixed(0), unit: '' })
  assert.deepEqual(tickLabels([1000.1, 1000.2, 1000.3], rough, 'en'), [
    '1,000.1',
    '1,000.2',
    '1,000.3',
  ])
  assert.deepEqual(tickLabels([1, 2], rough, 'en'), ['1', '2'])
})
