/**
 * Prometheus's HTTP API under /api/v1: queries, series, labels, metadata, targets, rules, alerts.
 * Shapes, statuses and texts after docs/querying/api.md and web/api/v1/api.go of Prometheus 3.
 * Grafana, promtool and scripts speak it.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { compareLabels, compareText, type Labels } from '../../model/labels.ts'
import type { Matcher } from '../../model/matcher.ts'
import { serverErrors } from '../errors.ts'
import { parametersOf, pathPart, plainBodyBytesMax, queryOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import {
  durationParameter,
  invalidParameter,
  limitParameter,
  timeParameter,
  unescapeLabelName,
  wholeTime,
  withParameter,
} from './parameter.ts'
import { addPrometheusExemplarRoutes } from './prometheus-exemplars.ts'
import { addPrometheusAdminRoutes } from './prometheus-admin.ts'
import { addPrometheusRuleRoutes } from './prometheus-rules.ts'
import { addPrometheusStatusRoutes } from './prometheus-status.ts'
import { addPrometheusTargetRoutes } from './prometheus-targets.ts'
import { formatLabels, sendAnswer, sendSuccess, type StatsWish } from './result.ts'
import { readSelector } from './selector.ts'

const pointCountMax = 11_000
const truncated = 'results truncated due to limit'

/** Adds Prometheus's API. */
export function addPrometheusRoutes(app: FastifyInstance, context: RouteContext): void {
  const add: AddRoute = (method, url, handler) => {
    app.route({
      method: method === 'GET' ? ['GET'] : ['GET', 'POST'],
      url: `/api/v1${url}`,
      bodyLimit: plainBodyBytesMax,
      config: { access: 'read', shape: 'prometheus' },
      handler,
    })
  }
  addQueries(add, context)
  addPrometheusExemplarRoutes(add, context)
  addSeries(add, context)
  addPrometheusRuleRoutes(add, context)
  addPrometheusStatusRoutes(add, context)
  addPrometheusAdminRoutes(app, context)
  addPrometheusTargetRoutes(add, context)
}

function addQueries(add: AddRoute, context: RouteContext): void {
  const { engine, clock } = context.parts

  add('GET+POST', '/query', async (request, reply) => {
    const parameters = parametersOf(request)
    const timeMs = timeParameter(parameters, 'time', clock.nowTimeMs())
    const limits = readLimits(parameters)
    const wish = readStatsWish(parameters)
    const answer = await naming('query', () =>
      engine.instant({
        expression: parameters.get('query') ?? '',
        timeMs,
        ...limits,
        ...(wish === 'none' ? {} : { hasStats: true }),
        signal: request.goneSignal,
      }),
    )
    return sendAnswer(reply, answer, { wish, startTimeMs: timeMs, stepMs: 0 })
  })

  add('GET+POST', '/query_range', async (request, reply) => {
    const parameters = parametersOf(request)
    const startTimeMs = timeParameter(parameters, 'start', undefined)
    const endTimeMs = timeParameter(parameters, 'end', undefined)
    if (endTimeMs < startTimeMs) {
      throw invalidParameter('end', 'end timestamp must not be before start time')
    }
    const stepMs = readStep(parameters)
    if (Math.floor((endTimeMs - startTimeMs) / stepMs) > pointCountMax) {
      throw serverErrors.PARAMETER_INVALID({
        text: 'exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)',
      })
    }
    const limits = readLimits(parameters)
    const wish = readStatsWish(parameters)
    const answer = await naming('query', () =>
      engine.range({
        expression: parameters.get('query') ?? '',
        startTimeMs,
        endTimeMs,
        stepMs,
        ...limits,
        ...(wish === 'none' ? {} : { hasStats: true }),
        signal: request.goneSignal,
      }),
    )
    return sendAnswer(reply, answer, { wish, startTimeMs, stepMs })
  })

  add('GET+POST', '/format_query', async (request, reply) => {
    const expression = parametersOf(request).get('query') ?? ''
    const formatted = withParameter('query', () => engine.format(expression))
    return sendSuccess(reply, JSON.stringify(formatted))
  })

  add('GET+POST', '/parse_query', async (request, reply) => {
    const expression = parametersOf(request).get('query') ?? ''
    const tree = withParameter('query', () => engine.describe(expression))
    return sendSuccess(reply, JSON.stringify(tree))
  })
}

function addSeries(add: AddRoute, context: RouteContext): void {
  const { engine, store } = context.parts

  const readSelections = (parameters: URLSearchParams) => {
    const startTimeMs = timeParameter(parameters, 'start', wholeTime.startTimeMs)
    const endTimeMs = timeParameter(parameters, 'end', wholeTime.endTimeMs)
    const sets = parameters.getAll('match[]').map((text) => readSelector(engine, text))
    return { sets, startTimeMs, endTimeMs }
  }

  const collectTexts = async (
    request: FastifyRequest,
    parameters: URLSearchParams,
    read: (selection: {
      matchers: readonly Matcher[]
      startTimeMs: number
      endTimeMs: number
      signal: AbortSignal
    }) => Promise<string[]>,
  ): Promise<string[]> => {
    const { sets, startTimeMs, endTimeMs } = readSelections(parameters)
    const found = new Set<string>()
    for (const matchers of sets.length === 0 ? [[]] : sets) {
      const selection = { matchers, startTimeMs, endTimeMs, signal: request.goneSignal }
      for (const text of await read(selection)) found.add(text)
    }
    return [...found].sort(compareText)
  }

  add('GET+POST', '/series', async (request, reply) => {
    const parameters = parametersOf(request)
    if (!parameters.has('match[]')) {
      throw serverErrors.PARAMETER_INVALID({ text: 'no match[] parameter provided' })
    }
    const limit = limitParameter(parameters, 'limit')
    const { sets, startTimeMs, endTimeMs } = readSelections(parameters)
    const found = new Map<string, Labels>()
    for (const matchers of sets) {
      const selection = { matchers, startTimeMs, endTimeMs, signal: request.goneSignal }
      for (const labels of await store.series(selection)) found.set(labels.key, labels)
    }
    const all = [...found.values()].sort(compareLabels)
    const { shown, warnings } = cut(all, limit)
    return sendSuccess(reply, `[${shown.map(formatLabels).join(',')}]`, warnings)
  })

  add('GET+POST', '/labels', async (request, reply) => {
    const parameters = parametersOf(request)
    const limit = limitParameter(parameters, 'limit')
    const names = await collectTexts(request, parameters, (selection) =>
      store.labelNames(selection),
    )
    const { shown, warnings } = cut(names, limit)
    return sendSuccess(reply, JSON.stringify(shown), warnings)
  })

  add('GET', '/label/:name/values', async (request, reply) => {
    const name = unescapeLabelName(pathPart(request, 'name'))
    if (name === '') throw serverErrors.PARAMETER_INVALID({ text: `invalid label name: "${name}"` })
    const parameters = queryOf(request)
    const limit = limitParameter(parameters, 'limit')
    const values = await collectTexts(request, parameters, (selection) =>
      store.labelValues(name, selection),
    )
    const { shown, warnings } = cut(values, limit)
    return sendSuccess(reply, JSON.stringify(shown), warnings)
  })
}

function readStep(parameters: URLSearchParams): number {
  const stepMs = durationParameter(parameters, 'step')
  if (stepMs === undefined) throw invalidParameter('step', 'cannot parse "" to a valid duration')
  if (stepMs <= 0) {
    throw invalidParameter(
      'step',
      'zero or negative query resolution step widths are not accepted. Try a positive integer',
    )
  }
  return Math.max(1, Math.round(stepMs))
}

function readLimits(parameters: URLSearchParams): {
  timeoutMs?: number
  lookbackMs?: number
  limit?: number
} {
  const timeoutMs = durationParameter(parameters, 'timeout')
  const lookbackMs = durationParameter(parameters, 'lookback_delta')
  const limit = limitParameter(parameters, 'limit')
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(lookbackMs === undefined ? {} : { lookbackMs }),
    ...(limit === undefined ? {} : { limit }),
  }
}

function readStatsWish(parameters: URLSearchParams): StatsWish {
  const text = parameters.get('stats') ?? ''
  return text === '' ? 'none' : text === 'all' ? 'steps' : 'sums'
}

/** An expression that cannot be parsed is told as a mistake in the parameter that held it. */
async function naming<Value>(name: string, run: () => Promise<Value>): Promise<Value> {
  try {
    return await run()
  } catch (thrown) {
    return withParameter(name, () => {
      throw thrown
    })
  }
}

function cut<Item>(all: Item[], limit: number | undefined): { shown: Item[]; warnings: string[] } {
  if (limit === undefined || all.length <= limit) return { shown: all, warnings: [] }
  return { shown: all.slice(0, limit), warnings: [truncated] }
}
