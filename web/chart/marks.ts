/** What every chart shows beside its lines: deliveries, trouble, thresholds, and where data is missing. */

import type uPlot from 'uplot'

/** A delivery on the time axis. */
export interface DeliveryMark {
  timeMs: number
  label: string
}

/** A span of trouble. */
export interface TroubleSpan {
  fromTimeMs: number
  toTimeMs: number
}

/** A limit on the value axis. */
export interface Threshold {
  value: number
  label: string
}

/** A sample that is known by its trace. */
export interface ExemplarMark {
  timeMs: number
  value: number
}

/** Marks of a chart. */
export interface Marks {
  deliveries: readonly DeliveryMark[]
  spans: readonly TroubleSpan[]
  thresholds: readonly Threshold[]
  exemplars?: readonly ExemplarMark[]
}

/** Colours that the canvas needs, resolved. */
export interface MarkColors {
  delivery: string
  text: string
  ground: string
  trouble: string
  threshold: string
  hatch: string
  exemplar: string
}

/** Draws what lies behind the lines: trouble as a tint, missing data as a hatch. */
export function drawBehind(u: uPlot, marks: Marks, colors: MarkColors): void {
  const { ctx, bbox } = u
  ctx.save()
  clip(u)
  ctx.fillStyle = colors.trouble
  for (const span of marks.spans) {
    const from = u.valToPos(span.fromTimeMs / 1000, 'x', true)
    const to = u.valToPos(span.toTimeMs / 1000, 'x', true)
    ctx.fillRect(from, bbox.top, Math.max(to - from, 2), bbox.height)
  }
  for (const [from, to] of findMissing(u.data)) drawHatch(u, from, to, colors.hatch)
  ctx.restore()
}

/** Draws what lies over the lines: thresholds and deliveries with their words. */
export function drawOver(u: uPlot, marks: Marks, colors: MarkColors): void {
  const { ctx, bbox } = u
  const ratio = devicePixelRatio
  ctx.save()
  clip(u)
  ctx.lineWidth = ratio
  ctx.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`
  ctx.textBaseline = 'top'
  for (const threshold of marks.thresholds) {
    const y = Math.round(u.valToPos(threshold.value, 'y', true))
    ctx.strokeStyle = colors.threshold
    ctx.setLineDash([])
    line(ctx, bbox.left, y, bbox.left + bbox.width, y)
    ctx.textAlign = 'right'
    const isHigh = y - bbox.top < 16 * ratio
    label(ctx, threshold.label, {
      x: bbox.left + bbox.width - 4 * ratio,
      y: isHigh ? y + 3 * ratio : y - 14 * ratio,
      color: colors.threshold,
      ground: colors.ground,
    })
  }
  ctx.textAlign = 'left'
  // Words that would touch go to a lower row; what finds no row keeps its line only.
  const freeFrom = [0, 0, 0]
  for (const mark of [...marks.deliveries].sort((a, b) => a.timeMs - b.timeMs)) {
    const x = Math.round(u.valToPos(mark.timeMs / 1000, 'x', true))
    if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue
    ctx.strokeStyle = colors.delivery
    ctx.setLineDash([4 * ratio, 3 * ratio])
    line(ctx, x, bbox.top, x, bbox.top + bbox.height)
    const width = ctx.measureText(mark.label).width
    const isFitting = x + 4 * ratio + width < bbox.left + bbox.width
    const from = isFitting ? x + 4 * ratio : x - 4 * ratio - width
    const row = freeFrom.findIndex((free) => free <= from)
    if (row === -1) continue
    label(ctx, mark.label, {
      x: from,
      y: bbox.top + (2 + row * 13) * ratio,
      color: colors.text,
      ground: colors.ground,
    })
    freeFrom[row] = from + width + 6 * ratio
  }
  drawExemplars(u, marks.exemplars ?? [], colors)
  ctx.restore()
}

/** Diamonds with a rim of the ground, so that they are told from the lines under them. */
function drawExemplars(u: uPlot, exemplars: readonly ExemplarMark[], colors: MarkColors): void {
  const { ctx } = u
  const radius = 4 * devicePixelRatio
  ctx.setLineDash([])
  ctx.lineWidth = 1.5 * devicePixelRatio
  ctx.fillStyle = colors.exemplar
  ctx.strokeStyle = colors.ground
  for (const { timeMs, value } of exemplars) {
    const x = u.valToPos(timeMs / 1000, 'x', true)
    const y = u.valToPos(value, 'y', true)
    ctx.beginPath()
    ctx.moveTo(x, y - radius)
    ctx.lineTo(x + radius, y)
    ctx.lineTo(x, y + radius)
    ctx.lineTo(x - radius, y)
    ctx.closePath()
    ctx.fill()
    ctx.stroke()
  }
}

function clip(u: uPlot): void {
  u.ctx.beginPath()
  u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height)
  u.ctx.clip()
}

function line(ctx: CanvasRenderingContext2D, ...at: [number, number, number, number]): void {
  ctx.beginPath()
  ctx.moveTo(at[0], at[1])
  ctx.lineTo(at[2], at[3])
  ctx.stroke()
}

function label(
  ctx: CanvasRenderingContext2D,
  text: string,
  o: { x: number; y: number; color: string; ground: string },
): void {
  // A halo of the ground keeps the word legible over lines.
  ctx.setLineDash([])
  ctx.save()
  ctx.lineJoin = 'round'
  ctx.lineWidth = 4 * devicePixelRatio
  ctx.strokeStyle = o.ground
  ctx.strokeText(text, o.x, o.y)
  ctx.fillStyle = o.color
  ctx.fillText(text, o.x, o.y)
  ctx.restore()
}

/** Spans (in x values) where no series has a sample, between two grid points at least. */
export function findMissing(
  data: readonly ArrayLike<number | null | undefined>[],
): [number, number][] {
  const times = data[0] as ArrayLike<number> | undefined
  const out: [number, number][] = []
  if (!times || data.length < 2) return out
  let from: number | undefined
  for (let index = 0; index < times.length; index += 1) {
    let isKnown = false
    for (let one = 1; one < data.length && !isKnown; one += 1) {
      const value = data[one]![index]
      isKnown = value !== null && value !== undefined
    }
    if (!isKnown) from ??= index
    else if (from !== undefined) {
      out.push([times[Math.max(0, from - 1)]!, times[index]!])
      from = undefined
    }
  }
  // The newest point may simply not have arrived yet.
  if (from !== undefined && times.length - from > 2) {
    out.push([times[Math.max(0, from - 1)]!, times[times.length - 1]!])
  }
  return out
}

function drawHatch(u: uPlot, fromX: number, toX: number, color: string): void {
  const { ctx, bbox } = u
  const ratio = devicePixelRatio
  const from = Math.max(bbox.left, u.valToPos(fromX, 'x', true))
  const to = Math.min(bbox.left + bbox.width, u.valToPos(toX, 'x', true))
  if (to - from < 3) return
  ctx.save()
  ctx.beginPath()
  ctx.rect(from, bbox.top, to - from, bbox.height)
  ctx.clip()
  ctx.strokeStyle = color
  ctx.lineWidth = ratio
  ctx.setLineDash([])
  const gap = 7 * ratio
  for (let x = from - bbox.height; x < to; x += gap) {
    line(ctx, x, bbox.top + bbox.height, x + bbox.height, bbox.top)
  }
  ctx.restore()
}
