/** `/logs`: lines and their volume over a range; `/logs/live`: lines as they arrive. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type LogLineView, type LogList } from '../../api/api.ts'
import { z } from '../../config/schema.ts'
import type { LogRecord } from '../../model/log-line.ts'
import { serverErrors } from '../errors.ts'
import { readQuery, timeMs, wholeNumber } from '../request.ts'
import type { RouteContext } from './route.ts'

const defaultRangeMs = 3_600_000
/** The volume chart has about this many bars. */
const barCount = 60
/** Lines of one arrival that a live tail shows; more are cut, since nobody reads that fast. */
const liveLineCountMax = 500
const nsPerMs = 1_000_000n

/** Widths of a bar that read well on an axis. */
const barMs = [
  1, 5, 10, 50, 100, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
  600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
]

const expression = z.string().min(1).max(100_000)
const listQuery = z.strictObject({
  query: expression,
  startTimeMs: timeMs().optional(),
  endTimeMs: timeMs().optional(),
  limit: wholeNumber({ min: 1, max: 5000, fallback: 500 }),
  direction: z.enum(['forward', 'backward']).default('backward'),
})
const liveQuery = z.strictObject({ query: expression })

/** Adds the routes of logs. */
export function addLogRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine, clock } = context.parts

  app.get(`${apiRoot}/logs`, { config: { access: 'read' } }, async (request): Promise<LogList> => {
    const { query, limit, direction, ...range } = readQuery(request, listQuery)
    const endTimeMs = range.endTimeMs ?? clock.nowTimeMs() + 1
    const startTimeMs = range.startTimeMs ?? endTimeMs - defaultRangeMs
    if (startTimeMs >= endTimeMs) {
      throw serverErrors.REQUEST_INVALID({ problems: 'endTimeMs must be after startTimeMs' })
    }
    const stepMs = findBarMs((endTimeMs - startTimeMs) / barCount)
    const startTimeNs = BigInt(startTimeMs) * nsPerMs
    const endTimeNs = BigInt(endTimeMs) * nsPerMs
    // Bars stand on whole multiples of their width, so that they do not wander as time goes on.
    const firstBarNs = BigInt(Math.floor(startTimeMs / stepMs) * stepMs) * nsPerMs
    const span = { expression: query, endTimeNs }
    const [records, volume] = await Promise.all([
      engine.selectLogs({ ...span, startTimeNs, limit, direction, signal: request.goneSignal }),
      engine.logVolume({ ...span, startTimeNs: firstBarNs, stepMs }),
    ])
    return { lines: records.map(viewLine), volume, stepMs }
  })

  app.get(
    `${apiRoot}/logs/live`,
    { config: { access: 'read', isStream: true } },
    async (request, reply) => {
      const { query } = readQuery(request, liveQuery)
      let stream: ReturnType<typeof context.live.open> | undefined
      // Subscribed first: a query that cannot be read must be refused before the stream begins.
      const stop = engine.tailLogs(query, (records) => {
        for (const record of records.slice(0, liveLineCountMax)) {
          stream?.send('line', viewLine(record))
        }
      })
      try {
        stream = context.live.open(request, reply, false)
      } catch (thrown) {
        stop()
        throw thrown
      }
      stream.onEnd(stop)
      return reply
    },
  )
}

function findBarMs(wantedMs: number): number {
  return barMs.find((width) => width >= wantedMs) ?? 86_400_000 * Math.ceil(wantedMs / 86_400_000)
}

function viewLine(record: LogRecord): LogLineView {
  return {
    timeNs: String(record.timeNs),
    level: record.level,
    line: record.line,
    labels: record.labels.toObject(),
    metadata: record.metadata?.toObject() ?? {},
  }
}
