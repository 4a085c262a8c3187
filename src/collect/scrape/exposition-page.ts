/**
 * Reads a whole exposition page strictly: all that `ExpositionReader` checks line by line, and what
 * the formats demand of lines together: metadata once and before the samples, groups in one piece,
 * timestamps that do not run backwards, values that fit the type, complete histograms. A scraper is
 * more lenient than this; it serves those who write pages.
 * Sources: OpenMetrics 1.0 specification, sections 4.4-5.3; prometheus/docs exposition_formats.md.
 */

import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import { collectErrors } from '../errors.ts'
import { type ExpositionFormat, ExpositionReader } from './exposition.ts'
import { isNumber, parseNumber } from './number.ts'

/** One sample of a page. */
export interface ExpositionSample {
  labels: Labels
  value: number
  timeMs: number | undefined
  exemplar: { labels: Labels; value: number; timeMs: number | undefined } | undefined
}

/** What the page says of a metric family. */
export interface ExpositionFamily {
  name: string
  /** `undefined` when no TYPE line names it. */
  type: string | undefined
  help: string | undefined
  unit: string | undefined
}

/** A page, read. */
export interface ExpositionPage {
  samples: ExpositionSample[]
  families: ExpositionFamily[]
}

/** Reads and checks a page; throws `COLLECT_EXPOSITION_INVALID` with the line and the mistake. */
export function parseExposition(
  body: Uint8Array | string,
  format: ExpositionFormat,
): ExpositionPage {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const reader = new ExpositionReader(bytes, format, { isStrict: true })
  const checker = format === 'text' ? new TextChecker() : new OpenChecker()
  const samples: ExpositionSample[] = []
  for (;;) {
    const kind = reader.next()
    const fail = (reason: string): never => {
      throw collectErrors.EXPOSITION_INVALID({ line: reader.line, reason })
    }
    if (kind === 'end') {
      checker.end(fail)
      return { samples, families: checker.families }
    }
    if (kind === 'sample') {
      const sample = readSample(reader)
      checker.sample(sample, fail)
      samples.push(sample)
    } else if (kind !== 'known') checker.metadata(kind, reader.metric, reader.text, fail)
  }
}

function readSample(reader: ExpositionReader): ExpositionSample {
  const [exemplar] = reader.exemplars
  return {
    labels: labelsFromPairs(reader.readLabels()),
    value: reader.value,
    timeMs: reader.hasTime ? reader.timeMs : undefined,
    exemplar: exemplar && { ...exemplar, labels: labelsFromPairs(exemplar.labels) },
  }
}

type Fail = (reason: string) => never

interface Family extends ExpositionFamily {
  hasSamples: boolean
}

function makeFamily(name: string): Family {
  return { name, type: undefined, help: undefined, unit: undefined, hasSamples: false }
}

function parseBound(text: string): number | undefined {
  const bytes = Buffer.from(text)
  const value = parseNumber(bytes, 0, bytes.length)
  return isNumber ? value : undefined
}

/** Rules of the text format: order of lines is free, metadata comes once and TYPE before the samples. */
class TextChecker {
  readonly families: Family[] = []
  readonly #byName = new Map<string, Family>()

  metadata(kind: 'type' | 'help' | 'unit', metric: string, text: string, fail: Fail): void {
    const family = this.#family(metric)
    if (kind === 'help') {
      if (family.help !== undefined) fail(`a second HELP line for the metric ${metric}`)
      family.help = text
      return
    }
    if (family.type !== undefined) fail(`a second TYPE line for the metric ${metric}`)
    if (family.hasSamples) fail(`the TYPE line of the metric ${metric} comes after its samples`)
    family.type = text
  }

  sample(sample: ExpositionSample, fail: Fail): void {
    const name = sample.labels.get('__name__')
    const base = this.#byName.get(name.replace(/_(?:bucket|count|sum)$/, ''))
    const isPart =
      base !== undefined &&
      ((base.type === 'histogram' && base.name !== name) ||
        (base.type === 'summary' && base.name !== name && !name.endsWith('_bucket')))
    const family = isPart ? base : this.#family(name)
    family.hasSamples = true
    if (family.type === 'histogram' && name.endsWith('_bucket')) checkBound('le', sample, fail)
    if (family.type === 'summary' && name === family.name) checkBound('quantile', sample, fail)
  }

  end(_fail: Fail): void {
    // Nothing spans the page in the text format: histograms may lie scattered.
    return
  }

  #family(name: string): Family {
    let family = this.#byName.get(name)
    if (family === undefined) {
      family = makeFamily(name)
      this.#byName.set(name, family)
      this.families.push(family)
    }
    return family
  }
}

function checkBound(name: 'le' | 'quantile', sample: ExpositionSample, fail: Fail): void {
  const text = sample.labels.get(name)
  if (text !== '' && parseBound(text) === undefined) {
    fail(`expected a number as value of the label ${name}, got ${JSON.stringify(text)}`)
  }
}

/** Sample names of a family by its type. */
const suffixesByType: Record<string, readonly string[]> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
}

/** Samples whose value counts something: neither negative nor NaN. */
const countingSuffixes: Record<string, readonly string[]> = {
  counter: ['_total'],
  histogram: ['_bucket', '_count', '_sum'],
  gaugehistogram: ['_bucket', '_gcount'],
  summary: ['_count', '_sum'],
}

/** What is known of the group (label set without le, quantile, state) being read. */
interface Group {
  key: string
  hasTime: boolean
  timeMs: number
  /** Series without timestamp already seen. */
  seen: Set<string>
  bound: number
  bucketValue: number
  hasInfinity: boolean
  infinityValue: number
  hasNegativeBound: boolean
  count: number | undefined
  sum: number | undefined
}

/** Rules of OpenMetrics. */
class OpenChecker {
  readonly families: Family[] = []
  readonly #names = new Set<string>()
  readonly #reserved = new Map<string, string>()
  #family: Family | undefined
  #group: Group | undefined
  #groupKeys = new Set<string>()

  metadata(kind: 'type' | 'help' | 'unit', metric: string, text: string, fail: Fail): void {
    if (this.#family?.name !== metric) this.#openFamily(metric, fail)
    const family = this.#family!
    if (family.hasSamples) fail(`metadata of ${metric} comes after its samples`)
    if (family[kind] !== undefined) fail(`a second ${kind.toUpperCase()} line for ${metric}`)
    family[kind] = text
    if (family.unit && (family.type === 'info' || family.type === 'stateset')) {
      fail(`a metric of type ${family.type} has no unit`)
    }
    if (kind === 'type') {
      for (const suffix of suffixesByType[text]!) {
        this.#reserve(metric + suffix, metric, fail)
      }
    }
  }

  sample(sample: ExpositionSample, fail: Fail): void {
    const name = sample.labels.get('__name__')
    let suffix = this.#suffixOf(name)
    if (suffix === undefined) {
      if (name === this.#family?.name) {
        fail(`a metric of type ${this.#family.type} has no sample of this name`)
      }
      this.#openFamily(name, fail)
      this.#reserve(name, name, fail)
      suffix = ''
    }
    const family = this.#family!
    family.hasSamples = true
    this.#enterGroup(family, sample, fail)
    checkSample({ type: family.type ?? 'unknown', name: family.name, suffix, sample, fail })
    this.#addToGroup(family, suffix, sample, fail)
  }

  end(fail: Fail): void {
    this.#closeGroup(fail)
  }

  #suffixOf(name: string): string | undefined {
    const family = this.#family
    if (family === undefined || !name.startsWith(family.name)) return undefined
    const suffix = name.slice(family.name.length)
    return suffixesByType[family.type ?? 'unknown']!.includes(suffix) ? suffix : undefined
  }

  #openFamily(name: string, fail: Fail): void {
    this.#closeGroup(fail)
    if (this.#names.has(name)) fail(`the lines of ${name} do not stand together`)
    this.#names.add(name)
    this.#groupKeys = new Set()
    this.#family = makeFamily(name)
    this.families.push(this.#family)
  }

  #reserve(sampleName: string, family: string, fail: Fail): void {
    const owner = this.#reserved.get(sampleName)
    if (owner !== undefined && owner !== family) {
      fail(`the name ${sampleName} belongs to the metric ${owner}`)
    }
    this.#reserved.set(sampleName, family)
  }

  #enterGroup(family: Family, sample: ExpositionSample, fail: Fail): void {
    const own = family.type === 'stateset' ? family.name : ''
    const key = sample.labels.filter(
      (name) => name !== '__name__' && name !== 'le' && name !== 'quantile' && name !== own,
    ).key
    const hasTime = sample.timeMs !== undefined
    const timeMs = sample.timeMs ?? 0
    let group = this.#group
    if (group?.key !== key) {
      this.#closeGroup(fail)
      if (this.#groupKeys.has(key)) fail('the samples of one label set do not stand together')
      this.#groupKeys.add(key)
      group = makeGroup(key, hasTime, timeMs)
    } else if (group.hasTime !== hasTime) {
      fail('samples of one label set must all have a timestamp, or none')
    } else if (timeMs < group.timeMs) {
      fail('timestamps of one label set must not run backwards')
    } else if (timeMs > group.timeMs) {
      this.#closeGroup(fail)
      group = makeGroup(key, hasTime, timeMs)
    }
    this.#group = group
    if (!hasTime) {
      if (group.seen.has(sample.labels.key)) fail('the series is given twice')
      group.seen.add(sample.labels.key)
    }
  }

  #addToGroup(family: Family, suffix: string, sample: ExpositionSample, fail: Fail): void {
    const group = this.#group!
    if (suffix === '_count' || suffix === '_gcount') group.count = sample.value
    else if (suffix === '_sum' || suffix === '_gsum') group.sum = sample.value
    else if (suffix === '_bucket') {
      const bound = parseBound(sample.labels.get('le'))!
      if (!(bound > group.bound)) fail(`buckets of ${family.name} are not in the order of le`)
      if (sample.value < group.bucketValue) fail(`buckets of ${family.name} are not cumulative`)
      group.bound = bound
      group.bucketValue = sample.value
      if (bound < 0) group.hasNegativeBound = true
      if (bound === Number.POSITIVE_INFINITY) {
        group.hasInfinity = true
        group.infinityValue = sample.value
      }
    }
  }

  #closeGroup(fail: Fail): void {
    const group = this.#group
    const family = this.#family
    this.#group = undefined
    if (group === undefined || family === undefined) return
    if (family.type !== 'histogram' && family.type !== 'gaugehistogram') return
    if (!group.hasInfinity) fail(`${family.name} has no bucket le="+Inf"`)
    if ((group.count === undefined) !== (group.sum === undefined)) {
      fail(`${family.name} has only one of sum and count`)
    }
    if (group.count !== undefined && group.count !== group.infinityValue) {
      fail(`the count of ${family.name} differs from its bucket le="+Inf"`)
    }
    if (group.sum === undefined) return
    if (group.hasNegativeBound && family.type === 'histogram') {
      fail(`${family.name} has negative buckets, so it cannot have a sum`)
    }
    if (group.sum < 0 && !group.hasNegativeBound) {
      fail(`the sum of ${family.name} is negative without negative buckets`)
    }
  }
}

function makeGroup(key: string, hasTime: boolean, timeMs: number): Group {
  return {
    key,
    hasTime,
    timeMs,
    seen: new Set(),
    bound: Number.NEGATIVE_INFINITY,
    bucketValue: 0,
    hasInfinity: false,
    infinityValue: 0,
    hasNegativeBound: false,
    count: undefined,
    sum: undefined,
  }
}

/** Code points of an exemplar's labels at most, by the specification. */
const exemplarLengthMax = 128

function checkSample(parts: {
  type: string
  name: string
  suffix: string
  sample: ExpositionSample
  fail: Fail
}): void {
  const { type, name, suffix, sample, fail } = parts
  const { labels, value } = sample
  if (countingSuffixes[type]?.includes(suffix) && !(value >= 0)) {
    fail(`the value of ${name}${suffix} must be a number ≥ 0`)
  }
  if (suffix === '_gsum' && Number.isNaN(value)) fail(`the value of ${name}_gsum is NaN`)
  if (suffix === '_bucket' && type.endsWith('histogram')) {
    if (parseBound(labels.get('le')) === undefined) {
      fail(`a bucket needs the label le with a number`)
    }
  }
  if (type === 'summary' && suffix === '') {
    const quantile = parseBound(labels.get('quantile'))
    if (quantile === undefined || !(quantile >= 0 && quantile <= 1)) {
      fail('a summary needs the label quantile with a number from 0 to 1')
    }
    if (value < 0) fail('a quantile must not be negative')
  }
  if (type === 'stateset') {
    if (!labels.has(name)) fail(`a stateset needs the label ${name}`)
    if (value !== 0 && value !== 1) fail('the value of a stateset is 0 or 1')
  }
  if (type === 'info' && value !== 1) fail('the value of an info metric is 1')
  if (sample.exemplar === undefined) return
  const canHave =
    (type === 'counter' && suffix === '_total') ||
    (type.endsWith('histogram') && suffix === '_bucket')
  if (!canHave) fail('only counters and buckets can have exemplars')
  let length = 0
  for (const text of sample.exemplar.labels.pairs) length += [...text].length
  if (length > exemplarLengthMax) {
    fail(`the labels of the exemplar have ${length} characters, more than ${exemplarLengthMax}`)
  }
}
