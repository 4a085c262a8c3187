/** label_replace, label_join, sort, sort_by_label, absent: functions about labels and order. */

import { compilePattern, type PatternGroups } from '../../../base/regexp.ts'
import { compareLabels, Labels, labelsFromPairs, metricNameLabel } from '../../../model/labels.ts'
import type { Matcher } from '../../../model/matcher.ts'
import { Block, isAbsent, isFloat } from '../block.ts'
import { executionError } from '../context.ts'

/** `label_replace(v, dst, replacement, src, regex)` */
export function replaceLabels(
  input: Block,
  rule: { target: string; replacement: string; source: string; pattern: string },
): Block {
  const { target, replacement, source } = rule
  let pattern: ReturnType<typeof compilePattern>
  try {
    pattern = compilePattern(rule.pattern)
  } catch {
    throw executionError(`invalid regular expression in label_replace(): ${rule.pattern}`)
  }
  if (!isValidName(target))
    throw executionError(`invalid destination label name in label_replace(): ${target}`)
  return relabel(input, target, (labels) => {
    const groups = pattern.groups(labels.get(source))
    return groups === undefined ? undefined : expand(replacement, groups)
  })
}

/** `label_join(v, dst, separator, src…)` */
export function joinLabels(
  input: Block,
  rule: { target: string; separator: string; sources: readonly string[] },
): Block {
  const { target, separator, sources } = rule
  if (!isValidName(target))
    throw executionError(`invalid destination label name in label_join(): ${target}`)
  return relabel(input, target, (labels) => sources.map((name) => labels.get(name)).join(separator))
}

/** Any UTF-8 text is a name but the empty one and what was not UTF-8. */
function isValidName(name: string): boolean {
  return name !== '' && !name.includes('\ufffd')
}

/** Sets a label on every row; `undefined` leaves the row as it is. Rows that become alike are joined. */
function relabel(
  input: Block,
  target: string,
  newValueOf: (labels: Labels) => string | undefined,
): Block {
  const block = new Block(input.stepCount, input.rowCount)
  const bases = new Map<string, number>()
  for (let row = 0; row < input.rowCount; row++) {
    const value = newValueOf(input.labels[row]!)
    const labels = value === undefined ? input.labels[row]! : input.labels[row]!.with(target, value)
    const isRenamed = value !== undefined && target === metricNameLabel
    const isNameDropped = input.isNameDropped[row]! && !isRenamed
    let base = bases.get(labels.key)
    if (base === undefined) {
      base = block.addRow(labels, isNameDropped)
      bases.set(labels.key, base)
    }
    for (let step = 0; step < input.stepCount; step++) {
      const from = row * input.stepCount + step
      if (input.presence[from] === isAbsent) continue
      if (block.presence[base + step] !== isAbsent)
        throw executionError('vector cannot contain metrics with the same labelset')
      block.copyCell(base + step, input, from)
    }
  }
  return block
}

/** Go's regexp expansion: `$1`, `${1}`, `$name`, `$$`. */
function expand(template: string, groups: PatternGroups): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced, bare) => {
    if (whole === '$$') return '$'
    const name = (braced ?? bare) as string
    if (/^\d+$/.test(name)) return groups.byIndex[Number(name)] ?? ''
    return groups.byName.get(name) ?? ''
  })
}

/** Rows in order of their value in the first step, NaN last. */
export function sortByValue(input: Block, isDescending: boolean): Block {
  const rows: number[] = []
  for (let row = 0; row < input.rowCount; row++) {
    if (input.presence[row * input.stepCount] === isFloat) rows.push(row)
  }
  rows.sort((a, b) => {
    const left = input.value[a * input.stepCount]!
    const right = input.value[b * input.stepCount]!
    if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : 1
    if (Number.isNaN(right)) return -1
    return isDescending ? right - left || 0 : left - right || 0
  })
  return reorder(input, rows)
}

/** Rows in natural order of labels, then of the whole label set. */
export function sortByLabels(input: Block, names: readonly string[], isDescending: boolean): Block {
  const rows = [...input.labels.keys()]
  const sign = isDescending ? -1 : 1
  rows.sort((a, b) => {
    const left = input.labels[a]!
    const right = input.labels[b]!
    for (const name of names) {
      const order = compareNatural(left.get(name), right.get(name))
      if (order !== 0) return sign * order
    }
    return sign * compareLabels(left, right)
  })
  return reorder(input, rows)
}

function reorder(input: Block, rows: readonly number[]): Block {
  const block = new Block(input.stepCount, rows.length)
  for (const row of rows) {
    const base = block.addRow(input.labels[row]!, input.isNameDropped[row]!)
    for (let step = 0; step < input.stepCount; step++)
      block.copyCell(base + step, input, row * input.stepCount + step)
  }
  return block
}

/** Runs of digits compare as numbers. */
function compareNatural(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? []
  const right = b.match(/\d+|\D+/g) ?? []
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const x = left[index]!
    const y = right[index]!
    if (x === y) continue
    if (/^\d/.test(x) && /^\d/.test(y) && Number(x) !== Number(y)) return Number(x) - Number(y)
    return x < y ? -1 : 1
  }
  return left.length - right.length
}

/** The labels that `absent` can promise: those asked for with one `=` only. */
export function labelsOfMatchers(matchers: readonly Matcher[]): Labels {
  const values = new Map<string, string>()
  const seen = new Set<string>()
  for (const { name, operator, value } of matchers) {
    if (name === metricNameLabel) continue
    if (operator === '=' && !seen.has(name)) {
      values.set(name, value)
      seen.add(name)
    } else values.delete(name)
  }
  return labelsFromPairs([...values].flat())
}

/** 1 at the steps where nothing is. */
export function absentBlock(stepCount: number, labels: Labels, isPresentAt: Uint8Array): Block {
  const block = new Block(stepCount, 1)
  const base = block.addRow(labels, false)
  for (let step = 0; step < stepCount; step++) {
    if (isPresentAt[step] === 0) block.setFloat(base + step, 1)
  }
  block.dropEmptyLastRow()
  return block
}

/** Which steps have any cell. */
export function presentSteps(input: Block): Uint8Array {
  const present = new Uint8Array(input.stepCount)
  for (let row = 0; row < input.rowCount; row++) {
    const from = row * input.stepCount
    for (let step = 0; step < input.stepCount; step++) {
      if (input.presence[from + step] !== isAbsent) present[step] = 1
    }
  }
  return present
}

/** No labels at all. */
export const bareLabels = new Labels([])
