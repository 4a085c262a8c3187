/** What a rule measures, with the limits that it compares with. */

import { useMemo } from 'react'
import type { StrategyView } from '../../../src/api/rules.ts'
import { TimeChart } from '../../chart/TimeChart.tsx'
import { guessUnit } from '../../chart/unit.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { commonLabels, seriesName } from '../../data/prometheus.ts'
import { useRangeQuery } from '../../data/queries.ts'
import { Fault, Skeleton } from '../../kit/Feedback.tsx'
import { useFormat } from '../../kit/format.tsx'
import { useWords } from '../../word/word.tsx'
import { splitComparison } from '../alerts/comparison.ts'

const spanMs = 3_600_000

/** The chart over the last hour. */
export default function RuleChart(props: {
  name: string
  expression: string
  strategy: StrategyView | undefined
}) {
  const { name, expression, strategy } = props
  const words = useWords()
  const format = useFormat()
  const toTimeMs = useNowTimeMs()
  const range = { fromTimeMs: toTimeMs - spanMs, toTimeMs, lastMs: spanMs }
  const { query, threshold } = splitComparison(expression)
  const reading = useRangeQuery(query, range)
  const unit = guessUnit(query)
  const limits = useMemo(() => limitsOf(threshold, strategy), [threshold, strategy])
  if (reading.error && !reading.data)
    return <Fault error={reading.error} onRetry={reading.refetch} />
  if (!reading.data) return <Skeleton heightPx={220} />
  const common = commonLabels(reading.data.series.map((one) => one.labels))
  return (
    <TimeChart
      title={words.alert.signal}
      unit={unit}
      timesMs={reading.data.timesMs}
      series={reading.data.series.map((one) => ({
        key: seriesName(one.labels),
        name: Object.keys(one.labels).length === 0 ? name : seriesName(one.labels, common),
        values: one.values,
      }))}
      range={range}
      heightPx={180}
      marks={{
        thresholds: limits.map(({ value, severity }) => ({
          value,
          label: severity || words.chart.limit({ value: format.value(value, unit) }),
        })),
      }}
    />
  )
}

function limitsOf(
  threshold: number | undefined,
  strategy: StrategyView | undefined,
): { value: number; severity: string }[] {
  const levels = (strategy?.levels ?? []).flatMap(({ severity, when }) => {
    const number = /-?[\d.]+(?:e[+-]?\d+)?\s*$/i.exec(when)?.[0]
    return number === undefined ? [] : [{ value: Number(number), severity }]
  })
  return [...(threshold === undefined ? [] : [{ value: threshold, severity: '' }]), ...levels]
}
