/** The value axis: round steps, zero where it belongs, and labels that never repeat. */

import { type Quantity, thinSpace, type Unit } from '../word/format.ts'

/** Whether zero must be on the axis: for rates, ratios, sizes and counts a cut axis lies. */
function hasZero(unit: Unit): boolean {
  return unit !== 'count'
}

/** The range of the value axis for data and thresholds; a flat line gets room around it. */
export function valueRange(o: {
  min: number | null
  max: number | null
  unit: Unit
  thresholds: readonly number[]
}): [number, number] {
  let min = o.min ?? 0
  let max = o.max ?? 1
  for (const threshold of o.thresholds) {
    min = Math.min(min, threshold)
    max = Math.max(max, threshold)
  }
  // A count far from zero that hardly moves may leave zero out; whatever is near it may not.
  const isZeroKept = hasZero(o.unit) || (min >= 0 && min < max * 0.6)
  if (isZeroKept) {
    if (min > 0) min = 0
    if (max < 0) max = 0
  }
  if (min === max) {
    const room = max === 0 ? 1 : Math.abs(max) * 0.1
    return isZeroKept && min === 0 ? [0, room] : [min - room, max + room]
  }
  const room = (max - min) * 0.08
  return [min === 0 ? 0 : min - room, max === 0 ? 0 : max + room]
}

/** Labels for ticks: precision is raised until no two are alike. */
export function tickLabels(
  ticks: readonly number[],
  quantity: (value: number) => Quantity,
  language: string,
): string[] {
  const plain = ticks.map((tick) => joined(quantity(tick)))
  if (new Set(plain).size === plain.length) return plain
  for (let digits = 4; digits <= 12; digits += 1) {
    const format = new Intl.NumberFormat(language, { maximumSignificantDigits: digits })
    const precise = ticks.map((tick) => format.format(tick))
    if (new Set(precise).size === precise.length) return precise
  }
  return plain
}

function joined(value: Quantity): string {
  return value.unit === '' ? value.number : `${value.number}${thinSpace}${value.unit}`
}
