/**
 * Histograms over time: a column for each time, a row for each bucket, darker where more fell into it. One
 * hue by lightness; the sentence, the line of figures and the table say what the colours show.
 */

import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import './chart.css'
import './heat-map.css'
import type { TimeRange } from '../data/range.ts'
import { Button } from '../kit/Button.tsx'
import { useFormat } from '../kit/format.tsx'
import { ChartIcon, TableIcon } from '../kit/icons.ts'
import { tokenColor } from '../token/palette.ts'
import type { Format, Unit } from '../word/format.ts'
import { useWords } from '../word/word.tsx'
import type { HeatGrid, HeatRow } from './heat-grid.ts'
import type { DeliveryMark, ExemplarMark } from './marks.ts'
import { useScheme } from './scheme.ts'

/** What a heat map takes. */
export interface HeatMapProps {
  title: string
  grid: HeatGrid
  unit: Unit
  range: TimeRange
  deliveries?: readonly DeliveryMark[]
  exemplars?: readonly ExemplarMark[]
  heightPx?: number
  onZoom?: (range: TimeRange) => void
}

/** Steps of lightness. */
const shadeCount = 14
const axisLabelCount = 6

/** A heat map with its caption and table. */
export function HeatMap(props: HeatMapProps) {
  const { grid, unit, title } = props
  const words = useWords()
  const format = useFormat()
  const [isTable, setTable] = useState(false)
  const [cell, setCell] = useState<{ row: number; at: number } | undefined>()
  const step = (rows: number, columns: number): void =>
    setCell((old) => ({
      row: clamp((old?.row ?? -1) + rows, grid.rows.length),
      at: clamp((old?.at ?? grid.timesMs.length) + columns, grid.timesMs.length),
    }))
  const busiest = useMemo(() => findBusiest(grid), [grid])
  return (
    <figure
      className="chart"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move from cell to cell
      tabIndex={0}
      aria-label={title}
      onKeyDown={(event) => {
        if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey) return
        const moves: Record<string, [number, number]> = {
          ArrowLeft: [0, -1],
          ArrowRight: [0, 1],
          ArrowUp: [1, 0],
          ArrowDown: [-1, 0],
        }
        const move = moves[event.key]
        if (move === undefined) return
        event.preventDefault()
        step(...move)
      }}
    >
      <figcaption className="chart-head">
        <div className="grow">
          <h3 className="chart-title">{title}</h3>
          <p className="chart-sentence">
            {busiest === undefined
              ? words.chart.noData
              : words.chart.busiest({
                  bucket: rowText(grid.rows[busiest.row]!, unit, format),
                  part: format.value(busiest.part, 'ratio'),
                })}
          </p>
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
        <BucketTable grid={grid} unit={unit} title={title} />
      ) : (
        <>
          <Canvas {...props} cell={cell} onCell={setCell} />
          <p className="heat-figures" role="status">
            {cell === undefined ? words.chart.heatHint : cellText(grid, cell, { unit, format })}
          </p>
        </>
      )}
    </figure>
  )
}

function clamp(index: number, count: number): number {
  return Math.max(0, Math.min(count - 1, index))
}

function cellText(
  grid: HeatGrid,
  cell: { row: number; at: number },
  o: { unit: Unit; format: Format },
): string {
  const count = grid.counts[cell.row * grid.timesMs.length + cell.at] ?? 0
  const bucket = rowText(grid.rows[cell.row]!, o.unit, o.format)
  const time = o.format.time(grid.timesMs[cell.at] ?? 0)
  return `${time} · ${bucket} · ${o.format.value(count, 'count')}`
}

function rowText(row: HeatRow, unit: Unit, format: Format): string {
  if (row.high === Number.POSITIVE_INFINITY) return `> ${format.value(row.low, unit)}`
  if (row.low === Number.NEGATIVE_INFINITY) return `≤ ${format.value(row.high, unit)}`
  return `${format.value(row.low, unit)} – ${format.value(row.high, unit)}`
}

/** The row with the most, and its part of everything. */
function findBusiest(grid: HeatGrid): { row: number; part: number } | undefined {
  const width = grid.timesMs.length
  let sum = 0
  let best = { row: -1, count: 0 }
  for (let row = 0; row < grid.rows.length; row++) {
    let own = 0
    for (let at = 0; at < width; at++) own += grid.counts[row * width + at]!
    sum += own
    if (own > best.count) best = { row, count: own }
  }
  return best.row === -1 ? undefined : { row: best.row, part: best.count / sum }
}

function Canvas(
  props: HeatMapProps & {
    cell: { row: number; at: number } | undefined
    onCell: (cell: { row: number; at: number } | undefined) => void
  },
) {
  const { grid, range, unit, cell } = props
  const format = useFormat()
  const scheme = useScheme()
  const canvas = useRef<HTMLCanvasElement>(null)
  const [widthPx, setWidth] = useState(0)
  const [drag, setDrag] = useState<{ from: number; to: number } | undefined>()
  const heightPx = props.heightPx ?? 240
  const spanMs = Math.max(1, range.toTimeMs - range.fromTimeMs)
  useEffect(() => {
    const element = canvas.current?.parentElement
    if (!element) return
    const observer = new ResizeObserver(() => setWidth(element.clientWidth))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another mode has other colours
  useEffect(() => {
    if (canvas.current && widthPx > 0)
      paint(canvas.current, { ...props, widthPx, heightPx, spanMs, cell })
  }, [grid, range.fromTimeMs, range.toTimeMs, props.exemplars, cell, widthPx, heightPx, scheme])
  const timeAt = (clientX: number): number => {
    const box = canvas.current!.getBoundingClientRect()
    return range.fromTimeMs + ((clientX - box.left) / Math.max(1, box.width)) * spanMs
  }
  const pick = (clientX: number, clientY: number): void => {
    const box = canvas.current!.getBoundingClientRect()
    const start = grid.timesMs[0] ?? 0
    const at = clamp(Math.round((timeAt(clientX) - start) / grid.stepMs), grid.timesMs.length)
    const part = 1 - (clientY - box.top) / Math.max(1, box.height)
    props.onCell({ row: clamp(Math.floor(part * grid.rows.length), grid.rows.length), at })
  }
  const finish = (): void => {
    if (drag && Math.abs(drag.to - drag.from) > spanMs / 60) {
      const [fromTimeMs, toTimeMs] = [drag.from, drag.to].sort((a, b) => a - b)
      props.onZoom?.({
        fromTimeMs: Math.round(fromTimeMs!),
        toTimeMs: Math.round(toTimeMs!),
        lastMs: undefined,
      })
    }
    setDrag(undefined)
  }
  const left = (timeMs: number): string => `${((timeMs - range.fromTimeMs) / spanMs) * 100}%`
  return (
    <div className="heat" aria-hidden>
      <div className="heat-rows" style={{ height: heightPx }}>
        {axisRows(grid.rows).map(({ row, value }) => (
          <span key={row} style={{ bottom: `${((row + 1) / grid.rows.length) * 100}%` }}>
            {Number.isFinite(value) ? format.value(value, unit) : '∞'}
          </span>
        ))}
      </div>
      <div
        className="heat-frame"
        style={{ height: heightPx }}
        onPointerMove={(event) => {
          pick(event.clientX, event.clientY)
          if (drag) setDrag({ from: drag.from, to: timeAt(event.clientX) })
        }}
        onPointerLeave={() => props.onCell(undefined)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          const from = timeAt(event.clientX)
          setDrag({ from, to: from })
        }}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(undefined)}
      >
        <canvas ref={canvas} />
        {props.deliveries?.map((one) => (
          <Mark key={`${one.timeMs} ${one.label}`} left={left(one.timeMs)}>
            {one.label}
          </Mark>
        ))}
        {drag === undefined ? null : (
          <span
            className="heat-drag"
            style={{
              left: left(Math.min(drag.from, drag.to)),
              width: `${(Math.abs(drag.to - drag.from) / spanMs) * 100}%`,
            }}
          />
        )}
      </div>
      <div className="heat-times">
        {Array.from({ length: axisLabelCount }, (_, index) => {
          const timeMs = range.fromTimeMs + (spanMs * index) / (axisLabelCount - 1)
          const text =
            spanMs > 86_400_000 ? format.dateTime(timeMs).slice(5, 16) : format.minute(timeMs)
          return <span key={timeMs}>{text}</span>
        })}
      </div>
    </div>
  )
}

function Mark(props: { left: string; children: ReactNode }) {
  return (
    <span className="heat-mark" style={{ left: props.left }}>
      <span>{props.children}</span>
    </span>
  )
}

/** Upper bounds to write beside the rows: as many as fit. */
function axisRows(rows: readonly HeatRow[]): { row: number; value: number }[] {
  const every = Math.max(1, Math.ceil(rows.length / 9))
  return rows.flatMap(({ high }, row) =>
    (rows.length - 1 - row) % every === 0 ? [{ row, value: high }] : [],
  )
}

function paint(
  canvas: HTMLCanvasElement,
  o: HeatMapProps & {
    widthPx: number
    heightPx: number
    spanMs: number
    cell: { row: number; at: number } | undefined
  },
): void {
  const { grid, range, widthPx, heightPx, spanMs } = o
  const ratio = devicePixelRatio
  canvas.width = Math.round(widthPx * ratio)
  canvas.height = Math.round(heightPx * ratio)
  canvas.style.width = `${widthPx}px`
  canvas.style.height = `${heightPx}px`
  const context = canvas.getContext('2d')
  if (!context) return
  const shades = Array.from({ length: shadeCount }, (_, index) =>
    tokenColor('series-1', 8 + (92 * index) / (shadeCount - 1)),
  )
  const columnPx = (grid.stepMs / spanMs) * canvas.width
  const rowPx = canvas.height / Math.max(1, grid.rows.length)
  const leftOf = (at: number): number =>
    ((grid.timesMs[at]! - range.fromTimeMs) / spanMs) * canvas.width - columnPx / 2
  for (let row = 0; row < grid.rows.length; row++) {
    const top = canvas.height - (row + 1) * rowPx
    for (let at = 0; at < grid.timesMs.length; at++) {
      const count = grid.counts[row * grid.timesMs.length + at]!
      if (count <= 0) continue
      // The root keeps rare buckets in sight beside busy ones.
      const shade = Math.round(Math.sqrt(count / grid.countMax) * (shadeCount - 1))
      context.fillStyle = shades[shade]!
      // Whole pixels, since cells are translucent and must not lie over each other.
      const x = Math.round(leftOf(at))
      const y = Math.round(top)
      const gap = rowPx > 6 * ratio ? ratio : 0
      const width = Math.round(leftOf(at) + columnPx) - x
      context.fillRect(x, y, Math.max(1, width), Math.round(top + rowPx) - y - gap)
    }
  }
  paintExemplars(context, { ...o, rowPx })
  if (o.cell === undefined) return
  context.strokeStyle = tokenColor('text')
  context.lineWidth = 1.5 * ratio
  const top = canvas.height - (o.cell.row + 1) * rowPx
  context.strokeRect(leftOf(o.cell.at), top, Math.max(columnPx, 2), rowPx)
}

/** Diamonds in the rows that the values belong to. */
function paintExemplars(
  context: CanvasRenderingContext2D,
  o: HeatMapProps & { spanMs: number; rowPx: number },
): void {
  const { grid, range, spanMs, rowPx } = o
  const { width, height } = context.canvas
  const radius = 4 * devicePixelRatio
  context.fillStyle = tokenColor('text')
  context.strokeStyle = tokenColor('surface')
  context.lineWidth = 1.5 * devicePixelRatio
  for (const { timeMs, value } of o.exemplars ?? []) {
    const row = grid.rows.findIndex(({ low, high }) => value > low && value <= high)
    if (row === -1) continue
    const x = ((timeMs - range.fromTimeMs) / spanMs) * width
    const y = height - (row + placeIn(grid.rows[row]!, value)) * rowPx
    context.beginPath()
    context.moveTo(x, y - radius)
    context.lineTo(x + radius, y)
    context.lineTo(x, y + radius)
    context.lineTo(x - radius, y)
    context.closePath()
    context.fill()
    context.stroke()
  }
}

/** How high a value lies in its row: by ratio where both bounds allow it. */
function placeIn({ low, high }: HeatRow, value: number): number {
  if (low > 0 && Number.isFinite(high)) return Math.log(value / low) / Math.log(high / low)
  return Number.isFinite(low) && Number.isFinite(high) ? (value - low) / (high - low) : 0.5
}

/** The buckets with what fell into them over the whole range. */
function BucketTable(props: { grid: HeatGrid; unit: Unit; title: string }) {
  const { grid, unit } = props
  const words = useWords()
  const format = useFormat()
  const width = grid.timesMs.length
  const rows = grid.rows.map((row, index) => {
    const own = grid.counts.subarray(index * width, (index + 1) * width)
    return { row, sum: own.reduce((sum, count) => sum + count, 0), last: own.at(-1) ?? 0 }
  })
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard
    <section className="chart-table" tabIndex={0} aria-label={props.title}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.chart.bucket}</th>
            <th scope="col">{words.chart.last}</th>
            <th scope="col">{words.chart.overRange}</th>
          </tr>
        </thead>
        <tbody>
          {rows.reverse().map(({ row, sum, last }) => (
            <tr key={row.low}>
              <th scope="row">{rowText(row, unit, format)}</th>
              <td>{format.value(last, 'count')}</td>
              <td>{format.value(sum, 'count')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
