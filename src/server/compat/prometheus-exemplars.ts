/**
 * `/api/v1/query_exemplars`: the exemplars of every series that an expression's selectors read, whatever
 * it makes of them. Source: web/api/v1/api.go (queryExemplars) of Prometheus 3.
 */

import { compareLabels } from '../../model/labels.ts'
import { parametersOf } from '../request.ts'
import type { AddRoute, RouteContext } from '../route/route.ts'
import { formatSample, formatSeconds } from './number.ts'
import { invalidParameter, timeParameter, wholeTime, withParameter } from './parameter.ts'
import { formatLabels, sendSuccess } from './result.ts'

/** Adds the route. */
export function addPrometheusExemplarRoutes(add: AddRoute, context: RouteContext): void {
  const { engine, store } = context.parts

  add('GET+POST', '/query_exemplars', async (request, reply) => {
    const parameters = parametersOf(request)
    const startTimeMs = timeParameter(parameters, 'start', wholeTime.startTimeMs)
    const endTimeMs = timeParameter(parameters, 'end', wholeTime.endTimeMs)
    if (endTimeMs < startTimeMs) {
      throw invalidParameter('end', 'end timestamp must not be before start timestamp')
    }
    const expression = parameters.get('query') ?? ''
    const { selectors } = withParameter('query', () => engine.prepare(expression))
    const matcherSets = selectors.map(({ matchers }) => matchers)
    if (matcherSets.length === 0) return sendSuccess(reply, '[]')
    const found = await store.selectExemplars?.({ matcherSets, startTimeMs, endTimeMs })
    const series = (found ?? [])
      .sort((a, b) => compareLabels(a.labels, b.labels))
      .map(({ labels, exemplars }) => {
        const rows = exemplars.map(
          (one) =>
            `{"labels":${formatLabels(one.labels)},"value":"${formatSample(one.value)}","timestamp":${formatSeconds(one.timeMs)}}`,
        )
        return `{"seriesLabels":${formatLabels(labels)},"exemplars":[${rows.join(',')}]}`
      })
    return sendSuccess(reply, `[${series.join(',')}]`)
  })
}
