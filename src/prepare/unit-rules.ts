/**
 * Values in the units that everybody compares in: seconds, bytes, ratios, degrees Celsius and the like
 * (`unit_rules`). A rule changes the value, the name of the metric (`_milliseconds` becomes `_seconds`),
 * the bounds of buckets, and what is said of the metric's unit. Counts of observations stay what they are.
 * Source of the base units: prometheus.io/docs/practices/naming.
 */

import { formatBound } from '../model/bound.ts'
import type { MetricMetadata } from '../model/flow.ts'
import { type Labels, labelsFromPairs, metricNameLabel } from '../model/labels.ts'
import { type Matcher, matchesAll } from '../model/matcher.ts'
import { parseSelector } from './selector.ts'
import type { UnitRuleSettings } from './settings.ts'
import { type Conversion, type UnitName, units } from './units.ts'

/** A series as it is kept, and how its values come about. */
export interface ConvertedSeries {
  labels: Labels
  conversion: Conversion
}

interface UnitRule {
  isRenamed: boolean
  /** Absent: every metric that bears a word of the unit. */
  matchers: Matcher[] | undefined
  words: ReadonlySet<string>
  base: string
  conversion: Conversion
}

/** Ends of names that say which part of a family a series is. */
const partPattern = /_(bucket|count|sum|total|created|info|min|max)$/

/** For counts, which have no unit. */
const unchanged: Conversion = { shift: 0, multiply: 1, divide: 1 }

/** Applies `unit_rules`. */
export class UnitRules {
  readonly #rules: UnitRule[]

  constructor(settings: readonly UnitRuleSettings[]) {
    this.#rules = settings.map(({ match, from, rename }) => ({
      isRenamed: rename,
      matchers: match === undefined ? undefined : parseSelector(match),
      ...units[from as UnitName],
    }))
  }

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.#rules.length === 0
  }

  /** What becomes of a series; `undefined` when no rule concerns it. */
  convert(labels: Labels): ConvertedSeries | undefined {
    const name = labels.get(metricNameLabel)
    for (const rule of this.#rules) {
      const place = findWord(name, rule.words)
      const isMeant =
        rule.matchers === undefined ? place !== undefined : matchesAll(rule.matchers, labels)
      if (isMeant) return convertSeries(labels, rule)
    }
    return undefined
  }

  /** What is said of a metric; `undefined` when no rule concerns it. */
  convertMetadata(metric: string, metadata: MetricMetadata): [string, MetricMetadata] | undefined {
    const named = labelsFromPairs([metricNameLabel, metric])
    for (const rule of this.#rules) {
      // Of the family as a whole only the name is known; rules about other labels pass it over.
      const byName = rule.matchers?.filter((matcher) => matcher.name === metricNameLabel)
      const isMeant =
        byName === undefined
          ? findWord(metric, rule.words) !== undefined
          : byName.length > 0 && matchesAll(byName, named)
      if (!isMeant) continue
      const name = rule.isRenamed ? rename(metric, rule) : metric
      return [name, { ...metadata, unit: rule.base }]
    }
    return undefined
  }
}

function convertSeries(labels: Labels, rule: UnitRule): ConvertedSeries | undefined {
  const name = labels.get(metricNameLabel)
  const { conversion } = rule
  const part = partPattern.exec(name)?.[1]
  // A sum of values that have another zero cannot be known without their count.
  if (part === 'sum' && conversion.shift !== 0) return undefined
  const pairs = [...labels.pairs]
  for (let index = 0; index < pairs.length; index += 2) {
    if (pairs[index] === metricNameLabel && rule.isRenamed) pairs[index + 1] = rename(name, rule)
    else if (pairs[index] === 'le' && part === 'bucket') {
      pairs[index + 1] = convertBound(pairs[index + 1]!, conversion)
    }
  }
  const isCount = part === 'bucket' || part === 'count' || part === 'created' || part === 'info'
  return { labels: labelsFromPairs(pairs), conversion: isCount ? unchanged : conversion }
}

function convertBound(text: string, conversion: Conversion): string {
  if (text === '+Inf' || text.trim() === '') return text
  const bound = Number(text)
  return Number.isNaN(bound) ? text : formatBound(convertValue(bound, conversion))
}

/** A value in the base unit: one rounding where the factor is whole. */
export function convertValue(value: number, { shift, multiply, divide }: Conversion): number {
  return ((value + shift) * multiply) / divide
}

/** Where a word of the unit stands among the words of the name, the last first; not behind "per". */
function findWord(name: string, words: ReadonlySet<string>): number | undefined {
  const all = name.split('_')
  for (let place = all.length - 1; place > 0; place--) {
    if (words.has(all[place]!.toLowerCase())) return all[place - 1] === 'per' ? undefined : place
  }
  return undefined
}

/** The unit's word becomes that of the base; a name without one gets it before the part of the family. */
function rename(name: string, { words, base }: UnitRule): string {
  const place = findWord(name, words)
  if (place !== undefined) {
    const all = name.split('_')
    all[place] = base
    return all.join('_')
  }
  const part = partPattern.exec(name)?.[0] ?? ''
  const family = name.slice(0, name.length - part.length)
  return family.endsWith(`_${base}`) ? name : `${family}_${base}${part}`
}
