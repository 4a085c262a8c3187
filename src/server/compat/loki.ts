/**
 * Loki's query API under /loki/api/v1 for Grafana and logcli: streams, labels, series. Failures are
 * plain text, as Loki's are. Metric queries are not supported yet, with two exceptions that Grafana
 * sends by itself: the health check `vector(1)+vector(1)`, and the volume by level above its list.
 * After docs/sources/reference/loki-http-api.md of Loki 3.
 */

import type { FastifyInstance } from 'fastify'
import { compareText, type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { LogRecord } from '../../model/log-line.ts'
import { serverErrors } from '../errors.ts'
import { parametersOf, pathPart, plainBodyBytesMax } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { formatSeconds, formatValue, parseFloatText } from './number.ts'
import { durationParameter, invalidParameter, limitParameter, parseRfc3339 } from './parameter.ts'
import { formatLabels, formatSuccess, sendSuccess } from './result.ts'

const nsPerMs = 1_000_000n
const defaultLineCount = 100
const lineCountMax = 5000
/** How far back without `start`, by Loki's own defaults. */
const queryRangeMs = 3_600_000
const labelRangeMs = 6 * 3_600_000
/** Grafana asks for structured metadata apart from labels by this flag. */
const categorize = 'categorize-labels'

/** What Grafana's volume panel sends, with the log query and its range inside. */
const volumePattern =
  /^\s*sum by \(level(?:, ?detected_level)?\) \(count_over_time\(([\s\S]+)\[([0-9a-z]+)\]\s*\)\)\s*$/

/** Statistics are not kept per query; clients expect the fields. */
const noStats = JSON.stringify({
  summary: {
    bytesProcessedPerSecond: 0,
    linesProcessedPerSecond: 0,
    totalBytesProcessed: 0,
    totalLinesProcessed: 0,
    execTime: 0,
    queueTime: 0,
  },
})

/** Adds Loki's query API; its push is among the receivers. */
export function addLokiRoutes(app: FastifyInstance, context: RouteContext): void {
  const add: AddRoute = (method, url, handler) => {
    app.route({
      method: method === 'GET' ? ['GET'] : ['GET', 'POST'],
      url,
      bodyLimit: plainBodyBytesMax,
      config: { access: 'read', shape: 'text' },
      handler,
    })
  }
  addQueries(add, context)
  addLabels(add, context)
  add('GET', '/loki/api/v1/status/buildinfo', async (_request, reply) =>
    reply.type('application/json').send(
      JSON.stringify({
        version: '3.0.0',
        revision: `shipwatch-${context.parts.version}`,
        branch: 'shipwatch',
        buildUser: '',
        buildDate: '',
        goVersion: `none (node ${process.version})`,
      }),
    ),
  )
}

function addQueries(add: AddRoute, context: RouteContext): void {
  const { engine, clock } = context.parts

  add('GET+POST', '/loki/api/v1/query', async (request, reply) => {
    const parameters = parametersOf(request)
    const expression = parameters.get('query') ?? ''
    if (!/^\s*vector\(\d+\)\s*\+\s*vector\(\d+\)\s*$/.test(expression)) {
      throw serverErrors.PARAMETER_INVALID({
        text: 'log queries are not supported as an instant query type, please change your query to a range query type',
      })
    }
    const timeNs = timeNsParameter(parameters, 'time', BigInt(clock.nowTimeMs()) * nsPerMs)
    const timeMs = Number(timeNs / nsPerMs)
    const { value } = await engine.instant({ expression, timeMs, signal: request.goneSignal })
    const elements = value.type === 'vector' ? value.elements : []
    const rows = elements.map(
      (element) =>
        `{"metric":${formatLabels(element.labels)},"value":[${formatSeconds(timeMs)},"${formatValue(element.value)}"]}`,
    )
    return sendSuccess(reply, formatData('vector', rows))
  })

  add('GET+POST', '/loki/api/v1/query_range', async (request, reply) => {
    const parameters = parametersOf(request)
    const expression = parameters.get('query') ?? ''
    const range = readRange(parameters, clock.nowTimeMs(), queryRangeMs)
    const volume = volumePattern.exec(expression)
    if (volume !== null) {
      const stepMs = durationParameter(new URLSearchParams({ range: volume[2]! }), 'range') ?? 0
      return sendSuccess(
        reply,
        formatData(
          'matrix',
          await listVolume(context, { ...range, expression: volume[1]!, stepMs }),
        ),
      )
    }
    const direction = (parameters.get('direction') ?? 'backward').toLowerCase()
    if (direction !== 'forward' && direction !== 'backward') {
      throw invalidParameter('direction', `"${direction}" is neither forward nor backward`)
    }
    const limit = limitParameter(parameters, 'limit') ?? defaultLineCount
    if (limit > lineCountMax) {
      throw serverErrors.PARAMETER_INVALID({
        text: `max entries limit per query exceeded, limit > max_entries_limit_per_query (${limit} > ${lineCountMax})`,
      })
    }
    const query = { expression, ...range, limit, direction, signal: request.goneSignal } as const
    const records = await engine.selectLogs(query)
    const flags = String(request.headers['x-loki-response-encoding-flags'] ?? '')
    const isCategorized = flags.split(',').some((flag) => flag.trim() === categorize)
    const encoding = isCategorized ? `,"encodingFlags":["${categorize}"]` : ''
    const streams = formatStreams(records, isCategorized)
    return sendSuccess(reply, formatData('streams', streams, encoding))
  })
}

function addLabels(add: AddRoute, context: RouteContext): void {
  const { store, engine, clock } = context.parts
  const rangeOf = (parameters: URLSearchParams) =>
    readRange(parameters, clock.nowTimeMs(), labelRangeMs)

  add('GET+POST', '/loki/api/v1/labels', async (request, reply) => {
    const { startTimeNs, endTimeNs } = rangeOf(parametersOf(request))
    const names = await store.logLabelNames(startTimeNs, endTimeNs)
    return sendSuccess(reply, JSON.stringify(names.sort(compareText)))
  })

  add('GET+POST', '/loki/api/v1/label/:name/values', async (request, reply) => {
    const parameters = parametersOf(request)
    const { startTimeNs, endTimeNs } = rangeOf(parameters)
    const name = pathPart(request, 'name')
    const query = parameters.get('query') ?? ''
    let values: string[]
    if (query === '') values = await store.logLabelValues(name, startTimeNs, endTimeNs)
    else {
      const streams = await store.logStreams(engine.parseSelector(query), startTimeNs, endTimeNs)
      values = [...new Set(streams.map((labels) => labels.get(name)))].filter(
        (value) => value !== '',
      )
    }
    return sendSuccess(reply, JSON.stringify(values.sort(compareText)))
  })

  add('GET+POST', '/loki/api/v1/series', async (request, reply) => {
    const parameters = parametersOf(request)
    const { startTimeNs, endTimeNs } = rangeOf(parameters)
    const selectors = [...parameters.getAll('match[]'), ...parameters.getAll('match')]
    const found = new Map<string, Labels>()
    for (const text of selectors.length === 0 ? ['{}'] : selectors) {
      const matchers = text === '{}' ? [] : engine.parseSelector(text)
      for (const labels of await store.logStreams(matchers, startTimeNs, endTimeNs)) {
        found.set(labels.key, labels)
      }
    }
    return reply
      .type('application/json')
      .send(formatSuccess(`[${[...found.values()].map(formatLabels).join(',')}]`))
  })
}

/** Lines per level as a matrix. A point at t counts what came in the `stepMs` before it. */
async function listVolume(
  context: RouteContext,
  query: { expression: string; startTimeNs: bigint; endTimeNs: bigint; stepMs: number },
): Promise<string[]> {
  if (query.stepMs < 1)
    throw serverErrors.PARAMETER_INVALID({ text: 'the range must be at least 1ms' })
  const pointsByLevel = new Map<string, string[]>()
  for (const { timeMs, level, count } of await context.parts.engine.logVolume(query)) {
    if (count === 0) continue
    const points = pointsByLevel.get(level) ?? []
    pointsByLevel.set(level, points)
    points.push(`[${formatSeconds(timeMs + query.stepMs)},"${count}"]`)
  }
  return [...pointsByLevel].map(
    ([level, points]) =>
      `{"metric":{"detected_level":${JSON.stringify(level)}},"values":[${points.join(',')}]}`,
  )
}

/** Lines by stream, in the order they came. Uncategorised, metadata become labels of the stream. */
function formatStreams(records: readonly LogRecord[], isCategorized: boolean): string[] {
  const streams = new Map<string, { labels: Labels; rows: string[] }>()
  for (const record of records) {
    const metadata = withLevel(record)
    const labels = isCategorized
      ? record.labels
      : labelsFromPairs([...metadata.pairs, ...record.labels.pairs])
    const stream = streams.get(labels.key) ?? { labels, rows: [] }
    streams.set(labels.key, stream)
    const extra = isCategorized
      ? `,{"structuredMetadata":${formatLabels(metadata)},"parsed":{}}`
      : ''
    stream.rows.push(`["${record.timeNs}",${JSON.stringify(record.line)}${extra}]`)
  }
  return [...streams.values()].map(
    ({ labels, rows }) => `{"stream":${formatLabels(labels)},"values":[${rows.join(',')}]}`,
  )
}

/** Loki keeps the level found in the line as metadata. */
function withLevel(record: LogRecord): Labels {
  const pairs = record.metadata?.pairs ?? []
  if (record.level === 'unknown' || record.metadata?.has('detected_level')) {
    return labelsFromPairs(pairs)
  }
  return labelsFromPairs([...pairs, 'detected_level', record.level])
}

function formatData(resultType: string, rows: readonly string[], extra = ''): string {
  return `{"resultType":"${resultType}","result":[${rows.join(',')}]${extra},"stats":${noStats}}`
}

/** `start` ≤ time < `end`; `since` is the length when `start` is absent. */
function readRange(
  parameters: URLSearchParams,
  nowTimeMs: number,
  rangeMs: number,
): { startTimeNs: bigint; endTimeNs: bigint } {
  const endTimeNs = timeNsParameter(parameters, 'end', BigInt(nowTimeMs) * nsPerMs)
  const sinceMs = durationParameter(parameters, 'since') ?? rangeMs
  const fallback = endTimeNs - BigInt(Math.round(sinceMs)) * nsPerMs
  const startTimeNs = timeNsParameter(parameters, 'start', fallback)
  if (endTimeNs < startTimeNs) {
    throw serverErrors.PARAMETER_INVALID({
      text: 'end timestamp must not be before or equal to start time',
    })
  }
  return { startTimeNs, endTimeNs }
}

/** Loki's times: float seconds (with a point), seconds of up to ten digits, nanoseconds, or RFC 3339. */
function timeNsParameter(parameters: URLSearchParams, name: string, fallback: bigint): bigint {
  const text = parameters.get(name) ?? ''
  if (text === '') return fallback
  if (/^-?\d{1,10}$/.test(text)) return BigInt(text) * 1_000_000_000n
  if (/^-?\d{11,19}$/.test(text)) return BigInt(text)
  const seconds = parseFloatText(text)
  if (seconds !== undefined && Math.abs(seconds) <= 9.2e9) {
    return BigInt(Math.round(seconds * 1000)) * nsPerMs
  }
  const timeMs = parseRfc3339(text)
  if (timeMs !== undefined) return BigInt(timeMs) * nsPerMs
  throw invalidParameter(name, `cannot parse "${text}" to a valid timestamp`)
}
