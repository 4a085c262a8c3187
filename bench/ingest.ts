/**
 * How fast samples are taken: bodies prepared before the clock starts, sent over a few connections,
 * each with one request at a time. Designed to hold 1.3 million samples/s on two shared cores; the
 * sender takes its part of them.
 */

import { quantile } from './load/figures.ts'
import { Connection } from './load/http.ts'
import type { PreparedLoad } from './load/remote-write.ts'
import type { RunningPeer } from './peer/peer.ts'

/** What was measured. */
export interface IngestFigures {
  samplesPerSecond: number
  samplesPerCpuSecond: number
  ackP50Ms: number
  ackP99Ms: number
  residentMb: number
}

/** Sends the whole load. */
export async function measureIngest(peer: RunningPeer, load: PreparedLoad): Promise<IngestFigures> {
  const ackMs: number[] = []
  const cpuStart = peer.cpuSeconds()
  const startMs = performance.now()
  await Promise.all(
    load.lanes.map(async (bodies) => {
      const connection = new Connection()
      for (const body of bodies) ackMs.push(await connection.write(peer.plan.writeUrl, body))
      connection.close()
    }),
  )
  const seconds = (performance.now() - startMs) / 1000
  return {
    samplesPerSecond: load.sampleCount / seconds,
    samplesPerCpuSecond: load.sampleCount / (peer.cpuSeconds() - cpuStart),
    ackP50Ms: quantile(ackMs, 0.5),
    ackP99Ms: quantile(ackMs, 0.99),
    residentMb: peer.residentBytes() / 1e6,
  }
}
