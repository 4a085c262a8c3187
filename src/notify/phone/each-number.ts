/** One message to several numbers or devices: each is reached once, also when others have to be tried again. */

import { isIP } from 'node:net'
import { hostOf, isPublicAddress } from '../../base/public-address.ts'
import { makeToken } from '../../base/random.ts'
import { z } from '../../config/schema.ts'
import { type ChannelTools, type OutgoingMessage, renderField } from '../channel/channel.ts'
import { SendFailure } from '../send-request.ts'
import { connectBy, type HttpConfig } from '../http-config.ts'
import type { PhoneMessage, PhoneTools } from './phone-message.ts'

const numberCountMax = 50
/** Where Twilio posts receipts, below our address; the id of the receipt follows. */
const callbackPath = '/api/shipwatch/v1/callbacks/twilio-receipt'

/** The setting `to`. */
export const numbers = z
  .array(
    z
      .string()
      .regex(/^\+\d{5,15}$/, 'must be a number in international form, such as "+8613800000000"'),
  )
  .min(1, 'needs at least one number')
  .max(numberCountMax)
  .meta({ description: 'Numbers, such as "+8613800000000".', typeText: 'list' })

/** Numbers that a message has reached already, while others have not. */
const reached = new WeakMap<OutgoingMessage, Map<object, Set<string>>>()

/** Below our address, when it is one that a service on the internet can reach. */
function findReceiptUrl(externalUrl: string): string | undefined {
  if (!URL.canParse(externalUrl)) return undefined
  const host = hostOf(externalUrl)
  const isReachable = isIP(host) === 0 ? /\.[a-z]{2,}$/i.test(host) : isPublicAddress(host)
  return isReachable ? `${externalUrl.replace(/\/$/, '')}${callbackPath}/` : undefined
}

/** Sends to every number that was not reached before; fails with the failure that may pass, if any. */
export async function sendToEach(
  message: OutgoingMessage,
  options: {
    to: readonly string[]
    text: string
    timeoutMs: number
    tools: ChannelTools
    /** The channel's http_config. */
    http: HttpConfig | undefined
    /** What tells channels apart. */
    channel: object
    /** Whether one that is reached is enough, as when they are devices of people. */
    isOneEnough?: boolean
    send(message: PhoneMessage, tools: PhoneTools): Promise<string>
  },
): Promise<string> {
  const { to, text, timeoutMs, tools, channel } = options
  const channels = reached.get(message) ?? new Map<object, Set<string>>()
  reached.set(message, channels)
  const done = channels.get(channel) ?? new Set<string>()
  channels.set(channel, done)
  const phoneTools: PhoneTools = {
    clock: tools.clock,
    connect: connectBy(options.http, tools.clock),
    makeNonce: () => makeToken(16),
    timeoutMs,
  }
  const answers: string[] = []
  const failures: SendFailure[] = []
  for (const number of to) {
    if (done.has(number)) continue
    try {
      const render = (template: string): string => renderField(message, template)
      const { words, notification } = message
      const { acknowledge } = notification
      const one: PhoneMessage = {
        ...{ to: number, text, render, words, acknowledge },
        expectReceipt: () => message.expectReceipt(number),
        receiptUrl: findReceiptUrl(notification.externalUrl),
      }
      answers.push(await options.send(one, phoneTools))
      done.add(number)
    } catch (thrown) {
      if (!(thrown instanceof SendFailure)) throw thrown
      failures.push(thrown)
    }
  }
  const failure = failures.find(({ canRetry }) => canRetry) ?? failures[0]
  const isEnough = options.isOneEnough === true && done.size > 0
  if (failure !== undefined && !isEnough) throw failure
  return answers.join('; ')
}
