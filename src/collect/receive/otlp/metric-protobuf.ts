/**
 * OTLP metrics in protobuf, walked by hand:
 *
 *   ExportMetricsServiceRequest { 1: ResourceMetrics… }
 *   ResourceMetrics { 1: Resource {1: KeyValue…}, 2: ScopeMetrics… }
 *   ScopeMetrics    { 1: Scope {1: name, 2: version, 3: KeyValue…}, 2: Metric…, 3: schema_url }
 *   Metric          { 1: name, 2: description, 3: unit, 5 | 7 | 9 | 10 | 11: data }
 *   data            { 1: point…, 2: temporality, 3: is_monotonic }
 *
 * A malformed byte anywhere refuses the whole body; unknown fields are passed over.
 * Source: opentelemetry-proto opentelemetry/proto/metrics/v1/metrics.proto.
 */

import {
  addExemplar,
  type ExponentialBuckets,
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
import { OtlpWireReader } from './wire.ts'

type ReadPoint = (wire: OtlpWireReader, end: number) => OtlpPoint

const dataFields = new Map<number, { type: OtlpMetric['type']; readPoint: ReadPoint }>([
  [0x2a, { type: 'gauge', readPoint: readNumberPoint }],
  [0x3a, { type: 'sum', readPoint: readNumberPoint }],
  [0x4a, { type: 'histogram', readPoint: readHistogramPoint }],
  [0x52, { type: 'exponential-histogram', readPoint: readExponentialPoint }],
  [0x5a, { type: 'summary', readPoint: readSummaryPoint }],
])

/** Reads a body; throws `COLLECT_BODY_INVALID` with the byte, `COLLECT_ROWS_TOO_MANY`. */
export function readMetricProtobuf(body: Uint8Array): OtlpResource[] {
  const wire = new OtlpWireReader(body, new PartBudget())
  const end = body.length
  const resources: OtlpResource[] = []
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) resources.push(readResource(wire, wire.readEnd(end)))
    else wire.skip(tag, end)
  }
  return resources
}

function readResource(wire: OtlpWireReader, end: number): OtlpResource {
  wire.budget.take(1)
  const resource: OtlpResource = { attributes: [], scopes: [] }
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) {
      const innerEnd = wire.readEnd(end)
      while (wire.at < innerEnd) {
        const inner = wire.readSize(innerEnd)
        if (inner === 0x0a) wire.readAttribute(innerEnd, resource.attributes)
        else wire.skip(inner, innerEnd)
      }
    } else if (tag === 0x12) resource.scopes.push(readScope(wire, wire.readEnd(end)))
    else wire.skip(tag, end)
  }
  return resource
}

function readScope(wire: OtlpWireReader, end: number): OtlpScope {
  wire.budget.take(1)
  const scope = makeScope()
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) readScopeName(wire, wire.readEnd(end), scope)
    else if (tag === 0x12) scope.metrics.push(readMetric(wire, wire.readEnd(end)))
    else if (tag === 0x1a) scope.schemaUrl = wire.readText(end)
    else wire.skip(tag, end)
  }
  return scope
}

function readScopeName(wire: OtlpWireReader, end: number, scope: OtlpScope): void {
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) scope.name = wire.readText(end)
    else if (tag === 0x12) scope.version = wire.readText(end)
    else if (tag === 0x1a) wire.readAttribute(end, scope.attributes)
    else wire.skip(tag, end)
  }
}

function readMetric(wire: OtlpWireReader, end: number): OtlpMetric {
  wire.budget.take(1)
  const metric = makeMetric()
  while (wire.at < end) {
    const tag = wire.readSize(end)
    const data = dataFields.get(tag)
    if (data !== undefined) {
      metric.type = data.type
      readData(wire, wire.readEnd(end), metric, data.readPoint)
    } else if (tag === 0x0a) metric.name = wire.readText(end)
    else if (tag === 0x12) metric.description = wire.readText(end)
    else if (tag === 0x1a) metric.unit = wire.readText(end)
    else wire.skip(tag, end)
  }
  return metric
}

function readData(
  wire: OtlpWireReader,
  end: number,
  metric: OtlpMetric,
  readPoint: ReadPoint,
): void {
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) {
      wire.budget.take(1)
      metric.points.push(readPoint(wire, wire.readEnd(end)))
    } else if (tag === 0x10) metric.temporality = temporalities[wire.readSize(end)] ?? 'unspecified'
    else if (tag === 0x18) metric.isMonotonic = wire.readSize(end) !== 0
    else wire.skip(tag, end)
  }
}

function readNumberPoint(wire: OtlpWireReader, end: number): OtlpPoint {
  const point = makePoint()
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x3a) wire.readAttribute(end, point.attributes)
    else if (tag === 0x11) point.startTimeMs = wire.readTimeMs(end)
    else if (tag === 0x19) point.timeMs = wire.readTimeMs(end)
    else if (tag === 0x21) point.value = wire.readDouble(end)
    else if (tag === 0x31) point.value = wire.readSigned64(end)
    else if (tag === 0x2a) readExemplar(wire, wire.readEnd(end), point)
    else if (tag === 0x40) readFlags(wire, end, point)
    else wire.skip(tag, end)
  }
  return point
}

function readHistogramPoint(wire: OtlpWireReader, end: number): OtlpPoint {
  const point = makePoint()
  point.bounds = []
  point.bucketCounts = []
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x4a) wire.readAttribute(end, point.attributes)
    else if (tag === 0x11) point.startTimeMs = wire.readTimeMs(end)
    else if (tag === 0x19) point.timeMs = wire.readTimeMs(end)
    else if (tag === 0x21) point.count = wire.readUnsigned64(end)
    else if (tag === 0x29) point.sum = wire.readDouble(end)
    else if (tag === 0x32 || tag === 0x31) wire.readFixedList(tag, end, point.bucketCounts, 'whole')
    else if (tag === 0x3a || tag === 0x39) wire.readFixedList(tag, end, point.bounds, 'double')
    else if (tag === 0x42) readExemplar(wire, wire.readEnd(end), point)
    else if (tag === 0x50) readFlags(wire, end, point)
    else wire.skip(tag, end)
  }
  return point
}

function readExponentialPoint(wire: OtlpWireReader, end: number): OtlpPoint {
  const point = makePoint()
  const data = makeExponential()
  point.exponential = data
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x0a) wire.readAttribute(end, point.attributes)
    else if (tag === 0x11) point.startTimeMs = wire.readTimeMs(end)
    else if (tag === 0x19) point.timeMs = wire.readTimeMs(end)
    else if (tag === 0x21) point.count = wire.readUnsigned64(end)
    else if (tag === 0x29) point.sum = wire.readDouble(end)
    else if (tag === 0x30) data.scale = wire.readZigzag(end)
    else if (tag === 0x39) data.zeroCount = wire.readUnsigned64(end)
    else if (tag === 0x42) readBuckets(wire, wire.readEnd(end), data.positive)
    else if (tag === 0x4a) readBuckets(wire, wire.readEnd(end), data.negative)
    else if (tag === 0x50) readFlags(wire, end, point)
    else if (tag === 0x5a) readExemplar(wire, wire.readEnd(end), point)
    else if (tag === 0x71) data.zeroThreshold = wire.readDouble(end)
    else wire.skip(tag, end)
  }
  return point
}

/** `Buckets { 1: offset (sint32), 2: bucket_counts (varints) }` */
function readBuckets(wire: OtlpWireReader, end: number, buckets: ExponentialBuckets): void {
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x08) buckets.offset = wire.readZigzag(end)
    else if (tag === 0x10 || tag === 0x12) {
      const listEnd = tag === 0x12 ? wire.readEnd(end) : end
      do {
        if (wire.at >= listEnd) break
        wire.budget.take(1)
        buckets.counts.push(wire.readUnsigned(listEnd))
      } while (tag === 0x12)
    } else wire.skip(tag, end)
  }
}

/** `Exemplar { 7: KeyValue…, 2: time, 3: as_double, 6: as_int, 4: span_id, 5: trace_id }` */
function readExemplar(wire: OtlpWireReader, end: number, point: OtlpPoint): void {
  wire.budget.take(1)
  const exemplar = makeExemplar()
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x3a) wire.readAttribute(end, exemplar.attributes)
    else if (tag === 0x11) exemplar.timeMs = wire.readTimeMs(end)
    else if (tag === 0x19) exemplar.value = wire.readDouble(end)
    else if (tag === 0x31) exemplar.value = wire.readSigned64(end)
    else if (tag === 0x22) exemplar.spanId = wire.readHex(end)
    else if (tag === 0x2a) exemplar.traceId = wire.readHex(end)
    else wire.skip(tag, end)
  }
  addExemplar(point, exemplar)
}

function readSummaryPoint(wire: OtlpWireReader, end: number): OtlpPoint {
  const point = makePoint()
  point.quantiles = []
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x3a) wire.readAttribute(end, point.attributes)
    else if (tag === 0x11) point.startTimeMs = wire.readTimeMs(end)
    else if (tag === 0x19) point.timeMs = wire.readTimeMs(end)
    else if (tag === 0x21) point.count = wire.readUnsigned64(end)
    else if (tag === 0x29) point.sum = wire.readDouble(end)
    else if (tag === 0x32) readQuantile(wire, wire.readEnd(end), point)
    else if (tag === 0x40) readFlags(wire, end, point)
    else wire.skip(tag, end)
  }
  return point
}

function readQuantile(wire: OtlpWireReader, end: number, point: OtlpPoint): void {
  wire.budget.take(1)
  let quantile = 0
  let value = 0
  while (wire.at < end) {
    const tag = wire.readSize(end)
    if (tag === 0x09) quantile = wire.readDouble(end)
    else if (tag === 0x11) value = wire.readDouble(end)
    else wire.skip(tag, end)
  }
  point.quantiles.push(quantile, value)
}

function readFlags(wire: OtlpWireReader, end: number, point: OtlpPoint): void {
  // A bit mask; the higher bits of what may come are not ours.
  if (wire.readSize(end) % 2 === noRecordedValueFlag) point.isRecorded = false
}
