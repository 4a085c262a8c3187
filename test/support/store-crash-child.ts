/**
 * The victim of the kill test: opens a store, appends samples and lines for ever, and prints the number
 * of each batch once it was acknowledged. Batch `n` of a run is 40 series and a native histogram at one
 * time, an exemplar and one line.
 */

import { writeSync } from 'node:fs'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { z } from '../../src/config/schema.ts'
import type { Histogram } from '../../src/model/histogram.ts'
import { makeLabels } from '../../src/model/labels.ts'
import { SampleBatchBuilder } from '../../src/model/sample.ts'
import { Store, type StoreSettings, storeSettings } from '../../src/../src/store/store.ts'

const [dataDir, run, startTimeMs] = process.argv.slice(2) as [string, string, string]
// Small segments, so that kills fall on rotation and flush too.
const settings = z.object(storeSettings.top).parse({
  store: { journal_segment_size: 20_000 },
}) as StoreSettings
const store = await Store.open({ dataDir, settings, clock: systemClock, log: silentLog })
writeSync(1, 'ready\n')

function makeHistogram(round: number): Histogram {
  return {
    schema: 3,
    count: round,
    sum: round / 3,
    zeroThreshold: 0,
    zeroCount: 0,
    positive: { index: [round % 50], count: [round] },
    negative: { index: [], count: [] },
    customBounds: [],
    resetHint: 'unknown',
  }
}

/** Several appends are always under way, so that writes are shared. */
async function appendForEver(lane: number): Promise<never> {
  for (let round = 0; ; round++) {
    const builder = new SampleBatchBuilder()
    for (let series = 0; series < 40; series++) {
      // Every round has a new series, to test that names are there before samples.
      const name = series === 0 ? `${run}-${round}` : `${series}`
      const labels = makeLabels({ __name__: 'm', lane: `${run}-${lane}`, name })
      builder.add(store.seriesId(labels), Number(startTimeMs) + round, round)
    }
    const histogram = store.seriesId(
      makeLabels({ __name__: 'm', lane: `${run}-${lane}`, name: 'histogram' }),
    )
    const timeMs = Number(startTimeMs) + round
    builder.addHistogram(histogram, timeMs, makeHistogram(round))
    const samples = store.append(builder.batch)
    const trace = makeLabels({ trace_id: String(round) })
    const exemplars = store.appendExemplars([
      { seriesId: histogram, labels: trace, value: round, timeMs },
    ])
    const lines = store.appendLogs({
      count: 1,
      streams: [makeLabels({ lane: `${run}-${lane}` })],
      stream: Uint32Array.of(0),
      timeNs: BigInt64Array.of(BigInt(startTimeMs) * 1_000_000n),
      level: Uint8Array.of(3),
      line: [String(round)],
    })
    await Promise.all([samples, exemplars, lines])
    writeSync(1, `${lane} ${round}\n`)
  }
}

await Promise.all([0, 1, 2, 3].map(appendForEver))
