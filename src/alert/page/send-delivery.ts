/** Sends one message of a page over every channel of its receiver. */

import type { Clock } from '../../base/clock.ts'
import type { Notification, Notifier } from '../../notify/notify.ts'
import { makePageMessage, type PageMessageParts } from './page-message.ts'

/** How long one message is tried. */
const sendMsMax = 10 * 60_000

/** How it went: one channel is enough; a message that waits for the end of quiet hours reached nobody yet. */
export interface Sent {
  isSent: boolean
  /** Why not, without secrets. */
  reason: string
  /** Nobody is told before, since it is quiet. */
  heldUntilTimeMs?: number
}

/** Sends; the end of a page is sent only where ends are wanted. */
export async function sendDelivery(
  message: Omit<PageMessageParts, 'background'>,
  around: {
    notifier: Notifier
    clock: Clock
    abort: AbortController
    background: Promise<Notification['background']>
  },
): Promise<Sent> {
  const { notifier, clock, abort } = around
  const { delivery } = message
  const limit = clock.after(sendMsMax, () => abort.abort())
  try {
    const notification = makePageMessage({ ...message, background: await around.background })
    const isEnd = delivery.kind === 'end'
    const all = notifier.channels(delivery.receiver)
    if (all.length === 0 && !isEnd)
      return { isSent: false, reason: `receiver "${delivery.receiver}" has no channel` }
    const channels = all.filter(({ sendsResolved }) => !isEnd || sendsResolved)
    if (channels.length === 0) return { isSent: true, reason: '' }
    const results = await Promise.all(
      channels.map((channel) => notifier.sendTo(channel.key, notification, abort.signal)),
    )
    const reason = results.flatMap(({ failures }) => failures).join('; ')
    const isSent = results.some((one) => one.isDelivered && one.heldUntilTimeMs === undefined)
    const heldTimes = results.flatMap(({ heldUntilTimeMs: timeMs }) => timeMs ?? [])
    if (isSent || heldTimes.length === 0) return { isSent, reason }
    return { isSent, reason, heldUntilTimeMs: Math.min(...heldTimes) }
  } finally {
    limit.cancel()
  }
}
