/** `/on-call`: who is on call, calendars in and out, overrides. */

import type { FastifyInstance } from 'fastify'
import { apiRoot } from '../../api/api.ts'
import type {
  CalendarFeed,
  OnCallNow,
  OverrideList,
  PolicyList,
  ShiftList,
  StepKind,
} from '../../api/on-call.ts'
import { z } from '../../config/schema.ts'
import type { OnCallOverride } from '../../model/on-call.ts'
import { pathPart, plainBodyBytesMax, queryOf, readJson, readQuery, timeMs } from '../request.ts'
import { serverErrors } from '../errors.ts'
import type { RouteContext } from './route.ts'

const dayMs = 86_400_000
/** What a calendar program gets: a month back, a quarter of a year ahead. */
const feedBackMs = 30 * dayMs
const feedAheadMs = 120 * dayMs
const stepKinds: readonly StepKind[] = ['receiver', 'person', 'schedule', 'everyone', 'team']

const nowQuery = z.strictObject({ timeMs: timeMs().optional() })
const rangeQuery = z.strictObject({ startTimeMs: timeMs(), endTimeMs: timeMs() })
const bodyTimeMs = z.number().int().min(0).max(8.64e15)
const overrideBody = z.strictObject({
  schedule: z.string().min(1).max(200),
  people: z.array(z.string().min(1).max(200)).min(1, 'name who is on call').max(50),
  replaces: z.string().max(200).default(''),
  startTimeMs: bodyTimeMs,
  endTimeMs: bodyTimeMs,
  comment: z.string().max(4096).default(''),
})

/** Adds the routes of on-call duty. */
export function addOnCallRoutes(app: FastifyInstance, context: RouteContext): void {
  const { oncall, clock } = context.parts
  const read = { config: { access: 'read' as const } }
  const root = `${apiRoot}/on-call`

  app.get(root, read, async (request): Promise<OnCallNow> => {
    return viewNow(context, readQuery(request, nowQuery).timeMs ?? clock.nowTimeMs())
  })

  app.get(`${root}/policies`, read, async (): Promise<PolicyList> => {
    const nowTimeMs = clock.nowTimeMs()
    return {
      policies: oncall.policies().map((policy) => ({
        name: policy.name,
        repeat: policy.repeat,
        acknowledgeTimeoutMs: policy.acknowledge_timeout,
        steps: policy.steps.map((step) => {
          const { people, receivers } = oncall.targetOf(step, nowTimeMs)
          const kind = stepKinds.find((one) => step[one] !== undefined) ?? 'team'
          return { kind, name: step[kind] ?? '', people, receivers, delayMs: step.delay }
        }),
      })),
    }
  })

  app.get(`${root}/schedules/:name/shifts`, read, async (request): Promise<ShiftList> => {
    const schedule = pathPart(request, 'name')
    const shifts = oncall.shifts(schedule, readQuery(request, rangeQuery))
    const timeZone = oncall.schedules().find(({ name }) => name === schedule)!.time_zone
    return { schedule, timeZone, shifts }
  })

  addFeeds(app, context)
  addOverrides(app, context)
}

function viewNow(context: RouteContext, timeMs: number): OnCallNow {
  const { oncall, alerts } = context.parts
  const calendars = new Map(alerts.duty.calendars().map((status) => [status.schedule, status]))
  return {
    timeMs,
    schedules: oncall.schedules().map(({ name, time_zone: timeZone }) => {
      const span = { startTimeMs: timeMs, endTimeMs: timeMs + 31 * dayMs }
      const shifts = oncall.shifts(name, span)
      const current = shifts.find(({ startTimeMs }) => startTimeMs <= timeMs)
      const status = calendars.get(name)
      return {
        name,
        timeZone,
        current,
        next: shifts.find((shift) => shift !== current),
        calendar:
          status === undefined ? undefined : { timeMs: status.timeMs, problems: status.problems },
      }
    }),
    teams: oncall.teams().map((team) => ({
      name: team.name,
      members: team.members,
      schedule: team.schedule ?? '',
      onCall: oncall.teamOnCall(team.name, timeMs),
    })),
    people: oncall.people().map((person) => ({
      name: person.name,
      timeZone: person.time_zone,
      contacts: person.contacts,
      quietUntilTimeMs: oncall.quietUntil(person.name, timeMs),
    })),
  }
}

function addFeeds(app: FastifyInstance, context: RouteContext): void {
  const { alerts, oncall, clock, externalUrl } = context.parts
  const root = `${apiRoot}/on-call`

  app.get(
    `${root}/schedules/:name/feed`,
    { config: { access: 'read' as const } },
    async (request): Promise<CalendarFeed> => {
      const name = pathPart(request, 'name')
      const nowTimeMs = clock.nowTimeMs()
      // Refuses a schedule that is not there.
      oncall.shifts(name, { startTimeMs: nowTimeMs, endTimeMs: nowTimeMs + 1 })
      const token = alerts.pages.sign(`feed ${name}`)
      return { url: `${externalUrl}${root}/feeds/${encodeURIComponent(name)}.ics?token=${token}` }
    },
  )

  app.get(
    `${root}/feeds/:file`,
    { config: { access: 'open' as const, shape: 'text' as const } },
    async (request, reply) => {
      const name = pathPart(request, 'file').replace(/\.ics$/, '')
      if (!alerts.pages.isSigned(`feed ${name}`, queryOf(request).get('token') ?? ''))
        throw serverErrors.ITEM_UNKNOWN({ kind: 'calendar', id: name })
      const nowTimeMs = clock.nowTimeMs()
      const span = { startTimeMs: nowTimeMs - feedBackMs, endTimeMs: nowTimeMs + feedAheadMs }
      const text = oncall.formatCalendar(name, span, nowTimeMs)
      return reply.type('text/calendar; charset=utf-8').send(text)
    },
  )
}

function addOverrides(app: FastifyInstance, context: RouteContext): void {
  const { duty } = context.parts.alerts
  const root = `${apiRoot}/on-call/overrides`
  const change = { bodyLimit: plainBodyBytesMax, config: { access: 'respond' as const } }

  app.get(root, { config: { access: 'read' as const } }, async (): Promise<OverrideList> => {
    return { overrides: duty.overrides().sort((a, b) => b.startTimeMs - a.startTimeMs) }
  })

  app.post(root, change, async (request, reply): Promise<OnCallOverride> => {
    const body = readJson(request, overrideBody)
    const override = await duty.addOverride({ ...body, createdBy: request.principal.actor })
    const { id, schedule, people } = override
    context.audit(request, 'override-add', { id, schedule, people })
    reply.code(201)
    return override
  })

  app.delete(`${root}/:id`, change, async (request, reply) => {
    const { id, schedule, people } = await duty.removeOverride(pathPart(request, 'id'))
    context.audit(request, 'override-remove', { id, schedule, people })
    return reply.code(204).send()
  })
}
