/** What is said to a phone, as SMS or as a call, and what its services are given. */

import type { Clock } from '../../base/clock.ts'
import type { ChannelRequest } from '../send-request.ts'
import type { AcknowledgeOffer } from '../notification.ts'
import type { MessageWords } from '../words.ts'

/** One message to one number. */
export interface PhoneMessage {
  /** In international form, such as +8613800000000. */
  to: string
  text: string
  /** How to take the matter on by a key or a reply. */
  acknowledge: AcknowledgeOffer | undefined
  words: MessageWords
  /** Waits for the service's receipt; answers the id that it is to tell. */
  expectReceipt(): string
  /** Where services post receipts, when they can reach us: an address to which the id is added. */
  receiptUrl: string | undefined
  /** Writes a template for a parameter. */
  render(template: string): string
}

/** What a service needs besides. */
export interface PhoneTools {
  clock: Clock
  /** How to connect, by the channel's http_config. */
  connect: NonNullable<ChannelRequest['connect']>
  makeNonce(): string
  timeoutMs: number
}
