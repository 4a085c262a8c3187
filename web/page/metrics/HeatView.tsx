/** Histograms of the queries as heat maps: classic ones by their label `le`, native ones by their own buckets. */

import { useMemo } from 'react'
import { gridOfClassic, gridOfNative, isClassic } from '../../chart/heat-grid.ts'
import { HeatMap } from '../../chart/HeatMap.tsx'
import type { DeliveryMark, ExemplarMark } from '../../chart/marks.ts'
import { guessBucketUnit } from '../../chart/unit.ts'
import { useExemplars } from '../../data/explore.ts'
import type { TimeRange } from '../../data/range.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { Empty } from '../../kit/Feedback.tsx'
import { useWords } from '../../word/word.tsx'
import type { Drawn } from './drawn.ts'
import { ExemplarList } from './ExemplarList.tsx'
import { Warnings } from './Warnings.tsx'

/** A heat map for each query. */
export function HeatView(props: {
  drawn: readonly Drawn[]
  range: TimeRange
  deliveries: readonly DeliveryMark[]
  onZoom: (range: TimeRange) => void
  onReplace: (index: number, expression: string) => void
}) {
  const words = useWords()
  const exemplars = useExemplars(
    props.drawn.map((one) => one.query.expression),
    props.range,
  )
  return (
    <>
      {props.drawn.map((one) => (
        <Card key={one.index} label={words.metrics.heat}>
          <OneMap {...props} one={one} exemplars={exemplars} />
          <Warnings warnings={one.data.warnings} />
        </Card>
      ))}
      {exemplars.length > 0 ? <ExemplarList exemplars={exemplars} /> : null}
    </>
  )
}

function OneMap(
  props: Parameters<typeof HeatView>[0] & { one: Drawn; exemplars: readonly ExemplarMark[] },
) {
  const { one, range, deliveries, exemplars } = props
  const { data, query } = one
  const words = useWords()
  const grid = useMemo(() => {
    if (data.histograms.length > 0) return gridOfNative(data.histograms, data.timesMs, data.stepMs)
    if (isClassic(data.series)) return gridOfClassic(data.series, data.timesMs, data.stepMs)
    return undefined
  }, [data])
  if (grid !== undefined) {
    return (
      <HeatMap
        title={query.expression}
        grid={grid}
        unit={guessBucketUnit(query.expression)}
        range={range}
        deliveries={deliveries}
        exemplars={exemplars}
        heightPx={300}
        onZoom={props.onZoom}
      />
    )
  }
  if (data.series.length === 0)
    return <Empty title={words.metrics.empty}>{words.metrics.emptyHint}</Empty>
  const better = bucketsOf(query.expression)
  return (
    <Empty
      title={words.metrics.noBuckets}
      action={
        better === undefined ? undefined : (
          <Button onClick={() => props.onReplace(one.index, better)}>
            {words.metrics.askBuckets}
          </Button>
        )
      }
    >
      {words.metrics.noBucketsHint}
    </Empty>
  )
}

/** The buckets behind a quantile: what stands in its second argument. */
function bucketsOf(expression: string): string | undefined {
  return /^\s*histogram_quantile\s*\(\s*[\w.]+\s*,([\s\S]*)\)\s*$/.exec(expression)?.[1]?.trim()
}
