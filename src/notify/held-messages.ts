/**
 * Messages that wait for the end of quiet hours. Of each group only the latest waits; at the end
 * everything that waits for a channel goes out as one message. They are kept in the records, so that a
 * restart at night loses none; when that fails, or too many wait, a message is sent at once instead.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Records } from '../store/store.ts'
import { heldMessages } from './metrics.ts'
import type { Notification } from './notification.ts'
import {
  fromPlainNotification,
  mergeNotifications,
  toPlainNotification,
} from './notification-json.ts'

const prefix = 'notify.held.'
/** Most groups that wait, in all. */
const heldCountMax = 5_000

interface Held {
  receiver: string
  channel: string
  endTimeMs: number
  notification: Notification
}

/** All messages that wait. */
export class HeldMessages {
  readonly #states: Records['states']
  readonly #clock: Clock
  readonly #log: Log
  readonly #send: (channel: string, notification: Notification) => Promise<void>
  readonly #held = new Map<string, Held>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(parts: {
    states: Records['states']
    clock: Clock
    log: Log
    /** Sends what waited for a channel, as one message; resolves when that is over, well or not. */
    send: (channel: string, notification: Notification) => Promise<void>
  }) {
    this.#states = parts.states
    this.#clock = parts.clock
    this.#log = parts.log
    this.#send = parts.send
  }

  /** Reads what waited before the start. */
  async load(): Promise<void> {
    try {
      for (const { name, value } of await this.#states.list(prefix)) {
        const { notification, ...rest } = value as Held
        const read = { ...rest, notification: fromPlainNotification(notification) }
        if (!this.#held.has(name)) this.#held.set(name, read)
      }
    } catch (thrown) {
      this.#log.error({ error: messageOf(thrown) }, 'messages held at night could not be read')
    }
    this.#arm()
  }

  /** How many groups wait for a receiver. */
  count(receiver: string): number {
    return [...this.#held.values()].filter((held) => held.receiver === receiver).length
  }

  /** Whether a message about the group waits for a channel. */
  has(receiver: string, channel: string, groupKey: string): boolean {
    return this.#held.has(nameOf(receiver, channel, groupKey))
  }

  /** Keeps a message; false when it must be sent now. */
  async add(channel: string, notification: Notification, endTimeMs: number): Promise<boolean> {
    const { receiver, groupKey } = notification
    const name = nameOf(receiver, channel, groupKey)
    if (this.#isStopped || (this.#held.size >= heldCountMax && !this.#held.has(name))) return false
    const held = { receiver, channel, endTimeMs, notification }
    try {
      await this.#states.set(name, { ...held, notification: toPlainNotification(notification) })
    } catch (thrown) {
      this.#log.warn({ error: messageOf(thrown) }, 'a message cannot be held and is sent now')
      return false
    }
    this.#held.set(name, held)
    this.#arm()
    return true
  }

  /** A later message about the group was sent: what waits is old. */
  async drop(receiver: string, channel: string, groupKey: string): Promise<void> {
    const name = nameOf(receiver, channel, groupKey)
    if (!this.#held.delete(name)) return
    heldMessages.set(this.#held.size)
    await this.#forget(name)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #arm(): void {
    heldMessages.set(this.#held.size)
    this.#timer?.cancel()
    if (this.#held.size === 0 || this.#isStopped) return
    const endTimeMs = Math.min(...[...this.#held.values()].map((held) => held.endTimeMs))
    const waitMs = Math.max(0, endTimeMs - this.#clock.nowTimeMs())
    this.#timer = this.#clock.after(waitMs, () => this.#release())
  }

  #release(): void {
    const nowTimeMs = this.#clock.nowTimeMs()
    const due = [...this.#held].filter(([, held]) => held.endTimeMs <= nowTimeMs)
    const byChannel = Map.groupBy(due, ([, held]) => `${held.receiver}/${held.channel}`)
    for (const [place, entries] of byChannel) {
      const [, first] = entries[0]!
      const all = entries.map(([, held]) => held.notification)
      const groupKey = all.length === 1 ? all[0]!.groupKey : `quiet hours of ${place}`
      const summary = mergeNotifications(all, { groupKey, reason: 'quiet hours are over' })
      for (const [name] of entries) this.#held.delete(name)
      void this.#sendAll(
        first.channel,
        summary,
        entries.map(([name]) => name),
      )
    }
    this.#arm()
  }

  async #sendAll(channel: string, summary: Notification, names: string[]): Promise<void> {
    await this.#send(channel, summary)
    // Forgotten only now: a crash in between repeats the summary rather than losing it.
    if (this.#isStopped) return
    for (const name of names) if (!this.#held.has(name)) await this.#forget(name)
  }

  async #forget(name: string): Promise<void> {
    try {
      await this.#states.remove(name)
    } catch (thrown) {
      this.#log.warn({ error: messageOf(thrown) }, 'a held message is kept longer than it should')
    }
  }
}

function nameOf(receiver: string, channel: string, groupKey: string): string {
  return `${prefix}${receiver}/${channel}/${groupKey}`
}
