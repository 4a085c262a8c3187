/**
 * The last day of each service as pieces of health, from the series that the rules themselves write
 * (`ALERTS`). Where nothing at all was collected the piece is unknown: missing is not healthy.
 */

import { type Health, healthOfSeverity, worseHealth } from '../../src/model/health.ts'
import { useNowTimeMs } from './clock.ts'
import type { ChartData } from './prometheus.ts'
import { useRangeQueries } from './queries.ts'

const dayMs = 86_400_000
const stepMs = 15 * 60_000

/** A piece of a lane. */
export interface HealthPiece {
  fromTimeMs: number
  toTimeMs: number
  health: Health
}

/** Lanes by service, over the last day. */
export interface Lanes {
  fromTimeMs: number
  toTimeMs: number
  of: (service: string, environment: string) => HealthPiece[]
}

/** Makes the pieces of one service from what fired and what was collected. */
export function lanePieces(
  grid: { timesMs: readonly number[]; stepMs: number },
  firing: readonly { severity: string; values: readonly (number | null)[] }[],
  collected: readonly (number | null)[],
): HealthPiece[] {
  const out: HealthPiece[] = []
  grid.timesMs.forEach((timeMs, index) => {
    let health: Health =
      collected[index] === null || collected[index] === undefined ? 'unknown' : 'ok'
    for (const one of firing) {
      if (one.values[index]) {
        const severity = healthOfSeverity(one.severity)
        health = health === 'unknown' ? severity : worseHealth(health, severity)
      }
    }
    const last = out.at(-1)
    if (last?.health === health) last.toTimeMs = timeMs
    else out.push({ fromTimeMs: timeMs - grid.stepMs, toTimeMs: timeMs, health })
  })
  return out
}

/** The lanes of all services. */
export function useLanes(): Lanes | undefined {
  const nowTimeMs = useNowTimeMs()
  // The grid reaches past now, so that the step that has begun is seen as well.
  const endTimeMs = Math.ceil(nowTimeMs / stepMs) * stepMs
  const range = { fromTimeMs: endTimeMs - dayMs, toTimeMs: endTimeMs, lastMs: undefined }
  const [alerts, collected] = useRangeQueries(
    [
      // Looks at the whole step, so that a short trouble between two points is not lost.
      `max by (service, environment, severity) (max_over_time(ALERTS{alertstate="firing",service!=""}[15m]))`,
      'max(max_over_time(up[15m]))',
    ],
    range,
    { stepMs, isPolled: true },
  )
  const data: ChartData | undefined = alerts?.data
  const base: ChartData | undefined = collected?.data
  if (!data || !base) return undefined
  const known = base.timesMs.map((_, index) => base.series[0]?.values[index] ?? null)
  return {
    fromTimeMs: nowTimeMs - dayMs,
    toTimeMs: nowTimeMs,
    of: (service, environment) =>
      lanePieces(
        data,
        data.series
          .filter(({ labels }) => labels['service'] === service)
          .filter(({ labels }) => !labels['environment'] || labels['environment'] === environment)
          .map(({ labels, values }) => ({ severity: labels['severity'] ?? '', values })),
        known,
      ),
  }
}
