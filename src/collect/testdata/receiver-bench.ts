/** For tests of receivers: a memory store with a clock that stands still, and what it holds as lines. */

import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { makeMatcher } from '../../model/matcher.ts'
import { bitsOf, isStaleAt } from '../../model/sample.ts'
import { MemoryStore } from '../../store/store.ts'
import { DropLedger } from '../drops.ts'

/** The time at which the bench stands at first. */
export const benchTimeMs = 1_700_000_000_000

/** What a receiver is made of, and a way to look at what it wrote. */
export function makeReceiverBench() {
  const clock = new VirtualClock(benchTimeMs)
  const store = new MemoryStore({ clock })
  const drops = new DropLedger()
  const parts = { appender: store, drops, clock, log: silentLog, onReceived: () => undefined }
  /** `name{labels} offset:value …`, sorted. */
  const read = async (metric = '.+'): Promise<string[]> => {
    const found = await store.select({
      matchers: [makeMatcher('__name__', '=~', metric)],
      startTimeMs: 0,
      endTimeMs: benchTimeMs * 2,
    })
    return found
      .map(({ labels, count, timeMs, value }) => {
        const bits = bitsOf(value)
        const rows = Array.from({ length: count }, (_, index) => {
          const shown = isStaleAt(bits, index) ? 'stale' : value[index]
          return `${timeMs[index]! - benchTimeMs}:${shown}`
        })
        return `${labels} ${rows.join(' ')}`
      })
      .sort()
  }
  const reasons = () =>
    drops
      .list()
      .map(({ reason, count }) => `${reason} ${count}`)
      .sort()
  return { clock, store, parts, read, reasons }
}

/** A request to an address. */
export function pushTo(
  url: string,
  body: string | Buffer,
  options: { method?: string; headers?: Record<string, string> } = {},
) {
  const [path, query] = url.split('?') as [string, string | undefined]
  return {
    method: options.method ?? 'POST',
    path,
    parameters: new URLSearchParams(query ?? ''),
    headers: options.headers ?? {},
    body: Buffer.from(body),
  }
}
