/**
 * The victim of the second kill test: its household never rests. While samples arrive in order, late
 * by days, and as log lines, everything is flushed, days are written anew, segments are closed every few
 * writes, and memory lets go of what the engine has. Prints what was acknowledged, and each flush.
 */

import { writeSync } from 'node:fs'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { z } from '../../src/config/schema.ts'
import { makeLabels } from '../../src/model/labels.ts'
import { SampleBatchBuilder } from '../../src/model/sample.ts'
import { Store, type StoreSettings, storeSettings } from '../../src/store/store.ts'

const [dataDir, run, startTimeMs] = process.argv.slice(2) as [string, string, string]
const settings = z.object(storeSettings.top).parse({
  store: {
    journal_segment_size: 300_000,
    memory_window: '1m',
    // In every third run late rows leave memory too, and are then read from the journal.
    late_memory_size_max: Number(run) % 3 === 2 ? 20_000 : 20_000_000,
  },
}) as StoreSettings
const store = await Store.open({ dataDir, settings, clock: systemClock, log: silentLog })
writeSync(1, 'ready\n')

async function append(lane: string, seriesCount: number, timeOf: (round: number) => number) {
  for (let round = 0; ; round++) {
    const builder = new SampleBatchBuilder()
    for (let name = 0; name < seriesCount; name++) {
      const labels = makeLabels({ __name__: 'm', lane: `${run}-${lane}`, name: String(name) })
      builder.add(store.seriesId(labels), timeOf(round), round)
    }
    await store.append(builder.batch)
    writeSync(1, `${lane} ${round}\n`)
  }
}

async function appendLines(lane: string): Promise<never> {
  for (let round = 0; ; round++) {
    await store.appendLogs({
      count: 1,
      streams: [makeLabels({ lane: `${run}-${lane}` })],
      stream: Uint32Array.of(0),
      timeNs: BigInt64Array.of(BigInt(startTimeMs) * 1_000_000n),
      level: Uint8Array.of(3),
      line: [String(round)],
    })
    writeSync(1, `${lane} ${round}\n`)
  }
}

async function flushForEver(): Promise<never> {
  for (;;) {
    await store.flush()
    writeSync(1, 'flushed\n')
  }
}

const start = Number(startTimeMs)
const dayMs = 86_400_000
await Promise.all([
  append('order', 40, (round) => start + round),
  append('other', 40, (round) => start + round),
  // Each time once, as long as the rounds are fewer than the prime, in an order that jumps over two days.
  append('late', 5, (round) => start - 3 * dayMs + ((round * 7_919) % 2_000_003) * 100),
  appendLines('line'),
  flushForEver(),
])
