/**
 * The filter of alerts as it is typed: words that occur anywhere, and conditions on labels as matchers are
 * written. `team=shop` holds when the value contains it, `team="shop"` when it is exactly that; `!=`, `=~`
 * and `!~` as everywhere. All parts must hold, so that each makes the list shorter.
 */

import type { AlertView } from '../../../src/api/api.ts'
import type { SilenceMatcher } from '../../../src/model/silence.ts'

interface LabelPart extends SilenceMatcher {
  isExact: boolean
}

/** A filter, read. */
export interface AlertFilter {
  texts: string[]
  labels: LabelPart[]
}

const labelPart = /^([^\s=!~",{}]+)(=~|!~|!=|=)("(?:[^"\\]|\\.)*"?|\S*)/
const textPart = /^"([^"]*)"?|^\S+/

/** Reads a filter. */
export function readAlertFilter(text: string): AlertFilter {
  const filter: AlertFilter = { texts: [], labels: [] }
  let rest = text.trim()
  while (rest !== '') {
    const label = labelPart.exec(rest)
    const found = label ?? textPart.exec(rest)!
    if (label) {
      const [, name, operator, value] = label as unknown as string[]
      const isExact = value!.startsWith('"')
      filter.labels.push({
        name: name!,
        operator: operator as SilenceMatcher['operator'],
        value: isExact ? unquote(value!) : value!,
        isExact,
      })
    } else filter.texts.push((found[1] ?? found[0]).toLowerCase())
    rest = rest.slice(found[0].length).trim()
  }
  return filter
}

/** Whether an alert is let through. */
export function isLetThrough(alert: AlertView, filter: AlertFilter): boolean {
  if (!filter.labels.every((part) => holds(part, alert.labels[part.name] ?? ''))) return false
  if (filter.texts.length === 0) return true
  const text = [alert.name, ...Object.values(alert.labels), ...Object.values(alert.annotations)]
    .join(' ')
    .toLowerCase()
  return filter.texts.every((one) => text.includes(one))
}

/** The filter with one more exact condition; as it was when it has it already. */
export function withLabel(text: string, name: string, value: string): string {
  const part = `${name}=${JSON.stringify(value)}`
  return text.includes(part) ? text : `${text.trim()} ${part}`.trim()
}

/** What a silence of all that is let through must match: its conditions on labels. */
export function matchersOf(filter: AlertFilter): SilenceMatcher[] {
  return filter.labels.map(({ name, operator, value, isExact }) =>
    operator === '=' && !isExact
      ? { name, operator: '=~', value: `.*${escapePattern(value)}.*` }
      : { name, operator, value },
  )
}

function holds(part: LabelPart, value: string): boolean {
  if (part.operator === '=' && !part.isExact)
    return value.toLowerCase().includes(part.value.toLowerCase())
  if (part.operator === '=') return value === part.value
  if (part.operator === '!=') return value !== part.value
  return matchesWhole(part.value, value) === (part.operator === '=~')
}

/** A pattern that is still being typed matches nothing. */
function matchesWhole(pattern: string, value: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(value)
  } catch {
    return false
  }
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    return text.replace(/^"|"$/g, '')
  }
}
