/**
 * Values that cannot be true, such as a negative temperature in kelvin or a ratio of 800: brought to the
 * bound or left out, by rules over selectors. The first rule that matches a series decides; which one
 * that is, is remembered by the series' number. Stale markers and native histograms
 */

import type { Labels } from '../model/labels.ts'
import { type Matcher, matchesAll } from '../model/matcher.ts'
import {
  bitsOf,
  isHistogramAt,
  isStaleAt,
  type SampleBatch,
  type SeriesId,
} from '../model/sample.ts'
import { parseSelector } from './selector.ts'
import type { ValueRuleSettings } from './settings.ts'

/** What a rule has done to a batch. */
export interface ValueRuleCount {
  match: string
  reason: 'below-min' | 'above-max' | 'not-a-number'
  action: 'clamp' | 'drop'
  count: number
}

interface ValueRule {
  settings: ValueRuleSettings
  matchers: Matcher[]
  min: number
  max: number
  /** Rows of the batch at hand below, above, and not a number. */
  counts: Uint32Array
}

const reasons = ['below-min', 'above-max', 'not-a-number'] as const
/** In `#ruleOf`: not looked at yet; no rule; rule 0 and following. */
const unknownRule = 0
const noRule = 1
const firstRule = 2

/** Applies `value_rules`. */
export class ValueRules {
  readonly #rules: ValueRule[]
  #ruleOf = new Uint8Array(1024)
  #epoch = -1

  constructor(settings: readonly ValueRuleSettings[]) {
    this.#rules = settings.map((rule) => ({
      settings: rule,
      matchers: parseSelector(rule.match),
      min: rule.min ?? Number.NEGATIVE_INFINITY,
      max: rule.max ?? Number.POSITIVE_INFINITY,
      counts: new Uint32Array(reasons.length),
    }))
  }

  /** Changes the batch in place; gives what was done, by rule and reason. */
  apply(
    batch: SampleBatch,
    store: { seriesEpoch: number; labelsOf(seriesId: SeriesId): Labels },
  ): ValueRuleCount[] {
    if (this.#rules.length === 0) return []
    if (store.seriesEpoch !== this.#epoch) {
      this.#epoch = store.seriesEpoch
      this.#ruleOf.fill(unknownRule)
    }
    const bits = bitsOf(batch.value)
    let kept = 0
    for (let row = 0; row < batch.count; row++) {
      const seriesId = batch.seriesId[row]!
      let mark = seriesId < this.#ruleOf.length ? this.#ruleOf[seriesId]! : unknownRule
      if (mark === unknownRule) mark = this.#findRule(seriesId, store.labelsOf(seriesId))
      const isKept =
        mark === noRule ||
        isStaleAt(bits, row) ||
        isHistogramAt(bits, row) ||
        this.#judge(mark - firstRule, batch, row)
      if (!isKept) continue
      if (kept < row) copyRow(batch, bits, row, kept)
      kept++
    }
    batch.count = kept
    return this.#takeCounts()
  }

  #findRule(seriesId: SeriesId, labels: Labels): number {
    if (seriesId >= this.#ruleOf.length) {
      const grown = new Uint8Array(Math.max(seriesId + 1, this.#ruleOf.length * 2))
      grown.set(this.#ruleOf)
      this.#ruleOf = grown
    }
    const index = this.#rules.findIndex((rule) => matchesAll(rule.matchers, labels))
    const mark = index < 0 ? noRule : index + firstRule
    this.#ruleOf[seriesId] = mark
    return mark
  }

  /** Whether the row is kept; a clamped one is changed. */
  #judge(index: number, batch: SampleBatch, row: number): boolean {
    const rule = this.#rules[index]!
    const value = batch.value[row]!
    if (value >= rule.min && value <= rule.max) return true
    if (Number.isNaN(value)) {
      if (!rule.settings.drop_nan) return true
      rule.counts[2]!++
      return false
    }
    const isBelow = value < rule.min
    rule.counts[isBelow ? 0 : 1]!++
    if (rule.settings.action === 'drop') return false
    batch.value[row] = isBelow ? rule.min : rule.max
    return true
  }

  #takeCounts(): ValueRuleCount[] {
    const done: ValueRuleCount[] = []
    for (const { settings, counts } of this.#rules) {
      for (const [index, reason] of reasons.entries()) {
        const count = counts[index]!
        const action = reason === 'not-a-number' ? 'drop' : settings.action
        if (count > 0) done.push({ match: settings.match, reason, action, count })
      }
      counts.fill(0)
    }
    return done
  }
}

/** Copies a row with its value bit by bit: a NaN may lose its payload on the way through a variable. */
export function copyRow(batch: SampleBatch, bits: Uint32Array, from: number, to: number): void {
  batch.seriesId[to] = batch.seriesId[from]!
  batch.timeMs[to] = batch.timeMs[from]!
  bits[to * 2] = bits[from * 2]!
  bits[to * 2 + 1] = bits[from * 2 + 1]!
  if (batch.histogram !== undefined) batch.histogram[to] = batch.histogram[from]
}
