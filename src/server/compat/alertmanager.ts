/**
 * Alertmanager's HTTP API v2 under /api/v2: status, receivers, alerts, groups, silences. amtool, Grafana
 * and Prometheus (which hands its alerts in) speak it. A failure is a bare JSON text. Nothing answers
 * under /alertmanager/, which would make Grafana take us for Mimir; and no foreign page is let in by
 * CORS, because on one's own machine no password stands in between.
 * Source of shapes and rules: alertmanager api/v2/openapi.yaml and api.go (Apache-2.0), re-implemented.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseMatchers } from '../../alert/alert.ts'
import { messageOf } from '../../base/error.ts'
import { compilePattern } from '../../base/regexp.ts'
import type { Alert } from '../../model/alert.ts'
import { compareLabels, compareText } from '../../model/labels.ts'
import { type Matcher, matchesAll } from '../../model/matcher.ts'
import { type Silence, silenceStateOf } from '../../model/silence.ts'
import { serverErrors } from '../errors.ts'
import { bodyOf, pathPart, plainBodyBytesMax, queryOf } from '../request.ts'
import type { RouteContext } from '../route/route.ts'
import { readAlerts, readSilence } from './alertmanager-body.ts'
import { makeAlertmanagerConfig } from './alertmanager-config.ts'
import { viewAlert, viewSilence } from './alertmanager-view.ts'

const root = '/api/v2'
/** The API version that this file follows; amtool compares it with its own. */
const alertmanagerVersion = '0.28.0'
const shape = 'alertmanager' as const

/** Adds Alertmanager's API. */
export function addAlertmanagerRoutes(app: FastifyInstance, context: RouteContext): void {
  addStatus(app, context)
  addAlerts(app, context)
  addSilences(app, context)
}

function addStatus(app: FastifyInstance, context: RouteContext): void {
  const { parts } = context
  const read = { config: { access: 'read' as const, shape } }

  app.get(`${root}/status`, read, async (_request, reply) =>
    sendJson(reply, {
      cluster: { name: '', status: 'disabled', peers: [] },
      versionInfo: {
        version: alertmanagerVersion,
        revision: `shipwatch-${parts.version}`,
        branch: 'shipwatch',
        buildUser: '',
        buildDate: '',
        goVersion: `none (node ${process.version})`,
      },
      config: { original: makeAlertmanagerConfig(parts.configView().yaml) },
      uptime: new Date(parts.startedTimeMs).toISOString(),
    }),
  )

  app.get(`${root}/receivers`, read, async (request, reply) => {
    const isAny = isAnyReceiver(queryOf(request))
    const names = isAny ? parts.notifier.receivers() : []
    return sendJson(
      reply,
      names.map((name) => ({ name, labels: {} })),
    )
  })
}

function addAlerts(app: FastifyInstance, context: RouteContext): void {
  const { alerts } = context.parts
  const read = { config: { access: 'read' as const, shape } }

  app.get(`${root}/alerts`, read, async (request, reply) => {
    const filter = readAlertFilter(queryOf(request))
    const views = alerts
      .list()
      .filter((alert) => alert.state === 'firing')
      .filter((alert) => alert.receivers.some(filter.isReceiver) || filter.isEveryReceiver)
      .map((alert) => ({ alert, holders: alerts.holdersOf(alert) }))
      .filter(({ alert, holders }) => filter.isShown(alert, holders))
      .sort((a, b) => compareText(a.alert.fingerprint, b.alert.fingerprint))
    return sendJson(
      reply,
      views.map(({ alert, holders }) => viewAlert(alert, holders)),
    )
  })

  app.get(`${root}/alerts/groups`, read, async (request, reply) => {
    const query = queryOf(request)
    const filter = readAlertFilter(query)
    const showsPaused = readFlag(query, 'muted')
    const groups = alerts
      .groups()
      .filter((group) => filter.isReceiver(group.receiver))
      .map((group) => ({
        ...group,
        alerts: group.alerts
          .filter((alert) => alert.state === 'firing')
          .map((alert) => {
            const holders = alerts.holdersOf(alert)
            const pausedBy = [...group.pausedBy, ...holders.maintainedBy]
            return { alert, holders: { ...holders, pausedBy } }
          })
          .filter(({ alert, holders }) => filter.isShown(alert, holders)),
      }))
      .filter((group) => group.alerts.length > 0)
      .filter((group) => showsPaused || group.pausedBy.length === 0)
      .sort((a, b) => compareLabels(a.labels, b.labels) || compareText(a.receiver, b.receiver))
    return sendJson(
      reply,
      groups.map((group) => ({
        labels: group.labels,
        routeLabels: group.routeLabels,
        receiver: { name: group.receiver },
        alerts: group.alerts.map(({ alert, holders }) => viewAlert(alert, holders)),
      })),
    )
  })

  app.post(
    `${root}/alerts`,
    { config: { access: 'ingest', shape, isIngest: true } },
    async (request, reply) => {
      const { taken, problems } = readAlerts(readBody(request))
      await alerts.receive(taken)
      // The others of the same request are taken all the same.
      if (problems.length > 0) throw serverErrors.PARAMETER_INVALID({ text: problems.join('; ') })
      return reply.code(200).send()
    },
  )
}

function addSilences(app: FastifyInstance, context: RouteContext): void {
  const { alerts, clock } = context.parts
  const read = { config: { access: 'read' as const, shape } }
  const act = { bodyLimit: plainBodyBytesMax, config: { access: 'respond' as const, shape } }

  app.get(`${root}/silences`, read, async (request, reply) => {
    const query = queryOf(request)
    const matchers = readMatchers(query, 'filter')
    const nowTimeMs = clock.nowTimeMs()
    const isShown = {
      active: readFlag(query, 'active'),
      pending: readFlag(query, 'pending'),
      expired: readFlag(query, 'expired'),
    }
    const silences = alerts
      .silences()
      .filter((silence) => isShown[silenceStateOf(silence, nowTimeMs)])
      .filter((silence) => isSilenceFor(silence, matchers))
      .sort((a, b) => compareSilences(a, b, nowTimeMs))
    return sendJson(
      reply,
      silences.map((silence) => viewSilence(silence, nowTimeMs)),
    )
  })

  app.post(`${root}/silences`, act, async (request, reply) => {
    const silence = await alerts.setSilence(readSilence(readBody(request)))
    context.audit(request, 'silence-set', { id: silence.id, comment: silence.comment })
    context.live.announce('alerts', '')
    return sendJson(reply, { silenceID: silence.id })
  })

  app.get(`${root}/silence/:id`, read, async (request, reply) => {
    const id = pathPart(request, 'id')
    const silence = alerts.findSilence(id)
    if (silence === undefined) throw serverErrors.ITEM_UNKNOWN({ kind: 'silence', id })
    return sendJson(reply, viewSilence(silence, clock.nowTimeMs()))
  })

  app.delete(`${root}/silence/:id`, act, async (request, reply) => {
    const id = pathPart(request, 'id')
    const silence = await alerts.expireSilence(id)
    if (silence === undefined) throw serverErrors.ITEM_UNKNOWN({ kind: 'silence', id })
    context.audit(request, 'silence-expire', { id, comment: silence.comment })
    context.live.announce('alerts', '')
    return reply.code(200).send()
  })
}

function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(value))
}

function readBody(request: FastifyRequest): unknown {
  try {
    return JSON.parse(bodyOf(request).toString('utf8')) as unknown
  } catch (thrown) {
    throw serverErrors.PARAMETER_INVALID({ text: `the body is not JSON: ${messageOf(thrown)}` })
  }
}

type Holders = ReturnType<RouteContext['parts']['alerts']['holdersOf']>

interface AlertFilter {
  /** No filter of receivers was given: alerts without any are shown as well. */
  isEveryReceiver: boolean
  isReceiver: (receiver: string) => boolean
  isShown: (alert: Alert, holders: Holders) => boolean
}

function readAlertFilter(query: URLSearchParams): AlertFilter {
  const matchers = readMatchers(query, 'filter')
  const showsActive = readFlag(query, 'active')
  const showsSilenced = readFlag(query, 'silenced')
  const showsInhibited = readFlag(query, 'inhibited')
  const isAny = isAnyReceiver(query)
  const pattern = query.get('receiver') ?? ''
  const receiver = pattern === '' ? undefined : readPattern(pattern)
  return {
    isEveryReceiver: isAny && receiver === undefined,
    isReceiver: (name) => isAny && (receiver === undefined || receiver.test(name)),
    isShown: (alert, { silencedBy, inhibitedBy, pausedBy }) => {
      const isActive = silencedBy.length + inhibitedBy.length + pausedBy.length === 0
      if (isActive && !showsActive) return false
      if (silencedBy.length > 0 && !showsSilenced) return false
      if (inhibitedBy.length > 0 && !showsInhibited) return false
      return matchesAll(matchers, alert.labels)
    },
  }
}

function readPattern(pattern: string): ReturnType<typeof compilePattern> {
  try {
    return compilePattern(pattern)
  } catch (thrown) {
    throw serverErrors.PARAMETER_INVALID({
      text: `failed to parse receiver param: ${messageOf(thrown)}`,
    })
  }
}

function readMatchers(query: URLSearchParams, name: string): Matcher[] {
  try {
    return query.getAll(name).flatMap(parseMatchers)
  } catch (thrown) {
    throw serverErrors.PARAMETER_INVALID({ text: messageOf(thrown) })
  }
}

/** Our receivers have no labels: a condition on one holds for all of them or for none. */
function isAnyReceiver(query: URLSearchParams): boolean {
  return readMatchers(query, 'receiver_matchers').every((matcher) => matcher.matches(''))
}

/** True unless it says otherwise, in the words that Alertmanager takes. */
function readFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name)
  return text === null || /^(?:true|1|yes|ok|y|on|selected|checked|t|enabled)$/i.test(text)
}

/** Whether a silence has each matcher of a filter as it is written. */
function isSilenceFor(silence: Silence, filter: readonly Matcher[]): boolean {
  return filter.every(({ name, operator, value }) =>
    silence.matchers.some(
      (own) => own.name === name && own.operator === operator && own.value === value,
    ),
  )
}

/** Active ones first, those that end soonest on top; then pending; then what ended last. */
function compareSilences(a: Silence, b: Silence, nowTimeMs: number): number {
  const ranks = { active: 0, pending: 1, expired: 2 }
  const state = silenceStateOf(a, nowTimeMs)
  const order = ranks[state] - ranks[silenceStateOf(b, nowTimeMs)]
  if (order !== 0) return order
  if (state === 'pending') return a.startTimeMs - b.startTimeMs
  return state === 'active' ? a.endTimeMs - b.endTimeMs : b.endTimeMs - a.endTimeMs
}
