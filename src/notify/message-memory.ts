/**
 * What a channel has to remember of a message, so that the next one about the same group can change it
 * instead of adding another: where it stands in the chat. Kept in the records for as long as the group
 * lives; without the records a new message is written, which is worse only to look at.
 */

import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Records } from '../store/store.ts'

/** The memory of one channel about one group. */
export interface GroupMemory {
  find(): Promise<unknown>
  /** `undefined` forgets. */
  set(value: unknown): Promise<void>
}

interface Entry {
  timeMs: number
  value: unknown
}

const prefix = 'notify.message.'
/** Messages older than that are not changed any more. */
const keepMs = 14 * 86_400_000

/** The memory of all channels. */
export class MessageMemory {
  readonly #states: Records['states']
  readonly #clock: Clock
  readonly #log: Log

  constructor(parts: { states: Records['states']; clock: Clock; log: Log }) {
    this.#states = parts.states
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** Forgets what is too old to be changed. */
  async clean(): Promise<void> {
    await this.#attempt(async () => {
      const endTimeMs = this.#clock.nowTimeMs() - keepMs
      for (const { name, value } of await this.#states.list(prefix))
        if ((value as Entry).timeMs < endTimeMs) await this.#states.remove(name)
    })
  }

  /** The part of one channel and group. */
  of(key: { receiver: string; channel: string; groupKey: string }): GroupMemory {
    const name = `${prefix}${key.receiver}/${key.channel}/${key.groupKey}`
    return {
      find: () =>
        this.#attempt(async () => {
          const entry = (await this.#states.find(name)) as Entry | undefined
          const isOld = entry !== undefined && entry.timeMs < this.#clock.nowTimeMs() - keepMs
          return isOld ? undefined : entry?.value
        }),
      set: async (value) => {
        await this.#attempt(() =>
          value === undefined
            ? this.#states.remove(name)
            : this.#states.set(name, { timeMs: this.#clock.nowTimeMs(), value }),
        )
      },
    }
  }

  async #attempt<Value>(action: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await action()
    } catch (thrown) {
      this.#log.warn(
        { error: messageOf(thrown) },
        'where a message stands could not be kept; the next one is written anew',
      )
      return undefined
    }
  }
}
