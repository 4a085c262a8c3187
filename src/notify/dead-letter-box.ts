/**
 * Messages that reached nobody: kept whole, so that a person can send them again. A later message about
 * the same group over the same channel that arrives ends the old one.
 */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import type { DeadLetter, Records } from '../store/store.ts'
import { deadLettersTotal, openDeadLetters } from './metrics.ts'
import type { Notification } from './notification.ts'
import { toPlainNotification } from './notification-json.ts'

/** Most open ones that are known by heart; older ones stay in the records. */
const openCountMax = 2_000

/** All messages that reached nobody. */
export class DeadLetterBox {
  readonly #records: Records['deadLetters']
  readonly #clock: Clock
  readonly #log: Log
  /** Open ones by receiver, channel and group. */
  readonly #open = new Map<string, DeadLetter>()

  constructor(parts: { records: Records['deadLetters']; clock: Clock; log: Log }) {
    this.#records = parts.records
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** Reads what is open. */
  async load(): Promise<void> {
    await this.#attempt(async () => {
      const open = await this.#records.list({ state: 'open', limit: openCountMax })
      for (const letter of open.reverse()) this.#open.set(keyOf(letter), letter)
      openDeadLetters.set(this.#open.size)
    })
  }

  /** A message was given up; answers whether its channel had none open before. */
  async add(
    channel: string,
    notification: Notification,
    how: { failure: string; attemptCount: number; labels: string },
  ): Promise<boolean> {
    const { receiver, groupKey, status, alerts } = notification
    const timeMs = this.#clock.nowTimeMs()
    const known = this.#open.get(keyOf({ receiver, channel, groupKey }))
    const isFirst = ![...this.#open.values()].some(
      (one) => one.receiver === receiver && one.channel === channel,
    )
    const letter: DeadLetter = {
      id: known?.id ?? makeId(timeMs),
      timeMs,
      receiver,
      channel,
      groupKey,
      state: 'open',
      endTimeMs: undefined,
      failure: how.failure,
      attemptCount: how.attemptCount + (known?.attemptCount ?? 0),
      alertCount: alerts.length,
      status,
      labels: how.labels,
      body: toPlainNotification(notification),
    }
    this.#open.delete(keyOf(letter))
    this.#open.set(keyOf(letter), letter)
    if (this.#open.size > openCountMax) this.#open.delete(this.#open.keys().next().value!)
    openDeadLetters.set(this.#open.size)
    deadLettersTotal.inc()
    await this.#attempt(() => this.#records.save(letter))
    return isFirst
  }

  /** How many firing messages since `timeMs` reached nobody and still have not. */
  countSince(timeMs: number): number {
    let count = 0
    for (const letter of this.#open.values())
      if (letter.status === 'firing' && letter.timeMs >= timeMs) count++
    return count
  }

  /** Forgets what is older. */
  async removeBefore(timeMs: number): Promise<void> {
    for (const [key, letter] of this.#open) if (letter.timeMs < timeMs) this.#open.delete(key)
    openDeadLetters.set(this.#open.size)
    await this.#attempt(() => this.#records.removeBefore(timeMs))
  }

  /** A message arrived: what was open of its group is over. Answers whether that was the channel's last. */
  async close(
    of: { receiver: string; channel: string; groupKey: string },
    state: 'resent' | 'dismissed' | 'superseded',
  ): Promise<boolean> {
    const letter = this.#open.get(keyOf(of))
    if (letter === undefined) return false
    this.#open.delete(keyOf(of))
    openDeadLetters.set(this.#open.size)
    const ended = { ...letter, state, endTimeMs: this.#clock.nowTimeMs() }
    await this.#attempt(() => this.#records.save(ended))
    return ![...this.#open.values()].some(
      (one) => one.receiver === of.receiver && one.channel === of.channel,
    )
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (thrown) {
      this.#log.error(
        { error: messageOf(thrown) },
        'messages that reached nobody could not be kept or read',
      )
    }
  }
}

function keyOf(of: { receiver: string; channel: string; groupKey: string }): string {
  return JSON.stringify([of.receiver, of.channel, of.groupKey])
}
