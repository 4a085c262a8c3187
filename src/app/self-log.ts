/**
 * Our own log into our own store, so that Shipwatch's story stands on the Logs page beside everybody
 * else's. Bounded: when the store lags, lines are counted and left out, never queued without end.
 */

import type { Log } from '../base/log.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { makeLabels } from '../model/labels.ts'
import { type LogBatch, logLevels } from '../model/log-line.ts'
import { ownLogLinesDropped } from './metrics.ts'

/** Lines waiting at most. */
const pendingCountMax = 1_000
/** How long lines are gathered. */
const gatherMs = 250

interface Pending {
  timeMs: number
  level: number
  line: string
}

/** A log that also gathers its lines; connect it once the store is open. */
export class SelfLog implements Log {
  readonly #inner: Log
  readonly #facts: object
  readonly #root: SelfLog
  readonly #clock: Clock
  #pending: Pending[] = []
  #isScheduled = false
  #append: ((batch: LogBatch) => Promise<void>) | undefined

  constructor(inner: Log, clock: Clock = systemClock, parent?: { root: SelfLog; facts: object }) {
    this.#inner = inner
    this.#clock = clock
    this.#root = parent?.root ?? this
    this.#facts = parent?.facts ?? {}
  }

  /** Where lines go from now on; `undefined` ends it. */
  connect(append: ((batch: LogBatch) => Promise<void>) | undefined): void {
    this.#append = append
  }

  debug(facts: object, message: string): void {
    this.#inner.debug({ ...this.#facts, ...facts }, message)
  }

  info(facts: object, message: string): void {
    this.#inner.info({ ...this.#facts, ...facts }, message)
    this.#gather('info', facts, message)
  }

  warn(facts: object, message: string): void {
    this.#inner.warn({ ...this.#facts, ...facts }, message)
    this.#gather('warn', facts, message)
  }

  error(facts: object, message: string): void {
    this.#inner.error({ ...this.#facts, ...facts }, message)
    this.#gather('error', facts, message)
  }

  child(facts: object): Log {
    return new SelfLog(this.#inner, this.#clock, {
      root: this.#root,
      facts: { ...this.#facts, ...facts },
    })
  }

  #gather(level: (typeof logLevels)[number], facts: object, message: string): void {
    const root = this.#root
    if (root.#pending.length >= pendingCountMax) {
      ownLogLinesDropped.inc()
      return
    }
    const line = JSON.stringify({ level, msg: message, ...this.#facts, ...facts })
    root.#pending.push({ timeMs: this.#clock.nowTimeMs(), level: logLevels.indexOf(level), line })
    if (root.#isScheduled) return
    root.#isScheduled = true
    this.#clock.after(gatherMs, () => {
      root.#isScheduled = false
      void root.#flush()
    })
  }

  async #flush(): Promise<void> {
    const append = this.#append
    if (append === undefined || this.#pending.length === 0) return
    const rows = this.#pending
    this.#pending = []
    try {
      await append({
        count: rows.length,
        streams: [makeLabels({ service_name: 'shipwatch', job: 'shipwatch' })],
        stream: new Uint32Array(rows.length),
        timeNs: BigInt64Array.from(rows, (row) => BigInt(row.timeMs) * 1_000_000n),
        level: Uint8Array.from(rows, (row) => row.level),
        line: rows.map((row) => row.line),
      })
    } catch {
      // Logging this would gather another line; the count tells.
      ownLogLinesDropped.inc(rows.length)
    }
  }
}
