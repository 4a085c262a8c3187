/** A chart that the server chose for an incident or a delivery: query, unit, limit, and the marks. */

import type { ChartView } from '../../src/api/api.ts'
import { TimeChart } from '../chart/TimeChart.tsx'
import type { Marks } from '../chart/marks.ts'
import { commonLabels, seriesName } from '../data/prometheus.ts'
import { useRangeQuery } from '../data/queries.ts'
import type { TimeRange } from '../data/range.ts'
import { Card } from '../kit/Card.tsx'
import { Fault, Skeleton } from '../kit/Feedback.tsx'
import { useFormat } from '../kit/format.tsx'
import { Link } from '../route/router.tsx'
import { useWords } from '../word/word.tsx'
import { signalName } from './signal-name.ts'

/** The chart in its card. */
export function StoryChart(props: {
  chart: ChartView
  range: TimeRange
  marks: Omit<Marks, 'thresholds'>
  onZoom: (range: TimeRange) => void
}) {
  const { chart, range } = props
  const words = useWords()
  const format = useFormat()
  const reading = useRangeQuery(chart.query, range)
  const all = reading.data?.series ?? []
  const common = commonLabels(all.map((one) => one.labels))
  const { threshold } = chart
  const title = signalName(chart.title, words)
  return (
    <Card label={title}>
      {reading.data ? (
        <TimeChart
          title={title}
          unit={chart.unit}
          timesMs={reading.data.timesMs}
          series={all.map((one) => ({
            key: seriesName(one.labels),
            name: shortName(one.labels, common, title),
            values: one.values,
          }))}
          range={range}
          heightPx={190}
          marks={{
            ...props.marks,
            thresholds:
              threshold === undefined || threshold === null
                ? []
                : [
                    {
                      value: threshold,
                      label: words.chart.limit({ value: format.value(threshold, chart.unit) }),
                    },
                  ],
          }}
          onZoom={props.onZoom}
        />
      ) : reading.error ? (
        <Fault what={title} error={reading.error} onRetry={reading.refetch} />
      ) : (
        <Skeleton heightPx={260} />
      )}
      <p className="chart-sentence">
        <Link to="/metrics" search={{ q: chart.query }}>
          {words.chart.openQuery}
        </Link>
      </p>
    </Card>
  )
}

/** A series named by the values that differ: `checkout v2`. */
function shortName(
  labels: Record<string, string>,
  common: ReadonlySet<string>,
  title: string,
): string {
  const values = Object.entries(labels)
    .filter(([name]) => name !== '__name__' && !common.has(name))
    .map(([, value]) => value)
  if (values.length > 0) return values.join(' · ')
  return Object.keys(labels).length === 0 ? title : seriesName(labels)
}
