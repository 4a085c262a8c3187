/** The answers of all queries on one chart, native histograms as heat maps below it, exemplars as points. */

import { useMemo } from 'react'
import { gridOfNative } from '../../chart/heat-grid.ts'
import { HeatMap } from '../../chart/HeatMap.tsx'
import type { DeliveryMark, ExemplarMark } from '../../chart/marks.ts'
import { type ChartSeries, TimeChart } from '../../chart/TimeChart.tsx'
import { guessBucketUnit, guessUnit, units } from '../../chart/unit.ts'
import { type ChartData, commonLabels, seriesName } from '../../data/prometheus.ts'
import { useExemplars } from '../../data/explore.ts'
import type { TimeRange } from '../../data/range.ts'
import { Card } from '../../kit/Card.tsx'
import { Empty } from '../../kit/Feedback.tsx'
import { SelectField } from '../../kit/Field.tsx'
import { useAddress } from '../../route/router.tsx'
import type { Unit } from '../../word/format.ts'
import { useWords } from '../../word/word.tsx'
import type { Drawn } from './drawn.ts'
import { ExemplarList, exemplarUnit } from './ExemplarList.tsx'
import { legendName } from './legend-name.ts'
import { letters, type PageQuery } from './query-state.ts'
import { Warnings } from './Warnings.tsx'

/** The chart. */
export function ChartView(props: {
  drawn: readonly Drawn[]
  range: TimeRange
  deliveries: readonly DeliveryMark[]
  onZoom: (range: TimeRange) => void
  onTable: () => void
}) {
  const { drawn, range, deliveries } = props
  const words = useWords()
  const address = useAddress()
  const exemplars = useExemplars(
    drawn.map((one) => one.query.expression),
    range,
  )
  const unit =
    (address.search['unit'] as Unit | undefined) ?? guessUnit(drawn[0]?.query.expression ?? '')
  const series = useMemo(() => mergeSeries(drawn), [drawn])
  // On an axis of another unit a point would say something false; the list has it all the same.
  const marks = useMemo(
    () => ({ deliveries, exemplars: exemplars.filter((one) => exemplarUnit(one) === unit) }),
    [deliveries, exemplars, unit],
  )
  const warnings = [...new Set(drawn.flatMap((one) => one.data.warnings))]
  const native = drawn.filter((one) => one.data.histograms.length > 0)
  const title =
    drawn.length === 1 ? drawn[0]!.query.expression : words.metrics.several({ count: drawn.length })
  return (
    <>
      {series.length === 0 && native.length > 0 ? null : (
        <Card label={words.metrics.chart}>
          {series.length === 0 ? (
            <Empty title={words.metrics.empty}>{words.metrics.emptyHint}</Empty>
          ) : (
            <TimeChart
              title={title}
              unit={unit}
              timesMs={drawn[0]!.data.timesMs}
              series={series}
              range={range}
              marks={marks}
              heightPx={340}
              onZoom={props.onZoom}
              onTable={props.onTable}
            />
          )}
          <Warnings warnings={warnings} />
          <div className="line-wrap">
            <SelectField
              label={words.metrics.unit}
              isLabelHidden
              value={unit}
              onChange={(value) => address.set({ unit: value })}
              options={units.map((one) => ({ value: one, label: words.metrics.units[one] }))}
            />
          </div>
        </Card>
      )}
      {native.map(({ index, query, data }) => (
        <Card key={index} label={words.metrics.heat}>
          <NativeMap {...{ query, data, range, deliveries, exemplars }} onZoom={props.onZoom} />
        </Card>
      ))}
      {exemplars.length > 0 ? <ExemplarList exemplars={exemplars} /> : null}
    </>
  )
}

function NativeMap(props: {
  query: PageQuery
  data: ChartData
  range: TimeRange
  deliveries: readonly DeliveryMark[]
  exemplars: readonly ExemplarMark[]
  onZoom: (range: TimeRange) => void
}) {
  const { query, data } = props
  const grid = useMemo(() => gridOfNative(data.histograms, data.timesMs, data.stepMs), [data])
  return (
    <HeatMap
      title={query.expression}
      grid={grid}
      unit={guessBucketUnit(query.expression)}
      range={props.range}
      deliveries={props.deliveries}
      exemplars={props.exemplars}
      onZoom={props.onZoom}
    />
  )
}

function mergeSeries(drawn: readonly Drawn[]): ChartSeries[] {
  const isAlone = drawn.length === 1
  return drawn.flatMap(({ index, query, data }) => {
    const common = commonLabels(data.series.map((one) => one.labels))
    const letter = isAlone ? '' : `${letters[index]} `
    return data.series.map((one) => {
      const isUnnamed = Object.keys(one.labels).length === 0
      const plain = isUnnamed ? query.expression : seriesName(one.labels, common)
      const own = query.legend === '' ? '' : legendName(query.legend, one.labels)
      const name = own === '' ? plain : own
      return { key: `${index}${seriesName(one.labels)}`, name: letter + name, values: one.values }
    })
  })
}
