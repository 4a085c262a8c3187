/** What of a source is drawn: the series that scraping and receiving write about themselves. */

import type { SourceView } from '../../../src/api/api.ts'
import type { Unit } from '../../word/format.ts'

/** One chart of a source. `name` is its key among the words. */
export interface SourceChart {
  name: 'rows' | 'duration' | 'requests' | 'drops' | 'up'
  query: string
  unit: Unit
}

/** The name under which samples, drops and limits of a source are counted. */
export function countedName(source: SourceView): string {
  if (source.kind === 'receiver') return source.id.replace(/^receiver:/, '')
  return source.kind === 'file' ? source.address : (source.labels['job'] ?? source.name)
}

/** The charts of a source. */
export function chartsOf(source: SourceView): SourceChart[] {
  const name = JSON.stringify(countedName(source))
  if (source.kind === 'scrape' || source.kind === 'host') {
    const job = JSON.stringify(source.labels['job'] ?? '')
    const instance = JSON.stringify(source.labels['instance'] ?? '')
    const own = `{job=${job}, instance=${instance}}`
    return [
      { name: 'rows', query: `scrape_samples_post_metric_relabeling${own}`, unit: 'count' },
      { name: 'duration', query: `scrape_duration_seconds${own}`, unit: 'seconds' },
      { name: 'up', query: `up${own}`, unit: 'count' },
    ]
  }
  if (source.kind === 'receiver') {
    const rows = `{source=${name}}`
    return [
      {
        name: 'rows',
        query: `sum(rate(shipwatch_collect_samples_total${rows}[1m])) or sum(rate(shipwatch_collect_log_lines_total${rows}[1m]))`,
        unit: 'per-second',
      },
      {
        name: 'requests',
        query: `sum by (status) (rate(shipwatch_collect_received_requests_total{receiver=${name}}[1m]))`,
        unit: 'per-second',
      },
      {
        name: 'drops',
        query: `sum by (reason) (rate(shipwatch_collect_dropped_rows_total${rows}[1m])) > 0`,
        unit: 'per-second',
      },
    ]
  }
  return [
    {
      name: 'rows',
      query: 'sum(rate(shipwatch_collect_log_lines_total{source="file"}[1m]))',
      unit: 'per-second',
    },
  ]
}

/** Rows per second by receiver, as a query: `source` is the receiver's name. */
export const receiverRates =
  'sum by (source) (rate(shipwatch_collect_samples_total[1m])) or sum by (source) (rate(shipwatch_collect_log_lines_total[1m]))'
