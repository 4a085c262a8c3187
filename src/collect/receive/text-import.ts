/**
 * Samples pushed as an exposition page, text format, OpenMetrics or protobuf by Content-Type, with timestamps
 * or without: `POST /api/v1/import/prometheus`, as VictoriaMetrics has it. A sample without a timestamp
 * is of `?timestamp=<ms>`, or of now; `?extra_label=name=value` adds labels and goes before the page's.
 * A wrong line refuses the page and is named; samples that the store does not take are told, the
 * others are kept.
 * Source: docs.victoriametrics.com (import of Prometheus text format).
 */

import type { MetricMetadata } from '../../model/flow.ts'
import type { Histogram } from '../../model/histogram.ts'
import { labelsFromPairs } from '../../model/labels.ts'
import { collectErrors } from '../errors.ts'
import { collectReceivedBytes } from '../metrics.ts'
import { ExpositionReader } from '../scrape/exposition.ts'
import { isDelimitedFamilies } from '../scrape/page.ts'
import type { PageExemplar, PageReader } from '../scrape/page-reader.ts'
import { ProtobufPageReader } from '../scrape/protobuf-page.ts'
import { normalizeBounds } from '../scrape/series-labels.ts'
import {
  decodeBody,
  handleReceived,
  makeEmptyReply,
  makeTextReply,
  type ReceivedRequest,
  type ReceiverReply,
} from './body.ts'
import { type ReceiverParts, SampleIntake } from './sample-intake.ts'

const sourceName = 'text-import'

/** A request whose address says more than the body. */
export interface AddressedRequest extends ReceivedRequest {
  method: string
  /** Path as sent, escapes included. */
  path: string
  parameters: URLSearchParams
}

/** What a page gives beside a value. */
export interface PushedSample {
  /** Absent when the page gives none. */
  timeMs: number | undefined
  exemplars: readonly PageExemplar[]
}

/** What a page holds, line by line. */
export interface PageVisitor {
  /** `pairs` is `[name, value, …]` with `__name__` first. */
  sample(pairs: string[], value: number | Histogram, about: PushedSample): void
  metadata(metric: string, metadata: MetricMetadata): void
}

/** Takes pages of samples. */
export class TextImportReceiver {
  readonly #parts: ReceiverParts

  constructor(parts: ReceiverParts) {
    this.#parts = parts
  }

  /** Answers one request; never rejects. */
  receive(request: AddressedRequest): Promise<ReceiverReply> {
    return handleReceived(sourceName, async () => {
      const { appender, drops, clock, log, onReceived } = this.#parts
      const extra = readExtraLabels(request.parameters)
      const nowTimeMs = readTime(request.parameters) ?? clock.nowTimeMs()
      const rows = new SampleIntake({ appender, drops, source: sourceName })
      await readPushedPage(request, sourceName, {
        sample: (pairs, value, { timeMs = nowTimeMs, exemplars }) => {
          const series = labelsFromPairs([...pairs, ...extra])
          rows.add(series, timeMs, value)
          for (const one of exemplars) {
            const exemplar = { labels: labelsFromPairs(one.labels), value: one.value }
            rows.addExemplar(series, { ...exemplar, timeMs: one.timeMs ?? timeMs })
          }
        },
        metadata: (metric, metadata) => rows.describe(metric, metadata),
      })
      const { acceptedCount, rejectedCount, texts } = await rows.commit()
      onReceived(acceptedCount)
      if (rejectedCount === 0) return makeEmptyReply()
      log.debug({ texts }, 'Samples of an import were not kept.')
      const lines = [...texts, `${acceptedCount} samples were kept, ${rejectedCount} were not`]
      return makeTextReply(400, lines.join('\n'))
    })
  }
}

/** Reads a pushed page; throws `COLLECT_EXPOSITION_INVALID` with the line, and as `decodeBody` does. */
export async function readPushedPage(
  request: ReceivedRequest,
  receiver: string,
  visitor: PageVisitor,
): Promise<void> {
  const body = await decodeBody(request, ['identity', 'gzip', 'deflate'])
  collectReceivedBytes.inc({ receiver }, body.length)
  const reader = makePushedReader(request.headers['content-type'] ?? '', body)
  const described = new Map<string, MetricMetadata>()
  for (;;) {
    const kind = reader.next()
    if (kind === 'end') break
    if (kind === 'sample') {
      const pairs = normalizeBounds(reader.readLabels())
      const timeMs = reader.hasTime ? reader.timeMs : undefined
      visitor.sample(pairs, reader.value, { timeMs, exemplars: reader.exemplars })
    } else if (kind === 'histogram') {
      const timeMs = reader.hasTime ? reader.timeMs : undefined
      const about = { timeMs, exemplars: reader.exemplars }
      visitor.sample(reader.readLabels(), reader.histogram!, about)
    } else if (kind !== 'known') {
      const before = described.get(reader.metric) ?? { type: 'unknown', help: '', unit: '' }
      const text = kind === 'type' && reader.text === 'untyped' ? 'unknown' : reader.text
      described.set(reader.metric, { ...before, [kind]: text } as MetricMetadata)
    }
  }
  for (const [metric, metadata] of described) visitor.metadata(metric, metadata)
}

/** Pages in protobuf give native histograms beside the series that their text would give. */
function makePushedReader(contentType: string, body: Buffer): PageReader {
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (type !== 'application/vnd.google.protobuf') {
    const isOpen = type === 'application/openmetrics-text'
    return new ExpositionReader(body, isOpen ? 'openmetrics' : 'text')
  }
  if (!isDelimitedFamilies(contentType)) {
    throw collectErrors.BODY_TYPE_UNSUPPORTED({
      reason:
        'of protobuf, proto=io.prometheus.client.MetricFamily with encoding=delimited is accepted',
    })
  }
  return new ProtobufPageReader(body, { hasNative: true, keepsClassic: true })
}

function readExtraLabels(parameters: URLSearchParams): string[] {
  const pairs: string[] = []
  for (const text of parameters.getAll('extra_label')) {
    const equals = text.indexOf('=')
    if (equals < 1) {
      throw collectErrors.BODY_INVALID({
        reason: `extra_label ${JSON.stringify(text.slice(0, 100))} is not of the form name=value`,
      })
    }
    pairs.push(text.slice(0, equals), text.slice(equals + 1))
  }
  return pairs
}

function readTime(parameters: URLSearchParams): number | undefined {
  const text = parameters.get('timestamp') ?? ''
  if (text === '') return undefined
  if (!/^\d{1,15}$/.test(text)) {
    throw collectErrors.BODY_INVALID({
      reason: `timestamp ${JSON.stringify(text.slice(0, 100))} is not a number of milliseconds`,
    })
  }
  return Number(text)
}
