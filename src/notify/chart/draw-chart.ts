/**
 * The picture of an alert's signal, made to be read on a phone: big letters, few lines. The limit is a
 * dashed line with the forbidden side shaded, deployments are upright lines with their version, and the
 * moment of firing is marked.
 */

import type { AlertChart } from '../../model/flow.ts'
import { type LocalTime, readLocal } from '../../base/time-zone.ts'
import { Canvas, type Color, widthOfText } from './canvas.ts'

const width = 800
const height = 450
/** Pixels of a dot: a screen of 400 points still shows letters of eleven. */
const scale = 3
const frame = { left: 136, top: 64, right: width - 20, bottom: height - 48 }

const paper: Color = [255, 255, 255]
const ink: Color = [22, 25, 29]
const quiet: Color = [93, 102, 115]
const grid: Color = [223, 227, 233]
const red: Color = [197, 48, 58]
const violet: Color = [112, 72, 190]
const lineColors: readonly Color[] = [
  [29, 95, 209],
  [31, 138, 76],
  [184, 107, 0],
  [0, 128, 138],
  [150, 60, 130],
]

const titleLengthMax = 40
const markLengthMax = 14
const gridLineCount = 4

interface Scales {
  x(timeMs: number): number
  y(value: number): number
  low: number
  high: number
}

/** The chart as PNG. */
export function drawChart(chart: AlertChart, timeZone: string): Buffer {
  const canvas = new Canvas(width, height, paper)
  const scales = makeScales(chart)
  drawGrid(canvas, scales, chart)
  drawTimes(canvas, scales, chart, timeZone)
  if (chart.threshold !== undefined) drawLimit(canvas, scales, chart)
  for (const mark of chart.marks) drawMark(canvas, scales, mark)
  for (const [index, series] of chart.series.entries())
    drawSeries(canvas, scales, series, lineColors[index % lineColors.length]!)
  drawFiring(canvas, scales, chart)
  const title = cut(chart.title, titleLengthMax)
  canvas.text(title, { x: 12, y: 14 }, { color: ink, scale })
  const last = chart.series[0]
  const value = last === undefined || last.count === 0 ? undefined : last.value[last.count - 1]
  if (value !== undefined && Number.isFinite(value)) {
    const shown = formatTick(value, chart.unit)
    canvas.text(shown, { x: width - 20, y: 14 }, { color: red, scale, align: 'right' })
  }
  return canvas.toPng()
}

function makeScales(chart: AlertChart): Scales {
  let low = chart.threshold ?? Number.POSITIVE_INFINITY
  let high = chart.threshold ?? Number.NEGATIVE_INFINITY
  for (const { count, value } of chart.series) {
    for (let index = 0; index < count; index++) {
      if (!Number.isFinite(value[index])) continue
      low = Math.min(low, value[index]!)
      high = Math.max(high, value[index]!)
    }
  }
  if (!Number.isFinite(low)) [low, high] = [0, 1]
  // Zero belongs to what cannot be less, so that small changes do not look big.
  if (low >= 0 && low <= high * 0.7) low = 0
  if (high === low) [low, high] = [low - Math.abs(low || 1) / 2, high + Math.abs(high || 1) / 2]
  high += (high - low) * 0.08
  const { startTimeMs, endTimeMs } = chart
  return {
    low,
    high,
    x: (timeMs) =>
      frame.left +
      ((timeMs - startTimeMs) / (endTimeMs - startTimeMs)) * (frame.right - frame.left),
    y: (value) => frame.bottom - ((value - low) / (high - low)) * (frame.bottom - frame.top),
  }
}

function drawGrid(canvas: Canvas, scales: Scales, chart: AlertChart): void {
  const step = niceStep((scales.high - scales.low) / gridLineCount)
  const first = Math.ceil(scales.low / step)
  for (let index = first; index * step <= scales.high; index++) {
    const value = index * step
    const y = Math.round(scales.y(value))
    canvas.fill({ x: frame.left, y, width: frame.right - frame.left, height: 1 }, grid)
    const label = formatTick(value, chart.unit)
    canvas.text(label, { x: frame.left - 8, y: y - 11 }, { color: quiet, scale, align: 'right' })
  }
}

function drawTimes(canvas: Canvas, scales: Scales, chart: AlertChart, timeZone: string): void {
  const spanMs = chart.endTimeMs - chart.startTimeMs
  const stepMs = timeSteps.find((one) => spanMs / one <= 4) ?? timeSteps.at(-1)!
  const first = Math.ceil(chart.startTimeMs / stepMs) * stepMs
  for (let timeMs = first; timeMs <= chart.endTimeMs; timeMs += stepMs) {
    const x = Math.round(scales.x(timeMs))
    canvas.fill({ x, y: frame.top, width: 1, height: frame.bottom - frame.top }, grid)
    const label = formatClock(readLocal(timeMs, timeZone))
    const half = widthOfText(label, scale) / 2
    const middle = Math.min(frame.right - half, Math.max(frame.left + half, x))
    const at = { x: middle, y: frame.bottom + 10 }
    canvas.text(label, at, { color: quiet, scale, align: 'center' })
  }
}

const minuteMs = 60_000
const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440].map(
  (minutes) => minutes * minuteMs,
)

function drawLimit(canvas: Canvas, scales: Scales, chart: AlertChart): void {
  const y = scales.y(chart.threshold!)
  const areaWidth = frame.right - frame.left
  if (chart.operator === '>' || chart.operator === '>=') {
    canvas.fill({ x: frame.left, y: frame.top, width: areaWidth, height: y - frame.top }, red, 0.08)
  } else if (chart.operator === '<' || chart.operator === '<=') {
    canvas.fill({ x: frame.left, y, width: areaWidth, height: frame.bottom - y }, red, 0.08)
  }
  canvas.line({ x: frame.left, y }, { x: frame.right, y }, { color: red, width: 2, dash: 10 })
  const label = `${chart.operator} ${formatTick(chart.threshold!, chart.unit)}`
  const isNearTop = y - 30 < frame.top
  canvas.text(
    label,
    { x: frame.right - 6, y: isNearTop ? y + 8 : y - 30 },
    { color: red, scale, align: 'right' },
  )
}

function drawMark(canvas: Canvas, scales: Scales, mark: AlertChart['marks'][number]): void {
  const x = scales.x(mark.timeMs)
  if (x < frame.left || x > frame.right) return
  canvas.line({ x, y: frame.top }, { x, y: frame.bottom }, { color: violet, width: 2 })
  const label = cut(mark.label, markLengthMax)
  const isRight = x + widthOfText(label, scale) + 8 < frame.right
  canvas.text(
    label,
    { x: isRight ? x + 6 : x - 6, y: frame.bottom - 30 },
    { color: violet, scale, align: isRight ? 'left' : 'right' },
  )
}

function drawSeries(
  canvas: Canvas,
  scales: Scales,
  series: AlertChart['series'][number],
  color: Color,
): void {
  const { count, timeMs, value, gapMs } = series
  for (let index = 1; index < count; index++) {
    if (!Number.isFinite(value[index - 1]) || !Number.isFinite(value[index])) continue
    // A pause in the data is a pause in the line.
    if (timeMs[index]! - timeMs[index - 1]! > gapMs) continue
    canvas.line(
      { x: scales.x(timeMs[index - 1]!), y: scales.y(value[index - 1]!) },
      { x: scales.x(timeMs[index]!), y: scales.y(value[index]!) },
      { color, width: 3 },
    )
  }
}

function drawFiring(canvas: Canvas, scales: Scales, chart: AlertChart): void {
  const x = scales.x(chart.firedTimeMs)
  if (x < frame.left || x > frame.right) return
  canvas.line({ x, y: frame.top }, { x, y: frame.bottom }, { color: red, width: 2, dash: 4 })
  // A triangle that points to the moment.
  for (let row = 0; row < 9; row++)
    canvas.fill({ x: x - (9 - row), y: frame.top - 10 + row, width: (9 - row) * 2, height: 1 }, red)
}

/** 1, 2, 2.5 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return (([1, 2, 2.5, 5].find((one) => one * power >= least) ?? 10) as number) * power
}

function formatClock(local: LocalTime): string {
  return `${String(local.hour).padStart(2, '0')}:${String(local.minute).padStart(2, '0')}`
}

/** A figure of at most seven letters. */
function formatTick(value: number, unit: AlertChart['unit']): string {
  if (unit === 'ratio') return `${round(value * 100)}%`
  if (unit === 'seconds')
    return Math.abs(value) < 1 && value !== 0 ? `${round(value * 1_000)}ms` : `${round(value)}s`
  const isBinary = unit === 'bytes'
  const base = isBinary ? 1_024 : 1_000
  const units = isBinary ? ['B', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'] : ['', 'k', 'M', 'G', 'T', 'P']
  let size = value
  let index = 0
  while (Math.abs(size) >= base && index < units.length - 1) {
    size /= base
    index++
  }
  return `${round(size)}${units[index]}`
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function cut(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 2)}..`
}
