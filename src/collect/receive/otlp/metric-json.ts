/**
 * OTLP metrics in JSON: protobuf's JSON mapping with lowerCamelCase keys; 64-bit numbers as strings or
 * numbers, enumerations as integers (their names are taken too), `null` as absent, unknown keys
 * ignored. A value of the wrong kind refuses the body and is named with its path.
 * Source: opentelemetry-proto docs/specification.md (JSON Protobuf Encoding).
 */

import { collectErrors } from '../../errors.ts'
import { parseJsonBody } from '../json-body.ts'
import {
  type Attributes,
  addExemplar,
  type ExponentialBuckets,
  type ExponentialData,
  makeExemplar,
  makeExponential,
  makeMetric,
  makePoint,
  makeScope,
  noRecordedValueFlag,
  type OtlpMetric,
  type OtlpPoint,
  type OtlpResource,
  type OtlpScope,
  PartBudget,
  temporalities,
} from './metric-request.ts'
import { formatNumber, valueDepthMax } from './wire.ts'

type JsonObject = Record<string, unknown>

const dataKeys: readonly [string, OtlpMetric['type']][] = [
  ['gauge', 'gauge'],
  ['sum', 'sum'],
  ['histogram', 'histogram'],
  ['exponentialHistogram', 'exponential-histogram'],
  ['summary', 'summary'],
]

/** Reads a body; throws `COLLECT_BODY_INVALID` with the path, `COLLECT_ROWS_TOO_MANY`. */
export function readMetricJson(body: Buffer): OtlpResource[] {
  return new MetricJsonReader().read(parseJsonBody(body))
}

class MetricJsonReader {
  readonly #budget = new PartBudget()
  /** Keys and indexes down to the value being read. */
  readonly #path: (string | number)[] = []

  read(root: unknown): OtlpResource[] {
    const object = this.#object(root)
    return this.#list(object, 'resourceMetrics', (resource) => this.#readResource(resource))
  }

  #readResource(from: JsonObject): OtlpResource {
    return {
      attributes:
        this.#inside(from, 'resource', (resource) => this.#readAttributes(resource)) ?? [],
      scopes: this.#list(from, 'scopeMetrics', (scope) => this.#readScope(scope)),
    }
  }

  #readScope(from: JsonObject): OtlpScope {
    const scope = makeScope()
    scope.schemaUrl = this.#text(from, 'schemaUrl')
    this.#inside(from, 'scope', (inner) => {
      scope.name = this.#text(inner, 'name')
      scope.version = this.#text(inner, 'version')
      scope.attributes = this.#readAttributes(inner)
    })
    scope.metrics = this.#list(from, 'metrics', (metric) => this.#readMetric(metric))
    return scope
  }

  #readMetric(from: JsonObject): OtlpMetric {
    const metric = makeMetric()
    metric.name = this.#text(from, 'name')
    metric.description = this.#text(from, 'description')
    metric.unit = this.#text(from, 'unit')
    for (const [key, type] of dataKeys) {
      this.#inside(from, key, (data) => {
        metric.type = type
        metric.temporality = this.#temporality(data)
        metric.isMonotonic = this.#flag(data, 'isMonotonic')
        metric.points = this.#list(data, 'dataPoints', (point) => this.#readPoint(point, type))
      })
    }
    return metric
  }

  #readPoint(from: JsonObject, type: OtlpMetric['type']): OtlpPoint {
    const point = makePoint()
    point.attributes = this.#readAttributes(from)
    point.startTimeMs = this.#timeMs(from, 'startTimeUnixNano')
    point.timeMs = this.#timeMs(from, 'timeUnixNano')
    point.isRecorded = this.#whole(from, 'flags') % 2 !== noRecordedValueFlag
    this.#list(from, 'exemplars', (exemplar) => this.#readExemplar(exemplar, point))
    if (type === 'gauge' || type === 'sum') {
      point.value = this.#value(from)
      return point
    }
    point.count = this.#whole(from, 'count')
    point.sum = this.#double(from, 'sum')
    if (type === 'histogram') {
      point.bucketCounts = this.#numbers(from, 'bucketCounts', (value) => this.#toWhole(value))
      point.bounds = this.#numbers(from, 'explicitBounds', (value) => this.#toDouble(value))
    } else if (type === 'exponential-histogram') {
      point.exponential = this.#readExponential(from)
    } else if (type === 'summary') {
      point.quantiles = []
      this.#list(from, 'quantileValues', (pair) => {
        point.quantiles.push(this.#double(pair, 'quantile') ?? 0, this.#double(pair, 'value') ?? 0)
      })
    }
    return point
  }

  #readExponential(from: JsonObject): ExponentialData {
    const data = makeExponential()
    data.scale = this.#whole(from, 'scale')
    data.zeroCount = this.#whole(from, 'zeroCount')
    data.zeroThreshold = this.#double(from, 'zeroThreshold') ?? 0
    for (const [key, buckets] of [
      ['positive', data.positive],
      ['negative', data.negative],
    ] as const) {
      this.#inside(from, key, (inner) => this.#readBuckets(inner, buckets))
    }
    return data
  }

  #readBuckets(from: JsonObject, buckets: ExponentialBuckets): void {
    buckets.offset = this.#whole(from, 'offset')
    buckets.counts = this.#numbers(from, 'bucketCounts', (value) => this.#toWhole(value))
  }

  #readExemplar(from: JsonObject, point: OtlpPoint): void {
    const exemplar = makeExemplar()
    exemplar.attributes = this.#readAttributes(from, 'filteredAttributes')
    exemplar.timeMs = this.#timeMs(from, 'timeUnixNano')
    exemplar.value = this.#value(from)
    exemplar.traceId = this.#id(from, 'traceId')
    exemplar.spanId = this.#id(from, 'spanId')
    addExemplar(point, exemplar)
  }

  #value(from: JsonObject): number {
    const isWhole = from['asInt'] !== undefined && from['asInt'] !== null
    return isWhole ? this.#whole(from, 'asInt') : (this.#double(from, 'asDouble') ?? 0)
  }

  /** Hexadecimal digits; an id that is not one, all zero, is none. */
  #id(from: JsonObject, key: string): string {
    const digits = this.#text(from, key)
    return /^[0-9a-f]{1,32}$/i.test(digits) && /[^0]/.test(digits) ? digits.toLowerCase() : ''
  }

  // --- attributes ------------------------------------------------------------------------------

  #readAttributes(from: JsonObject, name = 'attributes'): Attributes {
    const attributes: Attributes = []
    this.#list(from, name, (pair) => {
      const key = this.#text(pair, 'key')
      const value = this.#inside(pair, 'value', (inner) => this.#readValue(inner, 0)) ?? ''
      attributes.push(key, typeof value === 'object' ? JSON.stringify(value) : formatPlain(value))
    })
    return attributes
  }

  #readValue(from: JsonObject, depth: number): Plain {
    if (depth > valueDepthMax) this.#fail('lists in lists without end')
    const has = (key: string): boolean => from[key] !== undefined && from[key] !== null
    if (has('stringValue')) return this.#text(from, 'stringValue')
    if (has('boolValue')) return this.#flag(from, 'boolValue')
    if (has('intValue')) {
      const value = from['intValue']
      // As written: identifiers beyond 2^53 must not be rounded into each other.
      if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return value
      return this.#whole(from, 'intValue')
    }
    if (has('doubleValue')) return this.#double(from, 'doubleValue') ?? 0
    if (has('bytesValue')) return this.#text(from, 'bytesValue')
    if (has('arrayValue')) {
      return (
        this.#inside(from, 'arrayValue', (array) =>
          this.#list(array, 'values', (value) => this.#readValue(value, depth + 1)),
        ) ?? []
      )
    }
    const pairs = Object.create(null) as Record<string, Plain>
    if (!has('kvlistValue')) return ''
    this.#inside(from, 'kvlistValue', (list) => {
      this.#list(list, 'values', (pair) => {
        const value = this.#inside(pair, 'value', (inner) => this.#readValue(inner, depth + 1))
        pairs[this.#text(pair, 'key')] = value ?? ''
      })
    })
    return pairs
  }

  // --- values ----------------------------------------------------------------------------------

  #object(value: unknown): JsonObject {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fail('expected an object')
    }
    return value as JsonObject
  }

  #inside<Value>(from: JsonObject, key: string, read: (inner: JsonObject) => Value) {
    const value = from[key]
    if (value === undefined || value === null) return undefined
    this.#path.push(key)
    const result = read(this.#object(value))
    this.#path.pop()
    return result
  }

  #list<Value>(from: JsonObject, key: string, read: (element: JsonObject) => Value): Value[] {
    return this.#elements(from, key, (element) => read(this.#object(element)))
  }

  #numbers(from: JsonObject, key: string, read: (value: unknown) => number): number[] {
    return this.#elements(from, key, read)
  }

  #elements<Value>(from: JsonObject, key: string, read: (element: unknown) => Value): Value[] {
    const list = from[key]
    if (list === undefined || list === null) return []
    this.#path.push(key)
    if (!Array.isArray(list)) this.#fail('expected a list')
    this.#budget.take(list.length)
    const results: Value[] = []
    for (let index = 0; index < list.length; index++) {
      this.#path.push(index)
      results.push(read(list[index]))
      this.#path.pop()
    }
    this.#path.pop()
    return results
  }

  #text(from: JsonObject, key: string): string {
    return this.#at(from, key, '', (value) =>
      typeof value === 'string' ? value : this.#fail('expected a string'),
    )
  }

  #flag(from: JsonObject, key: string): boolean {
    return this.#at(from, key, false, (value) =>
      typeof value === 'boolean' ? value : this.#fail('expected true or false'),
    )
  }

  #double(from: JsonObject, key: string): number | undefined {
    return this.#at(from, key, undefined, (value) => this.#toDouble(value))
  }

  #whole(from: JsonObject, key: string): number {
    return this.#at(from, key, 0, (value) => this.#toWhole(value))
  }

  #timeMs(from: JsonObject, key: string): number {
    return this.#at(from, key, 0, (value) => {
      if (typeof value === 'string' && /^\d{1,20}$/.test(value)) {
        return value.length < 7 ? 0 : Number(value.slice(0, -6))
      }
      return Math.floor(this.#toWhole(value) / 1_000_000)
    })
  }

  #temporality(from: JsonObject): OtlpMetric['temporality'] {
    return this.#at(from, 'aggregationTemporality', 'unspecified' as const, (value) => {
      const name = typeof value === 'string' ? /^AGGREGATION_TEMPORALITY_(.+)$/.exec(value) : null
      const found = temporalities.find((word, number) =>
        name === null ? number === value : word === name[1]!.toLowerCase(),
      )
      return found ?? this.#fail('expected 0, 1 or 2')
    })
  }

  #at<Value, Absent>(
    from: JsonObject,
    key: string,
    absent: Absent,
    read: (value: unknown) => Value,
  ): Value | Absent {
    const value = from[key]
    if (value === undefined || value === null) return absent
    this.#path.push(key)
    const result = read(value)
    this.#path.pop()
    return result
  }

  #toWhole(value: unknown): number {
    const isText = typeof value === 'string' && /^-?\d{1,20}$/.test(value)
    const number = isText ? Number(value) : value
    if (typeof number !== 'number' || !Number.isInteger(number)) {
      this.#fail('expected a whole number')
    }
    return number
  }

  #toDouble(value: unknown): number {
    if (typeof value === 'number') return value
    if (value === 'NaN') return Number.NaN
    if (value === 'Infinity') return Number.POSITIVE_INFINITY
    if (value === '-Infinity') return Number.NEGATIVE_INFINITY
    if (typeof value === 'string' && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value)) {
      return Number(value)
    }
    this.#fail('expected a number')
  }

  #fail(reason: string): never {
    let place = ''
    for (const step of this.#path) place += typeof step === 'number' ? `[${step}]` : `.${step}`
    throw collectErrors.BODY_INVALID({ reason: `${place.slice(1) || 'the body'}: ${reason}` })
  }
}

type Plain = string | number | boolean | Plain[] | { [key: string]: Plain }

function formatPlain(value: string | number | boolean): string {
  return typeof value === 'string' ? value : formatNumber(value)
}
