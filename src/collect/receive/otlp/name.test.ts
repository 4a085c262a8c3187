/** Names of OpenTelemetry as Prometheus writes them: a table of cases from the rules. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type NamedType, translateLabelName, translateMetricName } from './name.ts'

const escaped: [string, string, NamedType, string][] = [
  ['http.server.duration', 's', 'other', 'http_server_duration_seconds'],
  ['requests.count', '1', 'counter', 'requests_count_total'],
  ['memory.usage', 'By', 'gauge', 'memory_usage_bytes'],
  ['memory.usage.bytes', 'By', 'gauge', 'memory_usage_bytes'],
  ['cpu.utilization', '1', 'gauge', 'cpu_utilization_ratio'],
  ['cpu.utilization', '1', 'other', 'cpu_utilization'],
  ['total.requests', '', 'counter', 'requests_total'],
  ['network.io', 'By/s', 'gauge', 'network_io_bytes_per_second'],
  ['speed', 'm/h', 'gauge', 'speed_meters_per_hour'],
  ['flow', '{packet}/s', 'gauge', 'flow_per_second'],
  ['queue', '{item}', 'gauge', 'queue'],
  ['load__1..5', '', 'gauge', 'load_1_5'],
  ['2xx.responses', '', 'counter', '_2xx_responses_total'],
  ['disk', 'furlongs', 'gauge', 'disk_furlongs'],
  ['disk', '%', 'gauge', 'disk_percent'],
  ['ns:rule', '', 'other', 'ns:rule'],
  ['größe', '', 'gauge', 'gr_e'],
  ['...', '', 'gauge', ''],
]

test('metrics get clean names with unit and type', () => {
  for (const [name, unit, type, expected] of escaped) {
    const found = translateMetricName({ name, unit, type }, 'UnderscoreEscapingWithSuffixes')
    assert.equal(found, expected, name)
  }
})

test('the other strategies keep what they promise to keep', () => {
  const metric = { name: 'http.server__time', unit: 's', type: 'counter' } as const
  assert.equal(
    translateMetricName(metric, 'UnderscoreEscapingWithoutSuffixes'),
    'http_server__time',
  )
  assert.equal(
    translateMetricName(metric, 'NoUTF8EscapingWithSuffixes'),
    'http.server__time_seconds_total',
  )
  assert.equal(
    translateMetricName({ ...metric, name: 'a.seconds.total' }, 'NoUTF8EscapingWithSuffixes'),
    'a_seconds_total',
  )
  assert.equal(translateMetricName(metric, 'NoTranslation'), 'http.server__time')
})

test('labels are escaped, or kept where names may be anything', () => {
  const rules = {
    translation_strategy: 'UnderscoreEscapingWithSuffixes',
    label_name_underscore_sanitization: true,
    label_name_preserve_multiple_underscores: true,
  } as const
  const cases: [string, string, string][] = [
    ['http.method', 'http_method', 'http_method'],
    ['a..b', 'a__b', 'a_b'],
    ['9lives', 'key_9lives', 'key_9lives'],
    ['_private', 'key_private', 'key_private'],
    ['__reserved', '__reserved', 'key_reserved'],
    ['___', '', ''],
    ['é', '', ''],
  ]
  for (const [name, expected, collapsed] of cases) {
    assert.equal(translateLabelName(name, rules), expected)
    const single = { ...rules, label_name_preserve_multiple_underscores: false }
    assert.equal(translateLabelName(name, single), collapsed)
    assert.equal(
      translateLabelName(name, { ...rules, translation_strategy: 'NoTranslation' }),
      name,
    )
  }
  const bare = { ...rules, label_name_underscore_sanitization: false }
  assert.equal(translateLabelName('_private', bare), '_private')
})
