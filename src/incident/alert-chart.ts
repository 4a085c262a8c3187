/** What a message shows of an alert's signal: its series, its limit, and the deployments meanwhile. */

import type { Alert } from '../model/alert.ts'
import { splitComparison } from '../model/expression.ts'
import type { AlertChart } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { Records } from '../store/store.ts'
import { guessUnit } from './chart.ts'
import type { AnsweredSeries, Questioner } from './question.ts'

const pointCount = 180
const stepMsMin = 1_000
const seriesCountMax = 5
const deploymentCountMax = 20

/** Asks for the chart of an alert; `undefined` when its rule shows no figures. */
export async function findAlertChart(
  alert: Alert,
  of: {
    questioner: Questioner
    records: Pick<Records, 'deployments'>
    service: string | undefined
    nowTimeMs: number
    spanMs: number
  },
): Promise<AlertChart | undefined> {
  const expression = alert.rule?.expression ?? ''
  if (expression === '') return undefined
  const split = splitComparison(expression)
  const query = split?.left ?? expression
  const { nowTimeMs, service } = of
  const stepMs = Math.max(stepMsMin, Math.ceil(of.spanMs / pointCount / 1_000) * 1_000)
  const startTimeMs = nowTimeMs - of.spanMs
  const range = { startTimeMs, endTimeMs: nowTimeMs, stepMs }
  const [answered, marks] = await Promise.all([
    of.questioner.series(query, range),
    listMarks(of.records, { service, fromTimeMs: startTimeMs, toTimeMs: nowTimeMs }),
  ])
  const shown = chooseSeries(answered, alert.labels)
  if (!shown.some((series) => series.count > 1)) return undefined
  return {
    title: alert.labels.get('alertname'),
    unit: guessUnit(query, split?.threshold),
    operator: split?.operator ?? '',
    threshold: split?.threshold,
    startTimeMs,
    endTimeMs: nowTimeMs,
    firedTimeMs: alert.firedTimeMs,
    series: shown.map(({ count, timeMs, value }) => ({
      count,
      timeMs,
      value,
      gapMs: stepMs * 2.5,
    })),
    marks,
  }
}

/** The series of the alert itself, or else the first few. */
function chooseSeries(
  answered: readonly AnsweredSeries[],
  labels: Labels,
): readonly AnsweredSeries[] {
  const own = answered.filter((series) => {
    const { pairs } = series.labels
    for (let index = 0; index < pairs.length; index += 2) {
      const name = pairs[index]!
      if (name !== '__name__' && labels.get(name) !== pairs[index + 1]) return false
    }
    return true
  })
  return (own.length > 0 ? own : answered).slice(0, seriesCountMax)
}

async function listMarks(
  records: Pick<Records, 'deployments'>,
  of: { service: string | undefined; fromTimeMs: number; toTimeMs: number },
): Promise<AlertChart['marks']> {
  const { service, ...span } = of
  if (service === undefined) return []
  try {
    const found = await records.deployments.list({ service, ...span, limit: deploymentCountMax })
    return found.map((one) => ({ timeMs: one.startTimeMs, label: one.version }))
  } catch {
    // The signal is worth showing without them.
    return []
  }
}
