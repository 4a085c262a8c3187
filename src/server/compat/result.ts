/**
 * Query results as JSON, written by hand from the columns: labels are escaped once per series, no
 * tree of objects is built, and large answers leave in pieces as the client takes them, so that a
 * result of any size costs little memory. Shapes: docs/querying/api.md of Prometheus.
 */

import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Labels } from '../../model/labels.ts'
import type { QueryAnswer, QuerySeries } from '../../query/query.ts'
import { formatHistogram } from './histogram.ts'
import { formatSample, formatSeconds, formatValue } from './number.ts'

/** A piece is sent when it has grown to this many characters. */
const pieceLengthMax = 64 * 1024
/** Annotations of one kind in an answer, as in Prometheus. */
const annotationCountMax = 10

/** `{"a":"b"}`; names such as `__proto__` are plain text here. */
export function formatLabels(labels: Labels): string {
  const { pairs } = labels
  let text = '{'
  for (let index = 0; index < pairs.length; index += 2) {
    if (index > 0) text += ','
    text += `${JSON.stringify(pairs[index])}:${JSON.stringify(pairs[index + 1])}`
  }
  return `${text}}`
}

/** The envelope around ready JSON. */
export function formatSuccess(data: string, warnings: string[] = [], infos: string[] = []): string {
  return `{"status":"success","data":${data}${formatAnnotations(warnings, infos)}}`
}

/** Answers with ready JSON. */
export function sendSuccess(
  reply: FastifyReply,
  data: string,
  warnings: string[] = [],
): FastifyReply {
  return reply.type('application/json').send(formatSuccess(data, warnings))
}

/** Whether and how much of a query's cost is told with its answer. */
export type StatsWish = 'none' | 'sums' | 'steps'

/** Answers a query; `stats` adds its cost. */
export function sendAnswer(
  reply: FastifyReply,
  answer: QueryAnswer,
  stats: { wish: StatsWish; startTimeMs: number; stepMs: number },
): FastifyReply {
  reply.type('application/json')
  const pieces = formatAnswer(answer, stats.wish === 'none' ? '' : formatStats(answer, stats))
  const first = pieces.next()
  if (first.done) return reply.send('')
  const second = pieces.next()
  if (second.done) return reply.send(first.value)
  return reply.send(Readable.from(joined([first.value, second.value], pieces)))
}

function* joined(head: string[], tail: Generator<string>): Generator<string> {
  yield* head
  yield* tail
}

/** The whole answer in pieces. */
function* formatAnswer(answer: QueryAnswer, stats: string): Generator<string> {
  const { value } = answer
  let text = `{"status":"success","data":{"resultType":"${value.type}","result":`
  switch (value.type) {
    case 'scalar':
      text += `[${formatSeconds(value.timeMs)},"${formatValue(value.value)}"]`
      break
    case 'string':
      text += `[${formatSeconds(value.timeMs)},${JSON.stringify(value.value)}]`
      break
    case 'vector': {
      const time = formatSeconds(value.timeMs)
      text += '['
      for (let index = 0; index < value.elements.length; index++) {
        const element = value.elements[index]!
        const sample =
          element.histogram === undefined
            ? `"value":[${time},"${formatSample(element.value)}"]`
            : `"histogram":[${time},${formatHistogram(element.histogram)}]`
        text += `${index > 0 ? ',' : ''}{"metric":${formatLabels(element.labels)},${sample}}`
        if (text.length > pieceLengthMax) {
          yield text
          text = ''
        }
      }
      text += ']'
      break
    }
    case 'matrix': {
      const times = new TimeTexts()
      text += '['
      for (let index = 0; index < value.series.length; index++) {
        const series = value.series[index]!
        text += `${index > 0 ? ',' : ''}{"metric":${formatLabels(series.labels)},`
        if (series.histogram !== undefined) {
          text += `${formatMixedRows(series)}}`
          continue
        }
        text += '"values":['
        for (let row = 0; row < series.count; row += rowsPerPiece) {
          text += formatRows(series, row, Math.min(series.count, row + rowsPerPiece), times)
          if (text.length > pieceLengthMax) {
            yield text
            text = ''
          }
        }
        text += ']}'
      }
      text += ']'
      break
    }
  }
  if (stats !== '') text += `,"stats":${stats}`
  yield `${text}}${formatAnnotations(answer.warnings, answer.infos)}}`
}

const rowsPerPiece = 2048
/** Rows whose time texts are kept: the most points that a range query may have. */
const sharedRowCountMax = 11_001

/** `[seconds,"` by time: the series of one answer share their steps, so each is written once. */
class TimeTexts {
  readonly #timeMs: number[] = []
  readonly #text: string[] = []

  /** `row` is only a guess where the text may be. */
  textOf(timeMs: number, row: number): string {
    if (row >= sharedRowCountMax) return `[${formatSeconds(timeMs)},"`
    if (this.#timeMs[row] !== timeMs) {
      this.#timeMs[row] = timeMs
      this.#text[row] = `[${formatSeconds(timeMs)},"`
    }
    return this.#text[row]!
  }
}

/** `[time,"value"],…`: the hot loop of range queries; plain arguments, no objects. */
function formatRows(series: QuerySeries, start: number, end: number, times: TimeTexts): string {
  const { timeMs, value } = series
  let text = ''
  for (let row = start; row < end; row++) {
    if (row > 0) text += ','
    text += `${times.textOf(timeMs[row]!, row)}${formatSample(value[row]!)}"]`
  }
  return text
}

/** A series with histograms: its floats and its histograms apart, each list only when it has rows. */
function formatMixedRows(series: QuerySeries): string {
  const floats: string[] = []
  const histograms: string[] = []
  for (let row = 0; row < series.count; row++) {
    const time = formatSeconds(series.timeMs[row]!)
    const histogram = series.histogram?.[row]
    if (histogram === undefined) floats.push(`[${time},"${formatSample(series.value[row]!)}"]`)
    else histograms.push(`[${time},${formatHistogram(histogram)}]`)
  }
  const lists: string[] = []
  if (floats.length > 0) lists.push(`"values":[${floats.join(',')}]`)
  if (histograms.length > 0) lists.push(`"histograms":[${histograms.join(',')}]`)
  return lists.join(',')
}

/**
 * As Prometheus's util/stats gives it, in seconds. Results are sorted while they are evaluated, so that the
 * time of sorting is 0; preparation is the reading of samples.
 */
function formatStats(
  answer: QueryAnswer,
  o: { wish: StatsWish; startTimeMs: number; stepMs: number },
): string {
  const { elapsedMs, detail } = answer.stats
  const prepareMs = detail?.readMs ?? 0
  const evaluateMs = detail?.evaluateMs ?? 0
  const steps =
    o.wish === 'steps' && detail !== undefined
      ? {
          totalQueryableSamplesPerStep: Array.from(detail.stepSampleCounts, (count, step) => [
            (o.startTimeMs + step * o.stepMs) / 1000,
            count,
          ]),
        }
      : {}
  return JSON.stringify({
    timings: {
      evalTotalTime: (prepareMs + evaluateMs) / 1000,
      resultSortTime: 0,
      queryPreparationTime: prepareMs / 1000,
      innerEvalTime: evaluateMs / 1000,
      execQueueTime: (detail?.queueMs ?? 0) / 1000,
      execTotalTime: elapsedMs / 1000,
    },
    samples: {
      ...steps,
      totalQueryableSamples: detail?.queryableSampleCount ?? 0,
      peakSamples: detail?.peakSampleCount ?? 0,
    },
  })
}

function formatAnnotations(warnings: string[], infos: string[]): string {
  let text = ''
  if (warnings.length > 0) text += `,"warnings":${formatNotes(warnings, 'warning')}`
  if (infos.length > 0) text += `,"infos":${formatNotes(infos, 'info')}`
  return text
}

function formatNotes(notes: string[], kind: string): string {
  if (notes.length <= annotationCountMax) return JSON.stringify(notes)
  const rest = notes.length - annotationCountMax
  return JSON.stringify([
    ...notes.slice(0, annotationCountMax),
    `${rest} more ${kind} annotations omitted`,
  ])
}
