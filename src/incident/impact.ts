/** What a trouble cost, in numbers from the store. */

import type { Questioner } from './question.ts'
import { countRequests, type ServiceSignals } from './signal.ts'

/** Figures of a trouble; `undefined` where there is no data. */
export interface Impact {
  startTimeMs: number
  endTimeMs: number
  requestCount: number | undefined
  failedCount: number | undefined
  /** Highest value of each signal, with its unit. */
  peaks: { name: string; value: number; unit: string }[]
}

/** Asks for the impact between two times. */
export async function measureImpact(
  signals: ServiceSignals,
  span: { startTimeMs: number; endTimeMs: number; deploymentTimeMs: number | undefined },
  questioner: Questioner,
): Promise<Impact> {
  const { startTimeMs, endTimeMs, deploymentTimeMs = startTimeMs } = span
  // An onset is seen one scrape late; where a deployment is the cause, its failures count from there.
  const countSpan = { startTimeMs: Math.min(startTimeMs, deploymentTimeMs), endTimeMs }
  const counts =
    signals.counter === undefined
      ? undefined
      : await countRequests(signals.counter, { version: {}, ...countSpan }, questioner)
  const spanMs = Math.max(1_000, endTimeMs - startTimeMs)
  const stepMs = Math.max(1_000, Math.ceil(spanMs / 1_000_000) * 1_000)
  const peaks: Impact['peaks'] = []
  for (const signal of signals.signals) {
    const [series] = await questioner.series(signal.query, { startTimeMs, endTimeMs, stepMs })
    if (series === undefined) continue
    let peak: number | undefined
    for (let index = 0; index < series.count; index++) {
      const value = series.value[index]!
      if (!Number.isFinite(value)) continue
      if (peak === undefined || (signal.worse === 'higher' ? value > peak : value < peak)) {
        peak = value
      }
    }
    if (peak !== undefined) peaks.push({ name: signal.name, value: peak, unit: signal.unit })
  }
  return { startTimeMs, endTimeMs, requestCount: counts?.total, failedCount: counts?.bad, peaks }
}
