/**
 * From the moment that a sample over the threshold is sent to the moment that the webhook is called.
 * Every trial is a series, an alert and a group of its own, at a moment of its own within the second,
 * so that a timer is met at every phase. Peers that evaluate by a timer do so every second.
 */

import { createServer, type Server } from 'node:http'
import { quantile } from './load/figures.ts'
import { makeNumbers } from './load/fleet.ts'
import { Connection } from './load/http.ts'
import { encodeBody, encodeLabels } from './load/remote-write.ts'
import type { RunningPeer } from './peer/peer.ts'

/** What was measured. */
export interface LatencyFigures {
  p50Ms: number
  p99Ms: number
  missedCount: number
}

/** A trial that nobody heard of after this is missed. */
const patienceMs = 20_000
/**
 * Before the first step: every evaluator has seen the calm, and Prometheus, which looks for its
 * Alertmanagers every 5 s, has found them.
 */
const settleMs = 7000
/** Between two trials at least; with a random part, so that no phase is met twice. */
const trialGapMs = 250

interface WebhookBody {
  alerts?: { status: string; labels: Record<string, string> }[]
}

/** Receives notifications and remembers when each trial was first told. */
export class WebhookSink {
  readonly toldMs = new Map<string, number>()
  readonly #server: Server
  #url = ''

  constructor() {
    this.#server = createServer((request, response) => {
      const nowMs = performance.now()
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        response.end()
        const body = JSON.parse(Buffer.concat(chunks).toString()) as WebhookBody
        for (const { status, labels } of body.alerts ?? []) {
          const trial = labels['trial']
          if (status === 'firing' && trial !== undefined && !this.toldMs.has(trial)) {
            this.toldMs.set(trial, nowMs)
          }
        }
      })
    })
  }

  get url(): string {
    return this.#url
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address()
        if (address !== null && typeof address === 'object') {
          this.#url = `http://127.0.0.1:${address.port}/notify`
        }
        resolve()
      })
    })
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

const pause = (spanMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, spanMs))

/** Runs the trials one after the other, each waited for at the end. */
export async function measureLatency(
  peer: RunningPeer,
  sink: WebhookSink,
  trialCount: number,
): Promise<LatencyFigures> {
  const chance = makeNumbers(11)
  const connection = new Connection()
  const labels = Array.from({ length: trialCount }, (_unused, trial) =>
    encodeLabels([
      ['__name__', 'bench_step'],
      ['instance', `host-${trial}`],
      ['job', 'bench'],
      ['trial', String(trial)],
    ]),
  )
  const send = async (trials: number[], value: number): Promise<void> => {
    const timeMs = Date.now()
    const samples = trials.map((trial) => ({ labels: labels[trial]!, timeMs, value }))
    await connection.write(peer.plan.writeUrl, encodeBody(samples))
  }
  const all = labels.map((_label, trial) => trial)
  await send(all, 0)
  await pause(settleMs)
  const sentMs = new Map<number, number>()
  for (const trial of all) {
    await pause(trialGapMs + chance() * 1000)
    sentMs.set(trial, performance.now())
    await send([trial], 1)
  }
  const endMs = performance.now() + patienceMs
  while (sink.toldMs.size < trialCount && performance.now() < endMs) await pause(20)
  connection.close()
  const took = all.map(
    (trial) => (sink.toldMs.get(String(trial)) ?? Number.NaN) - sentMs.get(trial)!,
  )
  const told = took.filter((value) => !Number.isNaN(value))
  return {
    p50Ms: quantile(told, 0.5),
    p99Ms: quantile(told, 0.99),
    missedCount: trialCount - told.length,
  }
}
