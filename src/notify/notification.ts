/** One message about a group of alerts to one receiver. */

import type { Alert } from '../model/alert.ts'
import type { AlertBackground } from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { Language } from './words.ts'

/** What alerting hands over. */
export interface Notification {
  groupKey: string
  status: 'firing' | 'resolved'
  /** Alertmanager's words: "first notification", "new alerts added" and so on. */
  reason: string
  receiver: string
  groupLabels: Labels
  commonLabels: Labels
  commonAnnotations: Labels
  alerts: Alert[]
  background: AlertBackground | undefined
  externalUrl: string
  /** Labels of the route that led here; for templates and webhooks, not part of any alert. */
  routeLabels?: Labels
  /** How the reader takes the matter on; absent when there is nothing to take. */
  acknowledge?: AcknowledgeOffer
  /** Name of the person whom a personal message is for; absent in messages to a receiver. */
  person?: string
  /** Language and clocks of the reader, when they are not those of the receiver. */
  language?: Language
  timeZone?: string
  /** The receiver and channel that failed, so that this receiver is told instead. */
  fallbackOf?: string
}

/**
 * What buttons, links and key-presses of a message carry. The token is the right to act: it is signed,
 * ends by itself, and has at most 60 characters of `[A-Za-z0-9._-]`, so that it fits Telegram's
 * `callback_data`. Buttons of chats carry `ack:<token>` (Slack `value`, Telegram `callback_data`).
 */
export interface AcknowledgeOffer {
  /** A page with a button; opening it does nothing yet. For links and buttons that open an address. */
  url: string
  /** Posted to by Twilio's `<Gather>` (form field `Digits`: 1 acknowledges, 2 escalates), signed; answers TwiML. */
  gatherUrl: string
  /** The same for a gateway of the user's own, which signs nothing; the token is right enough. */
  gatewayUrl: string
  token: string
  /** The page, as its API and the ledger name it. */
  pageId: string
  /** Who has it already; empty when nobody has. */
  acknowledgedBy: string
}
