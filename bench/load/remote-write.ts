/**
 * Bodies of Prometheus's remote write, version 1: a protobuf `WriteRequest { repeated TimeSeries
 * timeseries = 1 }`, `TimeSeries { repeated Label labels = 1; repeated Sample samples = 2 }`,
 * `Label { string name = 1; string value = 2 }`, `Sample { double value = 1; int64 timestamp = 2 }`,
 * packed with snappy's block format (prometheus.io/docs/specs/prw/remote_write_spec).
 */

import { compressSync } from 'snappy'
import { fleetSeriesPerHost, listHostSeries, makeNumbers, nextValue } from './fleet.ts'

/** The labels of a series as the bytes of its `TimeSeries`, made once. */
export function encodeLabels(labels: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of labels) {
    const label = Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(value))])
    parts.push(field(1, label))
  }
  return Buffer.concat(parts)
}

/** One sample of one series. */
export interface EncodedSample {
  labels: Buffer
  timeMs: number
  value: number
}

/** A whole body, compressed. */
export function encodeBody(samples: readonly EncodedSample[]): Buffer {
  const parts: Buffer[] = []
  for (const { labels, timeMs, value } of samples) {
    const time = varint(timeMs)
    const sample = Buffer.allocUnsafe(2 + 9 + 1 + time.length)
    sample[0] = 0x12
    sample[1] = 10 + time.length
    sample[2] = 0x09
    sample.writeDoubleLE(value, 3)
    sample[11] = 0x10
    time.copy(sample, 12)
    parts.push(Buffer.from([0x0a]), varint(labels.length + sample.length), labels, sample)
  }
  return compressSync(Buffer.concat(parts))
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** Bodies for each connection, in the order to send them, and how many samples they hold. */
export interface PreparedLoad {
  lanes: Buffer[][]
  sampleCount: number
  seriesCount: number
  startTimeMs: number
  endTimeMs: number
}

/** Hosts in one body: 20 × 100 series is what Prometheus sends at once (max_samples_per_send). */
const hostsPerBody = 20

/** Prepares everything before the clock starts. A host stays on one connection, so times ascend. */
export function prepareLoad(o: {
  hostCount: number
  stepCount: number
  stepMs: number
  endTimeMs: number
  laneCount: number
}): PreparedLoad {
  const chance = makeNumbers(7)
  const hosts = Array.from({ length: o.hostCount }, (_unused, host) =>
    listHostSeries(host).map((series) => ({
      kind: series.kind,
      labels: encodeLabels(series.labels),
      value: Math.round(chance() * 1000),
    })),
  )
  const lanes: Buffer[][] = Array.from({ length: o.laneCount }, () => [])
  const startTimeMs = o.endTimeMs - (o.stepCount - 1) * o.stepMs
  for (let step = 0; step < o.stepCount; step++) {
    const timeMs = startTimeMs + step * o.stepMs
    for (let first = 0, body = 0; first < hosts.length; first += hostsPerBody, body++) {
      const samples: EncodedSample[] = []
      for (const host of hosts.slice(first, first + hostsPerBody)) {
        for (const series of host) {
          series.value = nextValue(series.kind, series.value, chance())
          samples.push({ labels: series.labels, timeMs, value: series.value })
        }
      }
      lanes[body % o.laneCount]!.push(encodeBody(samples))
    }
  }
  const seriesCount = o.hostCount * fleetSeriesPerHost
  const sampleCount = seriesCount * o.stepCount
  return { lanes, sampleCount, seriesCount, startTimeMs, endTimeMs: o.endTimeMs }
}
