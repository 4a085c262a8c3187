/**
 * Names of OpenTelemetry as Prometheus writes them, by its four translation strategies:
 *
 *   UnderscoreEscapingWithSuffixes     http.server.duration in s  →  http_server_duration_seconds
 *   UnderscoreEscapingWithoutSuffixes                             →  http_server_duration
 *   NoUTF8EscapingWithSuffixes                                    →  http.server.duration_seconds
 *   NoTranslation                                                 →  http.server.duration
 *
 * Sources: prometheus/otlptranslator metric_namer.go, label_namer.go, unit_namer.go (behaviour);
 * opentelemetry-specification specification/compatibility/prometheus_and_openmetrics.md.
 */

/** The strategies under Prometheus's names. */
export const translationStrategies = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const
/** One of `translationStrategies`. */
export type TranslationStrategy = (typeof translationStrategies)[number]

/** What decides on the suffix beside the unit. */
export type NamedType = 'gauge' | 'counter' | 'other'

const units = new Map([
  ['d', 'days'],
  ['h', 'hours'],
  ['min', 'minutes'],
  ['s', 'seconds'],
  ['ms', 'milliseconds'],
  ['us', 'microseconds'],
  ['ns', 'nanoseconds'],
  ['By', 'bytes'],
  ['KiBy', 'kibibytes'],
  ['MiBy', 'mebibytes'],
  ['GiBy', 'gibibytes'],
  ['TiBy', 'tebibytes'],
  ['KBy', 'kilobytes'],
  ['MBy', 'megabytes'],
  ['GBy', 'gigabytes'],
  ['TBy', 'terabytes'],
  ['m', 'meters'],
  ['V', 'volts'],
  ['A', 'amperes'],
  ['J', 'joules'],
  ['W', 'watts'],
  ['g', 'grams'],
  ['Cel', 'celsius'],
  ['Hz', 'hertz'],
  ['1', ''],
  ['%', 'percent'],
])

const unitsPer = new Map([
  ['s', 'second'],
  ['m', 'minute'],
  ['h', 'hour'],
  ['d', 'day'],
  ['w', 'week'],
  ['mo', 'month'],
  ['y', 'year'],
])

/** The metric's name; empty when nothing of it can be kept. */
export function translateMetricName(
  metric: { name: string; unit: string; type: NamedType },
  strategy: TranslationStrategy,
): string {
  switch (strategy) {
    case 'UnderscoreEscapingWithSuffixes':
      return escapeWithSuffixes(metric)
    case 'UnderscoreEscapingWithoutSuffixes':
      return guardDigit(
        metric.name
          .split(/[^a-zA-Z0-9:_]+/)
          .filter(Boolean)
          .join('_'),
      )
    case 'NoUTF8EscapingWithSuffixes':
      return addSuffixes(metric)
    case 'NoTranslation':
      return metric.name
  }
}

/** How names of labels are translated, under the names of Prometheus's settings. */
export interface LabelNameRules {
  translation_strategy: TranslationStrategy
  /** Puts `key` before a name that begins with one underscore. */
  label_name_underscore_sanitization: boolean
  /** Each character that cannot stand becomes an underscore of its own; otherwise runs become one. */
  label_name_preserve_multiple_underscores: boolean
}

/** A label's name; empty when nothing of it can be kept. */
export function translateLabelName(name: string, rules: LabelNameRules): string {
  const { translation_strategy: strategy } = rules
  if (strategy === 'NoUTF8EscapingWithSuffixes' || strategy === 'NoTranslation') return name
  const escaped = rules.label_name_preserve_multiple_underscores
    ? name.replace(/[^a-zA-Z0-9_]/gu, '_')
    : name.replace(/[^a-zA-Z0-9]+/gu, '_')
  if (/^_*$/.test(escaped)) return ''
  if (/^\d/.test(escaped)) return `key_${escaped}`
  const isGuarded = rules.label_name_underscore_sanitization && /^_(?!_)/.test(escaped)
  return isGuarded ? `key${escaped}` : escaped
}

function escapeWithSuffixes(metric: { name: string; unit: string; type: NamedType }): string {
  let words = metric.name.split(/[^a-zA-Z0-9:]+/).filter(Boolean)
  const { unit, per } = suffixesOf(metric.unit)
  const cleanUnit = clean(unit)
  const cleanPer = clean(per)
  const hasUnit = cleanUnit !== '' && !words.includes(cleanUnit)
  const hasPer = cleanPer !== '' && !words.includes(cleanPer)
  if (hasUnit) words.push(cleanUnit)
  if (hasPer) words.push('per', cleanPer)
  if (metric.type === 'counter') words = moveLast(words, 'total')
  if (metric.type === 'gauge' && metric.unit === '1') words = moveLast(words, 'ratio')
  return guardDigit(words.join('_'))
}

function addSuffixes(metric: { name: string; unit: string; type: NamedType }): string {
  let { name } = metric
  const suffixes: string[] = []
  const { unit, per } = suffixesOf(metric.unit)
  if (metric.type === 'counter') suffixes.unshift('total')
  if (metric.type === 'gauge' && metric.unit === '1') suffixes.unshift('ratio')
  if (per !== '') suffixes.unshift(`per_${per}`)
  if (unit !== '') suffixes.unshift(unit)
  // What the name ends in already is moved behind the suffixes that come before it.
  for (const suffix of [...suffixes].reverse()) name = withoutEnd(name, suffix)
  return [name, ...suffixes].join('_')
}

function withoutEnd(name: string, suffix: string): string {
  if (!name.endsWith(suffix) || name.length <= suffix.length + 1) return name
  const delimiter = name[name.length - suffix.length - 1]!
  return /[^a-zA-Z0-9]/.test(delimiter) ? name.slice(0, -suffix.length - 1) : name
}

/** Words of a unit such as `By/s`; annotations in braces are none. */
function suffixesOf(written: string): { unit: string; per: string } {
  const slash = written.indexOf('/')
  const unit = (slash < 0 ? written : written.slice(0, slash)).trim()
  const per = slash < 0 ? '' : written.slice(slash + 1).trim()
  const isPlain = (text: string): boolean => text !== '' && !/[{}]/.test(text)
  return {
    unit: isPlain(unit) ? (units.get(unit) ?? unit) : '',
    per: isPlain(per) ? (unitsPer.get(per) ?? per) : '',
  }
}

function clean(unit: string): string {
  return unit
    .split(/[^a-zA-Z0-9:]+/)
    .filter(Boolean)
    .join('_')
}

function moveLast(words: readonly string[], word: string): string[] {
  return [...words.filter((one) => one !== word), word]
}

function guardDigit(name: string): string {
  return /^\d/.test(name) ? `_${name}` : name
}
