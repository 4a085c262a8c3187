/**
 * What each channel was last told of each group, and from it whether there is something to say now.
 * Kept in the records, so that a restart neither forgets nor repeats.
 * Source of the rules: alertmanager notify/dedup_stage.go and nflog (Apache-2.0), behaviour
 * re-implemented.
 */

import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Records } from '../store/store.ts'
import { recordFailuresTotal } from './metrics.ts'

/** Why a notification is sent; Alertmanager's words. */
export type NotifyReason =
  | 'first notification'
  | 'new alerts added'
  | 'some alerts resolved'
  | 'all alerts resolved'
  | 'repeat interval elapsed'

/** The last successful notification of a group over a channel. */
export interface LogEntry {
  receiver: string
  channel: string
  groupKey: string
  timeMs: number
  /** Fingerprints that were firing and resolved then. */
  firing: string[]
  resolved: string[]
}

/** What a group looks like now. */
export interface GroupNow {
  firing: readonly string[]
  resolved: readonly string[]
  sendsResolved: boolean
  repeatIntervalMs: number
  nowTimeMs: number
}

/** The reason to notify, or `undefined` when there is none. */
export function findReason(
  entry: Pick<LogEntry, 'timeMs' | 'firing' | 'resolved'> | undefined,
  now: GroupNow,
): NotifyReason | undefined {
  // Who never heard that something is wrong need not hear that it is over.
  if (entry === undefined) return now.firing.length > 0 ? 'first notification' : undefined
  const told = new Set(entry.firing)
  if (now.firing.some((fingerprint) => !told.has(fingerprint))) {
    return told.size === 0 ? 'first notification' : 'new alerts added'
  }
  if (now.firing.length === 0) return told.size > 0 ? 'all alerts resolved' : undefined
  const toldResolved = new Set(entry.resolved)
  if (now.sendsResolved && now.resolved.some((fingerprint) => !toldResolved.has(fingerprint)))
    return 'some alerts resolved'
  if (entry.timeMs < now.nowTimeMs - now.repeatIntervalMs) return 'repeat interval elapsed'
  return undefined
}

const statePrefix = 'alert.log.'
/** Entries of groups that nobody touched for so long are forgotten; Alertmanager's retention. */
const entryKeepMs = 120 * 3_600_000

/** The log of all channels and groups. */
export class NotificationLog {
  readonly #records: Records
  readonly #log: Log
  readonly #entries = new Map<string, LogEntry>()

  constructor(parts: { records: Records; log: Log }) {
    this.#records = parts.records
    this.#log = parts.log
  }

  /** Reads what was kept. */
  async load(nowTimeMs: number): Promise<void> {
    await this.#attempt(async () => {
      for (const { name, value } of await this.#records.states.list(statePrefix)) {
        const entry = value as LogEntry
        if (entry.timeMs < nowTimeMs - entryKeepMs) await this.#records.states.remove(name)
        else this.#entries.set(name, entry)
      }
    })
  }

  find(receiver: string, channel: string, groupKey: string): LogEntry | undefined {
    return this.#entries.get(nameOf(receiver, channel, groupKey))
  }

  /** When a group last told anybody, or `undefined`. */
  lastTimeMs(receiver: string, channels: readonly string[], groupKey: string): number | undefined {
    const times = channels.flatMap(
      (channel) => this.find(receiver, channel, groupKey)?.timeMs ?? [],
    )
    return times.length === 0 ? undefined : Math.max(...times)
  }

  /** Remembers a successful notification; resolves when it is kept or could not be. */
  async set(entry: LogEntry): Promise<void> {
    const name = nameOf(entry.receiver, entry.channel, entry.groupKey)
    this.#entries.set(name, entry)
    await this.#attempt(() => this.#records.states.set(name, entry))
  }

  /** Forgets a group that is over. */
  async remove(receiver: string, channel: string, groupKey: string): Promise<void> {
    const name = nameOf(receiver, channel, groupKey)
    if (this.#entries.delete(name)) await this.#attempt(() => this.#records.states.remove(name))
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.error(
        { error: messageOf(thrown) },
        'the notification log could not be kept; notifying goes on and may repeat after a restart',
      )
    }
  }
}

function nameOf(receiver: string, channel: string, groupKey: string): string {
  return `${statePrefix}${receiver}/${channel}/${groupKey}`
}
