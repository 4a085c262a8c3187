/**
 * Messages of pages on their way: each delivery once at a time, given up when its page drops it or when
 * we stop. What became of one is told to whoever sent it, except when it was given up because we stop: then
 * it waits for the next start.
 */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { passFaultPoint } from '../../base/fault-point.ts'
import type { Log } from '../../base/log.ts'
import type { Alert } from '../../model/alert.ts'
import type { AlertBackground } from '../../model/flow.ts'
import type { Page, PageDelivery } from '../../model/page.ts'
import type { Notification, Notifier } from '../../notify/notify.ts'
import type { OnCall } from '../../oncall/oncall.ts'
import type { AcknowledgeOffer } from './page-message.ts'
import { type Sent, sendDelivery } from './send-delivery.ts'

/** What a courier needs. */
interface PageCourierParts {
  notifier: Notifier
  oncall: OnCall
  clock: Clock
  log: Log
  externalUrl: string
  /** The alerts that a page's message tells of. */
  alertsOf(page: Page, delivery: PageDelivery): readonly Alert[]
  describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined>
  offerFor(page: Page, person: string): AcknowledgeOffer | undefined
}

/** Sends what pages have to say. */
export class PageCourier {
  readonly #parts: PageCourierParts
  /** By id of the delivery. */
  readonly #sending = new Map<string, { abort: AbortController; end: Promise<void> }>()
  #isStopped = false

  constructor(parts: PageCourierParts) {
    this.#parts = parts
  }

  /** Whether a delivery is on its way. */
  has(id: string): boolean {
    return this.#sending.has(id)
  }

  /** Sends a delivery. `onSent` hears what became of it; `onEnd` that it is on its way no more. */
  send(
    page: Page,
    delivery: PageDelivery,
    then: { onSent: (sent: Sent) => Promise<void>; onEnd: () => void },
  ): void {
    const abort = new AbortController()
    const end = this.#send(page, delivery, abort)
      .then((sent) => (sent === undefined ? undefined : then.onSent(sent)))
      .catch((thrown: unknown) => {
        this.#parts.log.error({ page: page.id, error: messageOf(thrown) }, 'a page was not sent')
      })
    this.#sending.set(delivery.id, { abort, end })
    void end.finally(() => {
      this.#sending.delete(delivery.id)
      then.onEnd()
    })
  }

  /** Gives up a delivery. */
  abort(id: string): void {
    this.#sending.get(id)?.abort.abort()
  }

  /** Gives up everything; resolves when nothing is on its way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { abort } of this.#sending.values()) abort.abort()
    await Promise.all([...this.#sending.values()].map(({ end }) => end))
  }

  async #send(
    page: Page,
    delivery: PageDelivery,
    abort: AbortController,
  ): Promise<Sent | undefined> {
    const { notifier, clock, externalUrl } = this.#parts
    const sent = await sendDelivery(
      {
        page,
        delivery,
        alerts: this.#parts.alertsOf(page, delivery),
        externalUrl,
        acknowledge: this.#parts.offerFor(page, delivery.person),
        reader: this.#readerOf(delivery.person),
      },
      { notifier, clock, abort, background: this.#parts.describe(page.alerts) },
    )
    const isDone = sent.isSent || sent.heldUntilTimeMs !== undefined
    if (this.#isStopped && !isDone) return undefined
    passFaultPoint('page-sent')
    return sent
  }

  /** How a person wants to be written to; nothing where a receiver is told. */
  #readerOf(name: string): Pick<Notification, 'language' | 'timeZone'> {
    const person = this.#parts.oncall.findPerson(name)
    if (person === undefined) return {}
    const { language, time_zone: timeZone } = person
    return { timeZone, ...(language !== undefined && { language }) }
  }
}
