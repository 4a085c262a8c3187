/** Shifts laid over each other: what lies on top is in force where it is. */

import type { OnCallOverride, Shift } from '../model/on-call.ts'
import { intersect, type Span } from './rotation.ts'

/** Lays `top` over `base`; both in order of time, `base` without overlaps. */
export function overlay(base: readonly Shift[], top: readonly Shift[]): Shift[] {
  let result = [...base]
  for (const shift of top) {
    result = [...result.flatMap((other) => subtract(other, shift)), shift]
  }
  return joinEqual(result.sort((a, b) => a.startTimeMs - b.startTimeMs))
}

/** Lays overrides over shifts; later ones go before earlier ones. */
export function applyOverrides(
  base: readonly Shift[],
  overrides: readonly OnCallOverride[],
  span: Span,
): Shift[] {
  let result = [...base]
  for (const override of overrides) {
    const cut = intersect(override, span)
    if (cut === undefined) continue
    const mark = { source: 'override', overrideId: override.id }
    if (override.replaces === '') {
      result = overlay(result, [{ ...cut, people: [...override.people], ...mark }])
      continue
    }
    // Only in shifts of the replaced person.
    const changed = result.flatMap((shift): Shift[] => {
      const part = intersect(shift, cut)
      if (part === undefined || !shift.people.includes(override.replaces)) return []
      const people = shift.people.flatMap((name) =>
        name === override.replaces ? override.people : [name],
      )
      return [{ ...part, people: [...new Set(people)], ...mark }]
    })
    result = overlay(result, changed)
  }
  return result
}

function subtract(shift: Shift, hole: Span): Shift[] {
  const parts: Shift[] = []
  if (shift.startTimeMs < hole.startTimeMs)
    parts.push({ ...shift, endTimeMs: Math.min(shift.endTimeMs, hole.startTimeMs) })
  if (shift.endTimeMs > hole.endTimeMs)
    parts.push({ ...shift, startTimeMs: Math.max(shift.startTimeMs, hole.endTimeMs) })
  return parts
}

/** Neighbours that say the same become one. */
function joinEqual(shifts: readonly Shift[]): Shift[] {
  const joined: Shift[] = []
  for (const shift of shifts) {
    const last = joined.at(-1)
    const isSame =
      last !== undefined &&
      last.endTimeMs === shift.startTimeMs &&
      last.source === shift.source &&
      last.overrideId === shift.overrideId &&
      last.people.join('\xff') === shift.people.join('\xff')
    if (isSame) last.endTimeMs = shift.endTimeMs
    else joined.push({ ...shift })
  }
  return joined
}
