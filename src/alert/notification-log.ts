/**
 * What each channel was last told of each group, and from it whether there is something to say now.
 * Kept in the records, before a message goes out and after, so that a restart neither forgets nor repeats.
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
  /** A message of trouble was on its way when the process died: it may have arrived. */
  isUnsure?: boolean
}

/** The reason to notify, or `undefined` when there is none. */
export function findReason(
  entry: Pick<LogEntry, 'timeMs' | 'firing' | 'resolved'> | undefined,
  now: GroupNow,
): NotifyReason | undefined {
  // Who never heard that something is wrong need not hear that it is over.
  if (entry === undefined && now.firing.length > 0) return 'first notification'
  if (now.firing.length === 0 && now.isUnsure === true) return 'all alerts resolved'
  if (entry === undefined) return undefined
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

/** An entry as kept: with what is on its way, so that a death in between is not forgotten. */
interface KeptEntry extends LogEntry {
  /** Fingerprints of a message that is being sent, and since when. */
  sending?: { firing: string[]; timeMs: number }
}

const statePrefix = 'alert.log.'
/** Entries of groups that nobody touched for so long are forgotten; Alertmanager's retention. */
const entryKeepMs = 120 * 3_600_000

/** The log of all channels and groups. */
export class NotificationLog {
  readonly #records: Records
  readonly #log: Log
  readonly #entries = new Map<string, LogEntry>()
  /** Names of entries whose last message may have arrived. */
  readonly #unsure = new Set<string>()

  constructor(parts: { records: Records; log: Log }) {
    this.#records = parts.records
    this.#log = parts.log
  }

  /** Reads what was kept. */
  async load(nowTimeMs: number): Promise<void> {
    await this.#attempt(async () => {
      for (const { name, value } of await this.#records.states.list(statePrefix)) {
        const { sending, ...entry } = value as KeptEntry
        const timeMs = Math.max(entry.timeMs, sending?.timeMs ?? 0)
        if (timeMs < nowTimeMs - entryKeepMs) await this.#records.states.remove(name)
        else {
          if (entry.timeMs > 0) this.#entries.set(name, entry)
          if (sending !== undefined) this.#unsure.add(name)
        }
      }
    })
  }

  find(receiver: string, channel: string, groupKey: string): LogEntry | undefined {
    return this.#entries.get(nameOf(receiver, channel, groupKey))
  }

  /** Whether a message of trouble was on its way when the process died. */
  isUnsure(receiver: string, channel: string, groupKey: string): boolean {
    return this.#unsure.has(nameOf(receiver, channel, groupKey))
  }

  /** A message with alerts that this channel does not know is on its way; resolves when that is kept or could not be. */
  async begin(entry: LogEntry): Promise<void> {
    const name = nameOf(entry.receiver, entry.channel, entry.groupKey)
    const known = this.#entries.get(name)
    if (entry.firing.every((fingerprint) => known?.firing.includes(fingerprint))) return
    const kept: KeptEntry = {
      ...(known ?? { ...entry, timeMs: 0, firing: [], resolved: [] }),
      sending: { firing: entry.firing, timeMs: entry.timeMs },
    }
    await this.#attempt(() => this.#records.states.set(name, kept))
  }

  /** It did not arrive; what was known before is known again. */
  async giveUp(receiver: string, channel: string, groupKey: string): Promise<void> {
    const name = nameOf(receiver, channel, groupKey)
    const known = this.#entries.get(name)
    this.#unsure.delete(name)
    await this.#attempt(() =>
      known === undefined
        ? this.#records.states.remove(name)
        : this.#records.states.set(name, known),
    )
  }

  /** When a group last told anybody, or `undefined`; also when it is not sure that it did. */
  lastTimeMs(receiver: string, channels: readonly string[], groupKey: string): number | undefined {
    if (channels.some((channel) => this.isUnsure(receiver, channel, groupKey))) return undefined
    const times = channels.flatMap(
      (channel) => this.find(receiver, channel, groupKey)?.timeMs ?? [],
    )
    return times.length === 0 ? undefined : Math.max(...times)
  }

  /** Remembers a successful notification; resolves when it is kept or could not be. */
  async set(entry: LogEntry): Promise<void> {
    const name = nameOf(entry.receiver, entry.channel, entry.groupKey)
    this.#entries.set(name, entry)
    this.#unsure.delete(name)
    await this.#attempt(() => this.#records.states.set(name, entry))
  }

  /** Forgets a group that is over. */
  async remove(receiver: string, channel: string, groupKey: string): Promise<void> {
    const name = nameOf(receiver, channel, groupKey)
    const isUnsure = this.#unsure.delete(name)
    if (this.#entries.delete(name) || isUnsure)
      await this.#attempt(() => this.#records.states.remove(name))
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
