/**
 * Advice on the metrics of a page: names, units, suffixes and help texts as Prometheus's naming
 * practices want them. The page itself must be valid; that is the parser's matter.
 * Sources: prometheus.io/docs/practices/naming; the checks and word lists of client_golang's promlint
 * (Apache-2.0), behaviour re-implemented.
 */

import type { parseExposition } from '../collect/collect.ts'

type ExpositionPage = ReturnType<typeof parseExposition>

/** One piece of advice. */
export interface MetricAdvice {
  metric: string
  text: string
}

type LintedFamily = ExpositionPage['families'][number] & {
  /** Names of the labels that its samples have, without `__name__`. */
  labelNames: Set<string>
}

/** Units by name, each with the one to use in its place. */
const baseUnits: ReadonlyMap<string, string> = new Map([
  ...['amperes', 'bytes', 'celsius', 'grams', 'joules', 'kelvin', 'meters', 'metres'].map(
    (unit): [string, string] => [unit, unit],
  ),
  ...['seconds', 'volts'].map((unit): [string, string] => [unit, unit]),
  ...['minutes', 'hours', 'days', 'weeks'].map((unit): [string, string] => [unit, 'seconds']),
  ...['inches', 'yards', 'miles'].map((unit): [string, string] => [unit, 'meters']),
  ...['pounds', 'ounces'].map((unit): [string, string] => [unit, 'grams']),
  ['kelvins', 'kelvin'],
  ['fahrenheit', 'celsius'],
  ['rankine', 'celsius'],
  ['bits', 'bytes'],
  ['calories', 'joules'],
])

const unitPrefix =
  /^(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi)/

const abbreviatedUnit = /_(?:s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d)(?:_|$)/

const camelCase = /[a-z][A-Z]/

const typeInName = /_(gauge|counter|histogram|summary|untyped|gaugehistogram)(?:_|$)/

/** All advice, in the order of the page. OpenMetrics writes counters without their suffix. */
export function lintMetrics(page: ExpositionPage, format: 'text' | 'openmetrics'): MetricAdvice[] {
  const advice: MetricAdvice[] = []
  for (const family of collectFamilies(page)) {
    const add = (text: string): void => {
      advice.push({ metric: family.name, text })
    }
    if (family.help === undefined || family.help === '') add('no help text')
    lintName(family.name, add)
    if (format === 'text') lintCounter(family, add)
    lintReserved(family, add)
    for (const label of family.labelNames) {
      if (camelCase.test(label)) {
        add(`label names should be written in 'snake_case' not 'camelCase': "${label}"`)
      }
    }
  }
  for (const text of findTwice(page)) advice.push(text)
  return advice
}

function collectFamilies(page: ExpositionPage): LintedFamily[] {
  const families = new Map<string, LintedFamily>()
  for (const family of page.families) {
    families.set(family.name, { ...family, labelNames: new Set() })
  }
  for (const { labels } of page.samples) {
    const name = labels.get('__name__')
    const family = families.get(name) ?? families.get(name.replace(/_[a-z]+$/, ''))
    for (let index = 0; index < labels.pairs.length; index += 2) {
      const label = labels.pairs[index]!
      if (label !== '__name__') family?.labelNames.add(label)
    }
  }
  return [...families.values()]
}

function lintName(name: string, add: (text: string) => void): void {
  const lower = name.toLowerCase()
  for (const word of lower.split('_')) {
    const base = baseUnits.get(word) ?? baseUnits.get(word.replace(unitPrefix, ''))
    if (base === undefined) continue
    if (base !== word) add(`use base unit "${base}" instead of "${word}"`)
    break
  }
  if (abbreviatedUnit.test(lower)) add('metric names should not contain abbreviated units')
  if (name.includes(':')) add("metric names should not contain ':'")
  if (camelCase.test(name)) {
    add("metric names should be written in 'snake_case' not 'camelCase'")
  }
  const type = typeInName.exec(lower)?.[1]
  if (type !== undefined) add(`metric name should not include type '${type}'`)
}

function lintCounter({ name, type }: LintedFamily, add: (text: string) => void): void {
  const isUntyped = type === undefined || type === 'untyped' || type === 'unknown'
  if (type === 'counter' && !name.endsWith('_total')) {
    add('counter metrics should have "_total" suffix')
  } else if (type !== 'counter' && !isUntyped && name.endsWith('_total')) {
    add('non-counter metrics should not have "_total" suffix')
  }
}

/** Names that the parts of histograms and summaries have. */
function lintReserved(family: LintedFamily, add: (text: string) => void): void {
  const { name, type, labelNames } = family
  if (type === undefined || type === 'untyped' || type === 'unknown') return
  const isHistogram = type === 'histogram' || type === 'gaugehistogram'
  const isSummary = type === 'summary'
  if (!isHistogram && name.endsWith('_bucket')) {
    add('non-histogram metrics should not have "_bucket" suffix')
  }
  for (const suffix of ['_count', '_sum']) {
    if (!isHistogram && !isSummary && name.endsWith(suffix)) {
      add(`non-histogram and non-summary metrics should not have "${suffix}" suffix`)
    }
  }
  if (!isHistogram && labelNames.has('le')) {
    add('non-histogram metrics should not have "le" label')
  }
  if (!isSummary && labelNames.has('quantile')) {
    add('non-summary metrics should not have "quantile" label')
  }
}

function* findTwice(page: ExpositionPage): Generator<MetricAdvice> {
  const seen = new Set<string>()
  for (const { labels, timeMs } of page.samples) {
    const key = `${labels.key}\xff${timeMs ?? ''}`
    if (seen.has(key)) {
      yield { metric: labels.get('__name__'), text: `the series ${labels} is given twice` }
    }
    seen.add(key)
  }
}
