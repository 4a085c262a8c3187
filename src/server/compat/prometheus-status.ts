/**
 * `/api/v1/status/…`: what clients ask to learn whom they talk to. `buildinfo` names the version of
 * Prometheus whose API this is (Grafana decides by it), and us in `revision`; never `features`, which
 * would make Grafana take us for Mimir.
 */

import { availableParallelism, hostname } from 'node:os'
import { formatDuration } from '../../base/duration.ts'
import { serverErrors } from '../errors.ts'
import { queryOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { sendSuccess } from './result.ts'

/** The API version that compat/ follows. */
const prometheusVersion = '3.5.0'
const statisticCount = 10
const statisticCountMax = 10_000

type Counts = Awaited<ReturnType<RouteContext['parts']['store']['labelStatistics']>>

/** Adds the routes of status. */
export function addPrometheusStatusRoutes(add: AddRoute, context: RouteContext): void {
  const { parts } = context

  add('GET', '/status/buildinfo', async (_request, reply) => {
    const info = {
      version: prometheusVersion,
      revision: `shipwatch-${parts.version}`,
      branch: 'shipwatch',
      buildUser: '',
      buildDate: '',
      goVersion: `none (node ${process.version})`,
    }
    return sendSuccess(reply, JSON.stringify(info))
  })

  add('GET', '/status/runtimeinfo', async (_request, reply) => {
    const { lastReload } = parts.configView()
    const info = {
      startTime: new Date(parts.startedTimeMs).toISOString(),
      CWD: process.cwd(),
      hostname: hostname(),
      serverTime: new Date(parts.clock.nowTimeMs()).toISOString(),
      reloadConfigSuccess: lastReload.isSuccess,
      lastConfigTime: new Date(lastReload.timeMs).toISOString(),
      corruptionCount: 0,
      goroutineCount: 0,
      GOMAXPROCS: availableParallelism(),
      GOMEMLIMIT: 0,
      GOGC: '',
      GODEBUG: '',
      storageRetention: formatDuration(parts.store.stats().retentionMs),
    }
    return sendSuccess(reply, JSON.stringify(info))
  })

  add('GET', '/status/config', async (_request, reply) =>
    sendSuccess(reply, JSON.stringify({ yaml: parts.configView().yaml })),
  )

  add('GET', '/status/flags', async (_request, reply) => {
    const { retentionMs } = parts.store.stats()
    const limits = parts.engine.limits()
    const flags = {
      'config.file': parts.configView().file,
      'enable-feature': '',
      'query.lookback-delta': formatDuration(limits.lookbackMs),
      'query.max-concurrency': String(limits.concurrencyMax),
      'query.max-samples': String(limits.sampleCountMax),
      'query.timeout': formatDuration(limits.timeoutMs),
      'storage.tsdb.path': parts.dataDir,
      'storage.tsdb.retention.time': formatDuration(retentionMs),
      'web.enable-lifecycle': 'true',
      'web.enable-otlp-receiver': 'true',
      'web.enable-remote-write-receiver': 'true',
      'web.external-url': parts.externalUrl,
      'web.listen-address': `${parts.listen.host}:${parts.listen.port}`,
    }
    return sendSuccess(reply, JSON.stringify(flags))
  })

  add('GET', '/status/tsdb', async (request, reply) => {
    const limit = readStatisticLimit(queryOf(request))
    const { seriesCount, chunkCount, oldestTimeMs } = parts.store.stats()
    const counts = await parts.store.labelStatistics({ matchers: [], limit })
    const status = {
      headStats: {
        numSeries: seriesCount,
        numLabelPairs: counts.pairCount,
        chunkCount,
        minTime: oldestTimeMs ?? 0,
        maxTime: parts.clock.nowTimeMs(),
      },
      seriesCountByMetricName: counts.metrics.map(viewCount),
      labelValueCountByLabelName: largest(counts, limit, (label) => label.valueCount),
      memoryInBytesByLabelName: largest(counts, limit, (label) => label.valueBytes),
      seriesCountByLabelValuePair: counts.pairs.map(viewCount),
    }
    return sendSuccess(reply, JSON.stringify(status))
  })

  // Requests are answered once the journal was replayed; before that nobody listens.
  add('GET', '/status/walreplay', async (_request, reply) =>
    sendSuccess(reply, JSON.stringify({ min: 0, max: 0, current: 0, state: 'done' })),
  )

  add('GET', '/notifications', async (_request, reply) => {
    const { lastReload } = parts.configView()
    const date = new Date(lastReload.timeMs).toISOString()
    const failed = { text: 'Configuration reload has failed.', date, active: true }
    return sendSuccess(reply, JSON.stringify(lastReload.isSuccess ? [] : [failed]))
  })

  add('GET', '/features', async (_request, reply) => {
    const api = { admin: true, exclude_alerts: true, label_values_match: true }
    return sendSuccess(reply, JSON.stringify({ api, ...parts.engine.features() }))
  })
}

function readStatisticLimit(parameters: URLSearchParams): number {
  const text = parameters.get('limit') ?? ''
  if (text === '') return statisticCount
  const limit = /^[-+]?\d{1,15}$/.test(text) ? Number(text) : 0
  if (limit < 1) {
    throw serverErrors.PARAMETER_INVALID({ text: 'limit must be a positive number' })
  }
  if (limit > statisticCountMax) {
    throw serverErrors.PARAMETER_INVALID({ text: `limit must not exceed ${statisticCountMax}` })
  }
  return limit
}

function viewCount({ text, seriesCount }: { text: string; seriesCount: number }): object {
  return { name: text, value: seriesCount }
}

function largest(
  counts: Counts,
  limit: number,
  sizeOf: (label: Counts['labels'][number]) => number,
): object[] {
  return counts.labels
    .map((label) => ({ name: label.name, value: sizeOf(label) }))
    .sort((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
}
