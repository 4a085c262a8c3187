/**
 * Functions of one float to one float, and of the date behind a time. Histograms have no place here
 * and vanish, as upstream has it.
 */

import { Block, isFloat } from '../block.ts'

/** Functions without parameters. */
export const mathFunctions: Record<string, (value: number) => number> = {
  abs: Math.abs,
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  ceil: Math.ceil,
  cos: Math.cos,
  cosh: Math.cosh,
  deg: (value) => (value * 180) / Math.PI,
  exp: Math.exp,
  floor: Math.floor,
  ln: Math.log,
  log10: Math.log10,
  log2: Math.log2,
  rad: (value) => (value * Math.PI) / 180,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin: Math.sin,
  sinh: Math.sinh,
  sqrt: Math.sqrt,
  tan: Math.tan,
  tanh: Math.tanh,
}

/** Functions of a time in seconds, in UTC. */
export const dateFunctions: Record<string, (seconds: number) => number> = {
  day_of_month: (seconds) => dateOf(seconds).getUTCDate(),
  day_of_week: (seconds) => dateOf(seconds).getUTCDay(),
  day_of_year: dayOfYear,
  days_in_month: (seconds) => {
    const date = dateOf(seconds)
    return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  },
  hour: (seconds) => dateOf(seconds).getUTCHours(),
  minute: (seconds) => dateOf(seconds).getUTCMinutes(),
  month: (seconds) => dateOf(seconds).getUTCMonth() + 1,
  year: (seconds) => dateOf(seconds).getUTCFullYear(),
}

function dateOf(seconds: number): Date {
  return new Date(Math.trunc(seconds) * 1000)
}

function dayOfYear(seconds: number): number {
  const date = dateOf(seconds)
  const startTimeMs = Date.UTC(date.getUTCFullYear(), 0, 1)
  return Math.floor((date.getTime() - startTimeMs) / 86_400_000) + 1
}

/** Applies a function to every float; the name is dropped. */
export function mapFloats(input: Block, map: (value: number, step: number) => number): Block {
  const block = new Block(input.stepCount, input.rowCount)
  for (let row = 0; row < input.rowCount; row++) {
    const from = row * input.stepCount
    const base = block.addRow(input.labels[row]!, true)
    for (let step = 0; step < input.stepCount; step++) {
      if (input.presence[from + step] !== isFloat) continue
      block.value[base + step] = map(input.value[from + step]!, step)
      block.presence[base + step] = isFloat
    }
    block.dropEmptyLastRow()
  }
  return block
}

/** Rounds to a multiple; halves go up. */
export function roundTo(value: number, toNearest: number): number {
  // Over the inverse, as upstream, because 1/0.1 is exact where 0.1 is not.
  const inverse = 1 / toNearest
  return Math.floor(value * inverse + 0.5) / inverse
}

/** Holds a value between two bounds; NaN anywhere gives NaN. */
export function clamp(value: number, least: number, greatest: number): number {
  return Math.max(least, Math.min(greatest, value))
}
