/** The charts that tell the story of an incident or a deployment. */

import type { AlertView, ChartView } from '../api/api.ts'
import { splitComparison } from '../model/expression.ts'
import type { ServiceSignals } from './signal.ts'

const chartCountMax = 6

/** Charts of the alerts' own signals first, then of the service's. */
export function makeCharts(
  alerts: readonly AlertView[],
  signals: ServiceSignals | undefined,
): ChartView[] {
  const charts = new Map<string, ChartView>()
  for (const alert of alerts) {
    const split = splitComparison(alert.expression)
    const query = split?.left ?? alert.expression
    if (query === '' || charts.has(query)) continue
    charts.set(query, {
      title: alert.name,
      query,
      unit: guessUnit(query, split?.threshold),
      threshold: split?.threshold,
    })
  }
  for (const { name, query, unit } of signals?.signals ?? []) {
    if (!charts.has(query)) charts.set(query, { title: name, query, unit, threshold: undefined })
  }
  const counter = signals?.counter
  if (counter !== undefined) {
    const by = counter.versionLabel === undefined ? '' : ` by (${counter.versionLabel})`
    charts.set('requests', {
      title: counter.versionLabel === undefined ? 'requests' : 'requests by version',
      query: `sum${by} (rate(${counter.metric}{${counter.matchers}}[1m]))`,
      unit: 'per-second',
      threshold: undefined,
    })
  }
  return [...charts.values()].slice(0, chartCountMax)
}

/** The unit of a query, as far as its metric names tell; for display only. */
export function guessUnit(query: string, threshold: number | undefined): ChartView['unit'] {
  if (/\)\s*\/\s*\(?/.test(query) && (threshold === undefined || Math.abs(threshold) <= 1)) {
    return 'ratio'
  }
  if (/_seconds|_duration|latency/.test(query) && !/_seconds_(total|count)/.test(query)) {
    return 'seconds'
  }
  if (/_bytes/.test(query)) return 'bytes'
  return /\b(i?rate|deriv)\(/.test(query) ? 'per-second' : 'count'
}
