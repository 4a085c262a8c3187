/** How many log lines of each level there were: stacked bars, which also choose a span of time. */

import { useMemo, useRef, useState } from 'react'
import type { LogLevel } from '../../src/model/log-line.ts'
import type { TimeRange } from '../data/range.ts'
import { useFormat } from '../kit/format.tsx'
import { useWords } from '../word/word.tsx'
import './chart.css'

/** Levels from the bottom of a bar to its top. */
const barLevels = ['unknown', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

/** Lines per bucket and level. */
export interface VolumeBar {
  timeMs: number
  level: LogLevel
  count: number
}

/** The volume over a range; dragging over bars zooms. */
export function VolumeChart(props: {
  bars: readonly VolumeBar[]
  stepMs: number
  range: TimeRange
  onZoom: (range: TimeRange) => void
}) {
  const { bars, stepMs, range } = props
  const words = useWords()
  const format = useFormat()
  const frame = useRef<SVGSVGElement>(null)
  const [drag, setDrag] = useState<{ from: number; to: number } | undefined>()
  const columns = useMemo(() => toColumns(bars), [bars])
  const max = Math.max(1, ...columns.map((column) => column.total))
  const width = 1000
  const height = 64
  const span = Math.max(1, range.toTimeMs - range.fromTimeMs)
  const at = (timeMs: number): number => ((timeMs - range.fromTimeMs) / span) * width
  const timeAt = (clientX: number): number => {
    const box = frame.current?.getBoundingClientRect()
    const part = box ? Math.min(1, Math.max(0, (clientX - box.left) / box.width)) : 0
    return range.fromTimeMs + part * span
  }
  const total = columns.reduce((sum, column) => sum + column.total, 0)
  const wrong = bars.reduce((sum, bar) => sum + (isWrong(bar.level) ? bar.count : 0), 0)
  return (
    <figure className="volume">
      <figcaption className="hidden-text">
        {words.logs.volume({ total: format.count(total), wrong: format.count(wrong) })}
      </figcaption>
      <div className="volume-frame">
        <span className="volume-max">{format.value(max, 'count')}</span>
        <svg
          ref={frame}
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          aria-hidden
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId)
            const from = timeAt(event.clientX)
            setDrag({ from, to: from })
          }}
          onPointerMove={(event) => {
            if (drag) setDrag({ from: drag.from, to: timeAt(event.clientX) })
          }}
          onPointerUp={() => {
            if (drag && Math.abs(at(drag.to) - at(drag.from)) > 8) {
              const [fromTimeMs, toTimeMs] = [drag.from, drag.to].sort((a, b) => a - b)
              props.onZoom({ fromTimeMs: fromTimeMs!, toTimeMs: toTimeMs!, lastMs: undefined })
            }
            setDrag(undefined)
          }}
        >
          {columns.map((column) => {
            let below = 0
            const left = at(column.timeMs)
            const right = at(column.timeMs + stepMs)
            return (
              <g key={column.timeMs}>
                <title>{`${format.dateTime(column.timeMs)} · ${format.count(column.total)}`}</title>
                {column.parts.map(([level, count]) => {
                  const tall = (count / max) * (height - 2)
                  below += tall
                  return (
                    <rect
                      key={level}
                      className="volume-bar"
                      data-level={level}
                      x={left + 0.5}
                      y={height - below}
                      width={Math.max(1, right - left - 1.5)}
                      height={Math.max(tall, 0.5)}
                    />
                  )
                })}
              </g>
            )
          })}
          {drag ? (
            <rect
              className="volume-drag"
              x={Math.min(at(drag.from), at(drag.to))}
              y={0}
              width={Math.abs(at(drag.to) - at(drag.from))}
              height={height}
            />
          ) : null}
        </svg>
        <div className="volume-axis">
          <span>{format.near(range.fromTimeMs, range.toTimeMs)}</span>
          <span>{format.near(range.toTimeMs, range.toTimeMs)}</span>
        </div>
      </div>
    </figure>
  )
}

function isWrong(level: LogLevel): boolean {
  return level === 'error' || level === 'fatal'
}

function toColumns(bars: readonly VolumeBar[]) {
  const byTime = new Map<number, Map<LogLevel, number>>()
  for (const bar of bars) {
    let column = byTime.get(bar.timeMs)
    if (!column) {
      column = new Map()
      byTime.set(bar.timeMs, column)
    }
    column.set(bar.level, (column.get(bar.level) ?? 0) + bar.count)
  }
  return [...byTime].map(([timeMs, counts]) => ({
    timeMs,
    total: [...counts.values()].reduce((sum, count) => sum + count, 0),
    parts: barLevels.flatMap((level): [LogLevel, number][] => {
      const count = counts.get(level)
      return count ? [[level, count]] : []
    }),
  }))
}
