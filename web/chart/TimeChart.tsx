/**
 * The time chart, the only user of uPlot. Gaps are gaps, deliveries and trouble are on every chart,
 * all charts of a page share one cursor, dragging zooms (the range keys and buttons do the same), and
 * the table says everything that the canvas shows. The caption is a sentence.
 */

import { useEffect, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import './chart.css'
import { usePreferences, zoneOf } from '../data/preferences.ts'
import type { TimeRange } from '../data/range.ts'
import { Button } from '../kit/Button.tsx'
import { useFormat, Value } from '../kit/format.tsx'
import { ChartIcon, TableIcon } from '../kit/icons.ts'
import { seriesColorCount, seriesToken, tokenColor } from '../token/palette.ts'
import type { Format, Unit } from '../word/format.ts'
import { useWords } from '../word/word.tsx'
import { tickLabels, valueRange } from './axis.ts'
import { drawBehind, drawOver, type MarkColors, type Marks } from './marks.ts'
import { figuresOf, findSaying } from './say.ts'
import { useScheme } from './scheme.ts'

/** A line of a chart. */
export interface ChartSeries {
  key: string
  name: string
  values: readonly (number | null)[]
}

/** What a time chart takes. */
export interface TimeChartProps {
  title: string
  unit: Unit
  timesMs: readonly number[]
  series: readonly ChartSeries[]
  range: TimeRange
  marks?: Partial<Marks>
  heightPx?: number
  /** Lines are drawn on top of each other; only where their sum means something. */
  isStacked?: boolean
  /** A single series is drawn with an area below. */
  hasLegend?: boolean
  onZoom?: (range: TimeRange) => void
  isTable?: boolean
  onTable?: (isTable: boolean) => void
}

const noMarks: Marks = { deliveries: [], spans: [], thresholds: [] }
/** More lines than this are kept from the canvas; the table has them all. */
const drawnCountMax = 200
const legendCountMax = 100

/** A chart with its caption, legend and table. */
export function TimeChart(props: TimeChartProps) {
  const { title, unit, timesMs, series } = props
  const words = useWords()
  const format = useFormat()
  const [ownTable, setOwnTable] = useState(false)
  const isTable = props.isTable ?? ownTable
  const setTable = props.onTable ?? setOwnTable
  const [isolated, setIsolated] = useState<string | undefined>()
  const [at, setAt] = useState<number | undefined>()
  const [spoken, setSpoken] = useState('')
  const cursor = useRef<(step: number) => number | undefined>(() => undefined)
  const marks = useMemo(() => ({ ...noMarks, ...props.marks }), [props.marks])
  const sentence = useSentence(props, format)
  const speakAt = (index: number | undefined): void => {
    if (index === undefined) return
    const said = series
      .slice(0, seriesColorCount)
      .map((one) => `${one.name} ${format.value(one.values[index] ?? null, unit)}`)
    setSpoken(`${format.time(timesMs[index] ?? 0)}: ${said.join('; ')}`)
  }
  return (
    <figure
      className="chart"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the chart's cursor
      tabIndex={0}
      aria-label={title}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey) return
        const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0
        if (step !== 0) {
          event.preventDefault()
          speakAt(cursor.current(event.shiftKey ? step * 10 : step))
        } else if (event.key === 't') {
          event.preventDefault()
          setTable(!isTable)
        }
      }}
    >
      <figcaption className="chart-head">
        <div className="grow">
          <h3 className="chart-title">{title}</h3>
          <p className="chart-sentence">{sentence}</p>
        </div>
        <Button
          weight="quiet"
          size="small"
          label={isTable ? words.chart.showChart : words.chart.showTable}
          icon={isTable ? <ChartIcon size={15} /> : <TableIcon size={15} />}
          onClick={() => setTable(!isTable)}
        />
      </figcaption>
      {isTable ? (
        <ValueTable {...props} />
      ) : (
        <>
          <Canvas {...props} marks={marks} isolated={isolated} onCursor={setAt} stepRef={cursor} />
          {props.hasLegend === false ? null : (
            <Legend
              {...props}
              at={at}
              isolated={isolated}
              onIsolate={(key) => setIsolated(isolated === key ? undefined : key)}
            />
          )}
        </>
      )}
      <div role="status" className="hidden-text">
        {spoken}
      </div>
    </figure>
  )
}

function useSentence(props: TimeChartProps, format: Format): string {
  const words = useWords()
  const { timesMs, series, unit, marks, range } = props
  const isShort = range.toTimeMs - range.fromTimeMs <= 1_800_000
  return useMemo(() => {
    if (series.length === 0) return words.chart.noData
    const clock = (timeMs: number): string =>
      isShort ? format.time(timeMs) : format.minute(timeMs)
    const { moves, steady, silent } = findSaying(timesMs, series)
    const parts = moves.map((move) => {
      const said = {
        name: shortened(move.name),
        from: format.value(move.from, unit),
        to: format.value(move.to, unit),
        time: clock(move.atTimeMs),
        until: clock(move.untilTimeMs),
        isUp: move.to > move.from,
      }
      return words.chart[move.kind](said)
    })
    if (steady.length > 0) {
      const only = series.length === 1 ? figuresOf(series[0]!.values).last : null
      parts.push(
        only === null
          ? words.chart.steady({
              names: steady.map(shortened).join(words.chart.and),
              rest: series.length - moves.length - steady.length - silent.length,
            })
          : words.chart.steadyAt({ value: format.value(only, unit) }),
      )
    }
    if (silent.length > 0 && silent.length === series.length) parts.push(words.chart.noData)
    const delivered = [...(marks?.deliveries ?? [])].sort((a, b) => a.timeMs - b.timeMs)
    for (const mark of delivered.slice(-2)) {
      parts.push(words.chart.delivered({ name: mark.label, time: clock(mark.timeMs) }))
    }
    return parts.join(words.chart.between)
  }, [timesMs, series, unit, marks, isShort, words, format])
}

/** A name that fits into a sentence; the legend has the whole. */
function shortened(name: string): string {
  return name.length <= 48 ? name : `${name.slice(0, 47)}…`
}

function stack(series: readonly ChartSeries[]): (number | null)[][] {
  const below: number[] = []
  return series.map((one) =>
    one.values.map((value, index) => {
      if (value === null) return null
      below[index] = (below[index] ?? 0) + value
      return below[index]!
    }),
  )
}

function Canvas(
  props: TimeChartProps & {
    marks: Marks
    isolated: string | undefined
    onCursor: (index: number | undefined) => void
    stepRef: { current: (step: number) => number | undefined }
  },
) {
  const { timesMs, series, unit, range, marks, isolated, onCursor, stepRef } = props
  const format = useFormat()
  const choice = usePreferences()
  const zone = zoneOf(choice) ?? format.zone
  const scheme = useScheme()
  const frame = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef({ marks, range, onZoom: props.onZoom, onCursor, format, unit })
  latest.current = { marks, range, onZoom: props.onZoom, onCursor, format, unit }
  const drawn = useMemo(() => series.slice(0, drawnCountMax), [series])
  const data = useMemo(() => {
    const columns = props.isStacked ? stack(drawn) : drawn.map((one) => one.values)
    return [timesMs.map((timeMs) => timeMs / 1000), ...columns] as uPlot.AlignedData
  }, [timesMs, drawn, props.isStacked])
  const shape = drawn.map((one) => one.key).join('\n')
  const heightPx = props.heightPx ?? 220

  // biome-ignore lint/correctness/useExhaustiveDependencies: the plot is made anew only when its shape changes
  useEffect(() => {
    const element = frame.current
    if (!element) return
    const made = makePlot({
      element,
      heightPx,
      drawn,
      data,
      zone,
      latest,
      isStacked: props.isStacked ?? false,
    })
    plot.current = made
    stepRef.current = (step) => stepCursor(made, step)
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: heightPx })
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = undefined
    }
  }, [shape, scheme, zone, format, unit, heightPx, props.isStacked])

  // biome-ignore lint/correctness/useExhaustiveDependencies: new marks or range need a new drawing
  useEffect(() => {
    plot.current?.batch(() => {
      plot.current?.setData(data, false)
      plot.current?.setScale('x', { min: range.fromTimeMs / 1000, max: range.toTimeMs / 1000 })
      plot.current?.redraw(false, true)
    })
  }, [data, range.fromTimeMs, range.toTimeMs, marks])

  useEffect(() => {
    drawn.forEach((one, index) => {
      plot.current?.setSeries(index + 1, { show: isolated === undefined || isolated === one.key })
    })
  }, [isolated, drawn])

  return <div ref={frame} className="chart-canvas" style={{ height: heightPx }} aria-hidden />
}

interface Latest {
  current: {
    marks: Marks
    range: TimeRange
    onZoom: ((range: TimeRange) => void) | undefined
    onCursor: (index: number | undefined) => void
    format: Format
    unit: Unit
  }
}

function makePlot(o: {
  element: HTMLDivElement
  heightPx: number
  drawn: readonly ChartSeries[]
  data: uPlot.AlignedData
  zone: string
  latest: Latest
  isStacked: boolean
}): uPlot {
  const { latest } = o
  const colors: MarkColors = {
    delivery: tokenColor('text-2'),
    text: tokenColor('text-2'),
    ground: tokenColor('surface'),
    trouble: tokenColor('trouble'),
    threshold: tokenColor('critical'),
    hatch: tokenColor('border'),
    exemplar: tokenColor('accent-text'),
  }
  const axisColor = tokenColor('text-3')
  const grid = { stroke: tokenColor('chart-grid'), width: 1 }
  const font = `11px ${getComputedStyle(document.body).fontFamily}`
  const { range } = latest.current
  const dateOf = (timeS: number): Date => uPlot.tzDate(new Date(timeS * 1000), o.zone)
  return new uPlot(
    {
      width: Math.max(o.element.clientWidth, 100),
      height: o.heightPx,
      tzDate: dateOf,
      legend: { show: false },
      padding: [8, 22, 0, 0],
      cursor: {
        sync: { key: 'page', setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
        y: false,
      },
      scales: {
        x: { time: true, min: range.fromTimeMs / 1000, max: range.toTimeMs / 1000 },
        y: {
          range: (_u, min, max) =>
            valueRange({
              min,
              max,
              unit: latest.current.unit,
              thresholds: latest.current.marks.thresholds.map((one) => one.value),
            }),
        },
      },
      axes: [
        {
          stroke: axisColor,
          grid,
          ticks: { show: false },
          font,
          space: 70,
          gap: 4,
          size: 28,
          values: (_u, splits) => timeLabels(dateOf, splits),
        },
        {
          stroke: axisColor,
          grid,
          ticks: { show: false },
          font,
          gap: 6,
          space: 36,
          size: (_u, labels) => 16 + Math.max(24, ...(labels ?? []).map((one) => one.length * 6.2)),
          values: (_u, ticks) =>
            tickLabels(
              ticks,
              (value) => latest.current.format.quantity(value, latest.current.unit),
              latest.current.format.language,
            ),
        },
      ],
      series: [{}, ...o.drawn.map((one, index) => lineOf(one, index, o))],
      hooks: {
        drawClear: [(u) => drawBehind(u, latest.current.marks, colors)],
        draw: [(u) => drawOver(u, latest.current.marks, colors)],
        setCursor: [(u) => latest.current.onCursor(u.cursor.idx ?? undefined)],
        setSelect: [(u) => zoomSelected(u, latest)],
      },
    },
    o.data,
    o.element,
  )
}

function lineOf(
  one: ChartSeries,
  index: number,
  o: { drawn: readonly ChartSeries[]; isStacked: boolean },
): uPlot.Series {
  const color = tokenColor(seriesToken(index))
  const hasArea = o.isStacked || o.drawn.length === 1
  return {
    label: one.name,
    stroke: color,
    width: 1.75,
    spanGaps: false,
    points: { show: false },
    ...(hasArea ? { fill: tokenColor(seriesToken(index), 10) } : {}),
  }
}

/** Times on the axis: the date appears where a day begins, and nowhere else. */
function timeLabels(dateOf: (timeS: number) => Date, splits: readonly number[]): string[] {
  const gapS = (splits[1] ?? 0) - (splits[0] ?? 0)
  const two = (value: number): string => String(value).padStart(2, '0')
  let dayBefore = ''
  return splits.map((timeS, index) => {
    const date = dateOf(timeS)
    const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`
    const time = `${two(date.getHours())}:${two(date.getMinutes())}`
    const isNewDay = index > 0 && day !== dayBefore
    dayBefore = day
    if (gapS >= 86_400 || isNewDay) return day
    return gapS < 60 ? `${time}:${two(date.getSeconds())}` : time
  })
}

function stepCursor(u: uPlot, step: number): number | undefined {
  const times = u.data[0]
  if (times.length === 0) return undefined
  const from = u.cursor.idx ?? (step > 0 ? -1 : times.length)
  const index = Math.min(times.length - 1, Math.max(0, from + step))
  const left = u.valToPos(times[index]!, 'x')
  u.setCursor({ left, top: u.bbox.height / devicePixelRatio / 2 }, true)
  return index
}

function zoomSelected(u: uPlot, latest: Latest): void {
  const { left, width } = u.select
  u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
  if (width < 6) return
  const fromTimeMs = Math.round(u.posToVal(left, 'x') * 1000)
  const toTimeMs = Math.round(u.posToVal(left + width, 'x') * 1000)
  latest.current.onZoom?.({ fromTimeMs, toTimeMs, lastMs: undefined })
}

function Legend(
  props: TimeChartProps & {
    at: number | undefined
    isolated: string | undefined
    onIsolate: (key: string) => void
  },
) {
  const words = useWords()
  const { at, unit, series } = props
  const rows = useMemo(() => {
    const all = series.map((one, index) => ({ one, index, ...figuresOf(one.values) }))
    return all.slice(0, legendCountMax)
  }, [series])
  if (series.length === 0) return null
  return (
    <div className="legend">
      <table>
        <thead>
          <tr>
            <th scope="col">{words.chart.series}</th>
            <th scope="col">{at === undefined ? words.chart.last : words.chart.atCursor}</th>
            <th scope="col">{words.chart.min}</th>
            <th scope="col">{words.chart.max}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ one, index, last, min, max }) => (
            <tr
              key={one.key}
              data-dim={(props.isolated && props.isolated !== one.key) || undefined}
            >
              <td>
                <button
                  type="button"
                  className="legend-name"
                  aria-pressed={props.isolated === one.key}
                  title={one.name}
                  onClick={() => props.onIsolate(one.key)}
                >
                  <svg width="12" height="4" aria-hidden>
                    <rect width="12" height="3" rx="1.5" fill={`var(--${seriesToken(index)})`} />
                  </svg>
                  <span className="cut">{one.name}</span>
                </button>
              </td>
              <td>
                <Value value={at === undefined ? last : (one.values[at] ?? null)} unit={unit} />
              </td>
              <td>
                <Value value={min} unit={unit} />
              </td>
              <td>
                <Value value={max} unit={unit} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {series.length > legendCountMax ? (
        <p className="quiet">{words.chart.more({ count: series.length - legendCountMax })}</p>
      ) : null}
    </div>
  )
}

/** The chart as a table: every point, newest first. */
function ValueTable(props: TimeChartProps) {
  const words = useWords()
  const format = useFormat()
  const shown = props.series.slice(0, 20)
  const order = props.timesMs.map((_, index) => props.timesMs.length - 1 - index)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard
    <section className="chart-table" tabIndex={0} aria-label={props.title}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.chart.time}</th>
            {shown.map((one) => (
              <th key={one.key} scope="col">
                {one.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {order.map((index) => (
            <tr key={props.timesMs[index]}>
              <th scope="row">{format.dateTime(props.timesMs[index] ?? 0)}</th>
              {shown.map((one) => (
                <td key={one.key}>
                  <Value value={one.values[index] ?? null} unit={props.unit} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
