/**
 * How long questions take over what was just ingested, from cheap to dear. Each is asked a few times at
 * ends that differ by a second, so that no cache answers, and the median counts. The answers are kept
 * to be compared with those of Prometheus.
 */

import { quantile } from './load/figures.ts'
import { Connection } from './load/http.ts'
import type { PreparedLoad } from './load/remote-write.ts'
import type { RunningPeer } from './peer/peer.ts'

/** One question. `spanSeconds` 0 asks for an instant. */
interface Question {
  name: string
  expression: string
  spanSeconds: number
  stepSeconds: number
}

const instant = (name: string, expression: string): Question => ({
  name: `instant ${name}`,
  expression,
  spanSeconds: 0,
  stepSeconds: 0,
})

const range = (name: string, expression: string): Question => ({
  name: `30 min ${name}`,
  expression,
  spanSeconds: 1800,
  stepSeconds: 15,
})

const questions: readonly Question[] = [
  instant('one series', 'node_load1{instance="host-00001:9100"}'),
  instant('one metric', 'node_load1'),
  instant('rate by mode', 'sum by (mode) (rate(node_cpu_seconds_total[5m]))'),
  instant(
    'p99 latency',
    'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))',
  ),
  instant('count of all', 'count by (__name__) ({job="node"})'),
  range('one series', 'node_load1{instance="host-00001:9100"}'),
  range('busy by host', 'sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))'),
  range('average over time', 'avg_over_time(node_load1[10m])'),
  range('raw, 3 of a host', '{__name__=~"node_load(1|5|15)"}'),
]

/** The times of one question and its last answer. */
export interface QueryFigures {
  name: string
  medianMs: number
  /** Series of the answer with their points, in an order of their own. */
  answer: Map<string, number>
}

interface PrometheusReply {
  data: {
    result: {
      metric: Record<string, string>
      value?: [number, string]
      values?: [number, string][]
    }[]
  }
}

/** Asks everything `roundCount` times. */
export async function measureQueries(
  peer: RunningPeer,
  load: PreparedLoad,
  roundCount: number,
): Promise<QueryFigures[]> {
  const connection = new Connection()
  const all: QueryFigures[] = []
  for (const question of questions) {
    const tookMs: number[] = []
    let answer = new Map<string, number>()
    // The first round warms up and is not counted.
    for (let round = 0; round <= roundCount; round++) {
      // Never at the time of a sample: Prometheus 3 leaves a window's left edge out, Debian's 2 does not.
      const endSeconds = load.endTimeMs / 1000 - 1 - (roundCount - round)
      const words = new URLSearchParams({ query: question.expression, ...peer.plan.queryWords })
      if (question.spanSeconds === 0) words.set('time', String(endSeconds))
      else {
        words.set('start', String(endSeconds - question.spanSeconds))
        words.set('end', String(endSeconds))
        words.set('step', String(question.stepSeconds))
      }
      const path = question.spanSeconds === 0 ? '/api/v1/query' : '/api/v1/query_range'
      const startMs = performance.now()
      const reply = await connection.send(peer.plan.baseUrl + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: words.toString(),
      })
      if (round > 0) tookMs.push(performance.now() - startMs)
      if (reply.status !== 200) {
        throw new Error(
          `${peer.name} refused ${question.expression}: ${reply.status} ${reply.body.toString().slice(0, 300)}`,
        )
      }
      if (round === roundCount) answer = readAnswer(reply.body)
    }
    all.push({ name: question.name, medianMs: quantile(tookMs, 0.5), answer })
  }
  connection.close()
  return all
}

function readAnswer(body: Buffer): Map<string, number> {
  const points = new Map<string, number>()
  const reply = JSON.parse(body.toString()) as PrometheusReply
  for (const { metric, value, values } of reply.data.result) {
    const key = JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const [time, text] of values ?? (value === undefined ? [] : [value])) {
      points.set(`${key} ${time}`, Number(text))
    }
  }
  return points
}

/** Relative difference that two sums in another order may have. */
const toleratedDifference = 1e-9

/** True when both answers have the same points with the same values. */
export function isSameAnswer(left: Map<string, number>, right: Map<string, number>): boolean {
  if (left.size !== right.size || left.size === 0) return false
  for (const [key, value] of left) {
    const other = right.get(key)
    if (other === undefined) return false
    if (Number.isNaN(value) && Number.isNaN(other)) continue
    const scale = Math.max(Math.abs(value), Math.abs(other))
    if (Math.abs(value - other) > scale * toleratedDifference) return false
  }
  return true
}
