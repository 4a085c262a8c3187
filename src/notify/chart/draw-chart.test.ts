import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inflateSync } from 'node:zlib'
import type { AlertChart } from '../../model/flow.ts'
import { drawChart } from './draw-chart.ts'

const endTimeMs = Date.UTC(2026, 10, 20, 13)
const startTimeMs = endTimeMs - 3 * 3_600_000

function makeChart(change: Partial<AlertChart> = {}): AlertChart {
  const count = 180
  const timeMs = Float64Array.from({ length: count }, (_, index) => startTimeMs + index * 60_000)
  const value = Float64Array.from({ length: count }, (_, index) => (index < 120 ? 0.01 : 0.08))
  return {
    title: 'CheckoutErrors',
    unit: 'ratio',
    operator: '>',
    threshold: 0.03,
    startTimeMs,
    endTimeMs,
    firedTimeMs: startTimeMs + 125 * 60_000,
    series: [{ count, timeMs, value, gapMs: 150_000 }],
    marks: [{ timeMs: startTimeMs + 118 * 60_000, label: 'v2' }],
    ...change,
  }
}

/** Reads what the encoder writes: one chunk of eight-bit indexes without filters. */
function readPng(png: Buffer) {
  assert.equal(png.subarray(1, 4).toString('latin1'), 'PNG')
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < png.length; ) {
    const size = png.readUInt32BE(at)
    chunks.set(png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + size))
    at += size + 12
  }
  const width = chunks.get('IHDR')!.readUInt32BE(0)
  const height = chunks.get('IHDR')!.readUInt32BE(4)
  const rows = inflateSync(chunks.get('IDAT')!)
  const palette = chunks.get('PLTE')!
  const colorAt = (x: number, y: number): string => {
    const index = rows[y * (width + 1) + 1 + x]!
    return [...palette.subarray(index * 3, index * 3 + 3)].join()
  }
  return { width, height, colorAt, chunks: [...chunks.keys()] }
}

function countColor(png: Buffer, area: { left: number; right: number }, wanted: string): number {
  const { height, colorAt } = readPng(png)
  let count = 0
  for (let y = 64; y < height - 48; y++)
    for (let x = area.left; x < area.right; x++) if (colorAt(x, y) === wanted) count++
  return count
}

const blue = '17,85,221'
const violet = '119,68,187'

test('a chart is a PNG of a few kilobytes that shows the line, its limit and the deployment', () => {
  const png = drawChart(makeChart(), 'UTC')
  assert.ok(png.length < 20_000, String(png.length))
  const { width, height, chunks } = readPng(png)
  assert.deepEqual([width, height], [800, 450])
  assert.deepEqual(chunks, ['IHDR', 'PLTE', 'IDAT', 'IEND'])
  assert.ok(countColor(png, { left: 140, right: 780 }, blue) > 500)
  assert.ok(countColor(png, { left: 555, right: 562 }, violet) > 200, 'the deployment')
  const without = drawChart(makeChart({ marks: [] }), 'UTC')
  assert.equal(countColor(without, { left: 140, right: 780 }, violet), 0)
})

test('a pause in the data is a gap in the line', () => {
  const { series } = makeChart()
  const [{ timeMs, value }] = series as [AlertChart['series'][number]]
  const gap = { timeMs, value: Float64Array.from(value), count: 180, gapMs: 150_000 }
  for (let index = 40; index < 80; index++) gap.value[index] = Number.NaN
  const png = drawChart(makeChart({ series: [gap], marks: [] }), 'UTC')
  // From the 45th to the 75th minute of 180, left of the frame being at 136, right at 780.
  assert.equal(countColor(png, { left: 297, right: 404 }, blue), 0)
  assert.ok(countColor(png, { left: 180, right: 270 }, blue) > 100)
})

test('figures of any kind are drawn without failing', () => {
  for (const unit of ['ratio', 'seconds', 'bytes', 'per-second', 'count'] as const) {
    for (const figure of [0, -5, 1e-9, 3e15, Number.NaN, Number.POSITIVE_INFINITY]) {
      const value = new Float64Array(3).fill(figure)
      const timeMs = Float64Array.from([startTimeMs, startTimeMs + 60_000, endTimeMs])
      const series = [{ count: 3, timeMs, value, gapMs: 150_000 }]
      const chart = makeChart({ unit, series, threshold: undefined, title: '结账失败🚢' })
      assert.equal(readPng(drawChart(chart, 'Asia/Shanghai')).width, 800)
    }
  }
})
