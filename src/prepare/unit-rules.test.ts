/** Units: values, names, bounds of buckets, metadata, and what no rule concerns. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLabels } from '../model/labels.ts'
import { prepareShape } from './settings.ts'
import { convertValue, UnitRules } from './unit-rules.ts'

function rulesOf(...written: object[]): UnitRules {
  return new UnitRules(prepareShape.unit_rules.parse(written))
}

/** The series and value that come of these, or `as it is`. */
function convert(rules: UnitRules, labels: Record<string, string>, value: number): string {
  const found = rules.convert(makeLabels(labels))
  if (found === undefined) return 'as it is'
  return `${found.labels} ${convertValue(value, found.conversion)}`
}

test('values and names come to the base unit', () => {
  const rules = rulesOf(
    { from: 'milliseconds' },
    { from: 'microseconds' },
    { from: 'kibibytes' },
    { from: 'percent' },
    { from: 'fahrenheit' },
    { from: 'kelvin' },
    { from: 'hours' },
  )
  const cases: [string, number, string][] = [
    ['request_duration_milliseconds', 7, 'request_duration_seconds 0.007'],
    ['request_duration_ms', 9.5, 'request_duration_seconds 0.0095'],
    ['gc_us_total', 3, 'gc_seconds_total 0.000003'],
    ['cache_size_KiB', 1.5, 'cache_size_bytes 1536'],
    ['disk_used_percent', 12.5, 'disk_used_ratio 0.125'],
    ['room_fahrenheit', 212, 'room_celsius 100'],
    ['room_kelvin', 273.15, 'room_celsius 0'],
    ['uptime_hours', 2, 'uptime_seconds 7200'],
    ['ms', 2, 'as it is'],
    ['params', 2, 'as it is'],
    ['reads_per_ms', 2, 'as it is'],
    ['request_duration_seconds', 2, 'as it is'],
  ]
  for (const [name, value, expected] of cases) {
    assert.equal(convert(rules, { __name__: name }, value), expected, name)
  }
})

test('of a histogram sums and bounds change, and counts stay', () => {
  const rules = rulesOf({ from: 'milliseconds' }, { from: 'fahrenheit' })
  const of = (name: string, more: Record<string, string> = {}): string =>
    convert(rules, { __name__: name, ...more }, 250)
  assert.equal(of('took_ms_bucket', { le: '250.0' }), 'took_seconds_bucket{le="0.25"} 250')
  assert.equal(of('took_ms_bucket', { le: '1000' }), 'took_seconds_bucket{le="1.0"} 250')
  assert.equal(of('took_ms_bucket', { le: '+Inf' }), 'took_seconds_bucket{le="+Inf"} 250')
  assert.equal(of('took_ms_count'), 'took_seconds_count 250')
  assert.equal(of('took_ms_sum'), 'took_seconds_sum 0.25')
  assert.equal(of('took_ms', { quantile: '0.5' }), 'took_seconds{quantile="0.5"} 0.25')
  assert.equal(of('heat_fahrenheit_sum'), 'as it is')
})

test('a rule with a selector says which series, and may keep their names', () => {
  const rules = rulesOf(
    { match: '{job="old"}', from: 'milliseconds' },
    { match: 'latency', from: 'milliseconds', rename: false },
  )
  const of = (labels: Record<string, string>): string => convert(rules, labels, 5)
  assert.equal(of({ __name__: 'wait', job: 'old' }), 'wait_seconds{job="old"} 0.005')
  assert.equal(of({ __name__: 'wait_total', job: 'old' }), 'wait_seconds_total{job="old"} 0.005')
  assert.equal(of({ __name__: 'latency' }), 'latency 0.005')
  assert.equal(of({ __name__: 'wait_ms' }), 'as it is')
  assert.throws(() => rulesOf({ from: 'parsecs' }))
})

test('what is said of a metric follows', () => {
  const rules = rulesOf({ from: 'milliseconds' }, { match: '{job="x"}', from: 'percent' })
  const about = { type: 'histogram', help: 'Time.', unit: 'milliseconds' } as const
  assert.deepEqual(rules.convertMetadata('took_milliseconds', about), [
    'took_seconds',
    { type: 'histogram', help: 'Time.', unit: 'seconds' },
  ])
  assert.equal(rules.convertMetadata('took', about), undefined)
  assert.equal(rulesOf().isEmpty, true)
})
