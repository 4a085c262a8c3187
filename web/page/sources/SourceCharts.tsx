/** Charts of one source: rows, time, drops; loaded when a source is opened. */

import { useMemo } from 'react'
import type { SourceView } from '../../../src/api/api.ts'
import { TimeChart } from '../../chart/TimeChart.tsx'
import { seriesName } from '../../data/prometheus.ts'
import { useRangeQueries } from '../../data/queries.ts'
import { Link } from '../../route/router.tsx'
import { useRange } from '../../shell/RangePicker.tsx'
import { useWords } from '../../word/word.tsx'
import { useDeliveryMarks } from '../delivery-marks.ts'
import { chartsOf } from './source-queries.ts'

/** The charts that have data. */
export default function SourceCharts(props: { source: SourceView }) {
  const words = useWords()
  const { range, setRange } = useRange()
  const deliveries = useDeliveryMarks(range)
  const marks = useMemo(() => ({ deliveries }), [deliveries])
  const charts = chartsOf(props.source)
  const readings = useRangeQueries(
    charts.map((chart) => chart.query),
    range,
  )
  return charts.map((chart, index) => {
    const data = readings[index]?.data
    if (data === undefined || data.series.length === 0) return null
    return (
      <div key={chart.name}>
        <TimeChart
          title={words.sources.charts[chart.name]}
          unit={chart.unit}
          timesMs={data.timesMs}
          series={data.series.map((one) => ({
            key: seriesName(one.labels),
            name: one.labels['status'] ?? one.labels['reason'] ?? words.sources.charts[chart.name],
            values: one.values,
          }))}
          range={range}
          marks={marks}
          heightPx={120}
          hasLegend={data.series.length > 1}
          onZoom={setRange}
        />
        <Link to="/metrics" search={{ q: chart.query }}>
          {words.chart.openQuery}
        </Link>
      </div>
    )
  })
}
