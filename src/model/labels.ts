/**
 * A label set: the identity of a series, an alert, a stream. Immutable, sorted by name, no empty
 * values. Kept as one flat array `[name, value, name, value, …]`, so that names such as `__proto__`
 * are plain data and a set costs one object and one array.
 */

import { addByte, addText, formatFnv64, startFnv64 } from '../base/hash.ts'

/** The label that holds a series' metric name. */
export const metricNameLabel = '__name__'

/** An immutable, sorted label set. Make one with `makeLabels` or `labelsFromPairs`. */
export class Labels {
  /** `[name, value, …]`, sorted by name in code-unit order, names unique, values not empty. Never changed. */
  readonly pairs: readonly string[]
  #key: string | undefined

  /** Trusts its argument; use the makers unless `pairs` is known to be sorted and unique. */
  constructor(pairs: readonly string[]) {
    this.pairs = pairs
  }

  /** How many labels. */
  get size(): number {
    return this.pairs.length / 2
  }

  /** Value of `name`, or the empty string, which means "no such label" throughout Prometheus. */
  get(name: string): string {
    const pairs = this.pairs
    for (let index = 0; index < pairs.length; index += 2) {
      if (pairs[index] === name) return pairs[index + 1]!
    }
    return ''
  }

  has(name: string): boolean {
    return this.get(name) !== ''
  }

  /** A string equal for equal sets and for no others; for maps. */
  get key(): string {
    this.#key ??= this.pairs.join('\xff')
    return this.#key
  }

  /** FNV-1a 64 as Prometheus and Alertmanager print it: 16 hexadecimal digits. */
  fingerprint(): string {
    const state = startFnv64()
    for (const text of this.pairs) {
      addText(state, text)
      addByte(state, 0xff)
    }
    return formatFnv64(state)
  }

  /** A copy with `name` set, or removed when `value` is empty. */
  with(name: string, value: string): Labels {
    const pairs: string[] = []
    let isPlaced = value === ''
    for (let index = 0; index < this.pairs.length; index += 2) {
      const other = this.pairs[index]!
      if (!isPlaced && name <= other) {
        pairs.push(name, value)
        isPlaced = true
      }
      if (other !== name) pairs.push(other, this.pairs[index + 1]!)
    }
    if (!isPlaced) pairs.push(name, value)
    return new Labels(pairs)
  }

  /** A copy with only (`on`) or without (`ignoring`) the named labels. */
  filter(keep: (name: string) => boolean): Labels {
    const pairs: string[] = []
    for (let index = 0; index < this.pairs.length; index += 2) {
      if (keep(this.pairs[index]!)) pairs.push(this.pairs[index]!, this.pairs[index + 1]!)
    }
    return new Labels(pairs)
  }

  /** A plain object without prototype, for JSON; safe for any label name. */
  toObject(): Record<string, string> {
    const object = Object.create(null) as Record<string, string>
    for (let index = 0; index < this.pairs.length; index += 2) {
      object[this.pairs[index]!] = this.pairs[index + 1]!
    }
    return object
  }

  toJSON(): Record<string, string> {
    return this.toObject()
  }

  /** `name{a="b"}` as Prometheus writes it. */
  toString(): string {
    const inner: string[] = []
    for (let index = 0; index < this.pairs.length; index += 2) {
      const name = this.pairs[index]!
      if (name === metricNameLabel) continue
      const shownName = isLegacyLabelName(name) ? name : quote(name)
      inner.push(`${shownName}=${quote(this.pairs[index + 1]!)}`)
    }
    const metric = this.get(metricNameLabel)
    if (metric !== '' && !isLegacyMetricName(metric)) inner.unshift(quote(metric))
    const head = isLegacyMetricName(metric) ? metric : ''
    return inner.length === 0 && head !== '' ? head : `${head}{${inner.join(', ')}}`
  }

  equals(other: Labels): boolean {
    return this === other || this.key === other.key
  }
}

/** No labels. */
export const emptyLabels = new Labels([])

/** From an object; empty values are left out. */
export function makeLabels(object: Readonly<Record<string, string>>): Labels {
  const pairs: string[] = []
  for (const name of Object.keys(object)) pairs.push(name, object[name]!)
  return labelsFromPairs(pairs)
}

/** From `[name, value, …]` in any order; empty values are left out, the last of equal names counts. */
export function labelsFromPairs(pairs: readonly string[]): Labels {
  if (isSortedUnique(pairs)) return new Labels(pairs)
  const map = new Map<string, string>()
  for (let index = 0; index < pairs.length; index += 2) map.set(pairs[index]!, pairs[index + 1]!)
  const sorted: string[] = []
  for (const name of [...map.keys()].sort(compareText)) {
    const value = map.get(name)!
    if (value !== '') sorted.push(name, value)
  }
  return new Labels(sorted)
}

function isSortedUnique(pairs: readonly string[]): boolean {
  for (let index = 0; index < pairs.length; index += 2) {
    if (pairs[index + 1] === '') return false
    if (index > 0 && pairs[index - 2]! >= pairs[index]!) return false
  }
  return true
}

/** Order of label sets as Prometheus sorts a matrix: name by name, then value by value. */
export function compareLabels(a: Labels, b: Labels): number {
  const length = Math.min(a.pairs.length, b.pairs.length)
  for (let index = 0; index < length; index++) {
    const order = compareText(a.pairs[index]!, b.pairs[index]!)
    if (order !== 0) return order
  }
  return a.pairs.length - b.pairs.length
}

/** Code-unit order, the same everywhere, unlike `localeCompare`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** `[a-zA-Z_:][a-zA-Z0-9_:]*` */
export function isLegacyMetricName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)
}

/** `[a-zA-Z_][a-zA-Z0-9_]*` */
export function isLegacyLabelName(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)
}

/** A Go-style double-quoted string. */
export function quote(text: string): string {
  return JSON.stringify(text)
}
