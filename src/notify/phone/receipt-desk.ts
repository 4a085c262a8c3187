/**
 * What telephone services tell later: whether an SMS arrived, whether a call was taken, which key was
 * pressed. Each message to a number has an id of its own, short enough for every service (Alibaba Cloud
 * takes 15 characters), and not to be guessed. What is expected is kept in the records, so that a restart
 * loses none; beyond the limit the oldest are given up.
 */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { makeToken } from '../../base/random.ts'
import type { Records } from '../../store/store.ts'
import { forgottenReceiptsTotal, receiptsTotal } from '../metrics.ts'
import type { Notification } from '../notification.ts'
import { fromPlainNotification, toPlainNotification } from '../notification-json.ts'

const prefix = 'notify.receipt.'
const idBytes = 10
/** Services try for hours to bring an SMS to a phone that is off. */
const waitMs = 6 * 3_600_000
/** Most messages whose receipt is waited for. */
const expectedCountMax = 2_000

/** A message to one number, of which the service has not said the last word. */
export interface ExpectedReceipt {
  id: string
  /** Equal for all numbers of a message. */
  messageId: string
  timeMs: number
  /** The channel within its receiver, such as `voice[0]`. */
  channel: string
  to: string
  /** The right to act that a pressed key uses, and its page; empty when nothing was offered. */
  token: string
  pageId: string
  notification: Notification
}

/** What a service says in the end. */
export interface Receipt {
  isDelivered: boolean
  /** Its own words. */
  answer: string
}

/** A message that a service took, and that reached nobody after all. */
export interface LostMessage {
  /** The page that it belongs to; empty when it is of none. */
  pageId: string
  /** Whom it was for; empty when a receiver was told. */
  person: string
  receiver: string
  reason: string
}

/** What the desk is connected to. */
interface ReceiptDeskParts {
  states: Records['states']
  clock: Clock
  log: Log
  /** Writes it into the ledger. */
  note(expected: ExpectedReceipt, receipt: Receipt): void
  /** Tells somebody else; answers whether anybody was reached. */
  replace(lost: ExpectedReceipt, answer: string): Promise<boolean>
}

/** All receipts that are waited for. */
export class ReceiptDesk {
  readonly #parts: ReceiptDeskParts
  readonly #listeners = new Set<(lost: LostMessage) => void>()
  readonly #expected = new Map<string, ExpectedReceipt>()
  /** Messages of which one number failed already. */
  readonly #failed = new Set<string>()

  constructor(parts: ReceiptDeskParts) {
    this.#parts = parts
  }

  /** Hears of messages that were thought delivered and reached nobody. */
  onLost(listener: (lost: LostMessage) => void): void {
    this.#listeners.add(listener)
  }

  /** Reads what was expected before the start. */
  async load(): Promise<void> {
    try {
      for (const { value } of await this.#parts.states.list(prefix)) {
        const { notification, ...rest } = value as ExpectedReceipt
        const read = { ...rest, notification: fromPlainNotification(notification) }
        if (!this.#expected.has(read.id)) this.#expected.set(read.id, read)
      }
    } catch (thrown) {
      this.#parts.log.error({ error: messageOf(thrown) }, 'expected receipts could not be read')
    }
    this.#tidy()
  }

  /** Waits for the receipt of a message to a number; answers the id that the service is given. */
  expect(message: Pick<ExpectedReceipt, 'messageId' | 'channel' | 'to' | 'notification'>): string {
    const id = makeToken(idBytes)
    const { token = '', pageId = '' } = message.notification.acknowledge ?? {}
    const one = { ...message, id, token, pageId, timeMs: this.#parts.clock.nowTimeMs() }
    this.#expected.set(id, one)
    this.#tidy()
    const plain = { ...one, notification: toPlainNotification(message.notification) }
    this.#parts.states.set(prefix + id, plain).catch((thrown: unknown) => this.#note(thrown))
    return id
  }

  /** The right to act that came with a message; `undefined` when none did, or none is expected under the id. */
  tokenOf(id: string): string | undefined {
    this.#tidy()
    return this.#expected.get(id)?.token || undefined
  }

  /**
   * A service's last word about a message to a number. One that did not arrive is told to the fallback of
   * its receiver, and counts as undelivered when nobody takes it. False when none is expected under the id.
   */
  take(id: string, { isDelivered, answer }: Receipt): boolean {
    this.#tidy()
    const expected = this.#expected.get(id)
    const outcome = isDelivered ? 'delivered' : 'failed'
    receiptsTotal.inc({ outcome: expected === undefined ? 'unknown' : outcome })
    if (expected === undefined) return false
    this.#end(id)
    const shown = `receipt for ${expected.to}: ${answer}`
    this.#parts.note(expected, { isDelivered, answer: shown })
    if (!isDelivered && this.#noteFailed(expected)) void this.#replace(expected, shown)
    return true
  }

  async #replace(lost: ExpectedReceipt, answer: string): Promise<void> {
    try {
      if (await this.#parts.replace(lost, answer)) return
      const { pageId, notification, channel } = lost
      const { receiver, person = '' } = notification
      const reason = `${channel}: ${answer}`
      for (const listener of this.#listeners) listener({ pageId, person, receiver, reason })
    } catch (thrown) {
      this.#parts.log.error({ error: messageOf(thrown) }, 'a lost message was told to nobody else')
    }
  }

  #end(id: string): void {
    if (!this.#expected.delete(id)) return
    this.#parts.states.remove(prefix + id).catch((thrown: unknown) => this.#note(thrown))
  }

  /** Whether it is the first number that a message did not reach. */
  #noteFailed({ messageId }: ExpectedReceipt): boolean {
    if (this.#failed.has(messageId)) return false
    if (this.#failed.size >= expectedCountMax) this.#failed.clear()
    this.#failed.add(messageId)
    return true
  }

  /** They stand in the order of their time. */
  #tidy(): void {
    const oldestTimeMs = this.#parts.clock.nowTimeMs() - waitMs
    for (const { id, timeMs } of this.#expected.values()) {
      const isBeyond = this.#expected.size > expectedCountMax
      if (!isBeyond && timeMs >= oldestTimeMs) break
      forgottenReceiptsTotal.inc({ reason: isBeyond ? 'limit' : 'time' })
      this.#end(id)
    }
  }

  #note(thrown: unknown): void {
    this.#parts.log.warn({ error: messageOf(thrown) }, 'an expected receipt could not be kept')
  }
}
