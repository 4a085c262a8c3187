/**
 * `/api/v1/status/…`: what clients ask to learn whom they talk to. `buildinfo` names the version of
 * Prometheus whose API this is (Grafana decides by it), and us in `revision`; never `features`, which
 * would make Grafana take us for Mimir.
 */

import { availableParallelism, hostname } from 'node:os'
import { formatDuration } from '../../base/duration.ts'
import type { Labels } from '../../model/labels.ts'
import { queryOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { limitParameter, wholeTime } from './parameter.ts'
import { sendSuccess } from './result.ts'

/** The API version that compat/ follows. */
const prometheusVersion = '3.5.0'
/** Label statistics read every series; beyond this many they would cost too much. */
const countedSeriesMax = 200_000
const statisticCount = 10

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
    const flags = {
      'config.file': parts.configView().file,
      'storage.tsdb.path': parts.dataDir,
      'storage.tsdb.retention.time': formatDuration(retentionMs),
      'web.external-url': parts.externalUrl,
      'web.enable-lifecycle': 'true',
      'web.enable-remote-write-receiver': 'true',
    }
    return sendSuccess(reply, JSON.stringify(flags))
  })

  add('GET', '/status/tsdb', async (request, reply) => {
    const limit = limitParameter(queryOf(request), 'limit') ?? statisticCount
    const { seriesCount, oldestTimeMs } = parts.store.stats()
    const isCounted = seriesCount <= countedSeriesMax
    const all = isCounted
      ? await parts.store.series({ matchers: [], ...wholeTime, signal: request.goneSignal })
      : []
    const status = {
      headStats: {
        numSeries: seriesCount,
        minTime: oldestTimeMs ?? 0,
        maxTime: parts.clock.nowTimeMs(),
      },
      ...countLabels(all, Math.min(limit, 10_000)),
    }
    const warnings = isCounted ? [] : [`label statistics stop at ${countedSeriesMax} series`]
    return sendSuccess(reply, JSON.stringify(status), warnings)
  })
}

/** The largest counts by name; Maps, because names are anybody's. */
function countLabels(all: readonly Labels[], limit: number): Record<string, object[]> {
  const seriesByMetric = new Map<string, number>()
  const seriesByPair = new Map<string, number>()
  const valuesByName = new Map<string, Set<string>>()
  for (const { pairs } of all) {
    for (let index = 0; index < pairs.length; index += 2) {
      const name = pairs[index]!
      const value = pairs[index + 1]!
      if (name === '__name__') seriesByMetric.set(value, (seriesByMetric.get(value) ?? 0) + 1)
      const pair = `${name}=${value}`
      seriesByPair.set(pair, (seriesByPair.get(pair) ?? 0) + 1)
      const values = valuesByName.get(name) ?? new Set<string>()
      valuesByName.set(name, values.add(value))
    }
  }
  const valueCounts = new Map<string, number>()
  const valueBytes = new Map<string, number>()
  for (const [name, values] of valuesByName) {
    valueCounts.set(name, values.size)
    let bytes = 0
    for (const value of values) bytes += Buffer.byteLength(value)
    valueBytes.set(name, bytes)
  }
  return {
    seriesCountByMetricName: largest(seriesByMetric, limit),
    labelValueCountByLabelName: largest(valueCounts, limit),
    memoryInBytesByLabelName: largest(valueBytes, limit),
    seriesCountByLabelValuePair: largest(seriesByPair, limit),
  }
}

function largest(counts: ReadonlyMap<string, number>, limit: number): object[] {
  return [...counts]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, limit)
    .map(([name, value]) => ({ name, value }))
}
