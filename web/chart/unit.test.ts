import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guessUnit } from './unit.ts'

test('units are guessed from the names that the field uses', () => {
  const cases: [string, string][] = [
    ['up', 'count'],
    ['node_memory_MemAvailable_bytes', 'bytes'],
    ['rate(node_network_receive_bytes_total[5m])', 'bytes-per-second'],
    ['rate(http_requests_total[1m])', 'per-second'],
    ['sum(rate(node_cpu_seconds_total{mode!="idle"}[1m]))', 'ratio'],
    [
      'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))',
      'seconds',
    ],
    ['sum(rate(a_total{status=~"5.."}[1m])) / sum(rate(a_total[1m]))', 'ratio'],
    ['rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m])', 'seconds'],
    ['node_filesystem_size_bytes{mountpoint="/a/b"}', 'bytes'],
    ['scrape_duration_seconds', 'seconds'],
  ]
  for (const [query, unit] of cases) assert.equal(guessUnit(query), unit, query)
})
