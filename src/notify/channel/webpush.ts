/**
 * Pushes to browsers and phones that agreed to them in our pages, without a service of ours or another's
 * in between but the browser's own. A browser that has gone is forgotten.
 * Source: RFC 8030 (web push), RFC 8291, RFC 8292.
 */

import { Secret } from '../../base/secret.ts'
import { durationOr, flagOr, textOr, z } from '../../config/schema.ts'
import type { PushSubscriptionRecord } from '../../store/store.ts'
import { cutBytes } from '../cut-text.ts'
import { connectBy, connectionSecrets, httpChannel } from '../http-config.ts'
import { sendToEach } from '../phone/each-number.ts'
import { encryptPush, pushBytesMax, signVapid } from '../push-crypto.ts'
import { defineChannel, hashGroupKey, type OutgoingMessage, renderText } from './channel.ts'
import { secretTexts } from '../secret-source.ts'
import { describeReply, SendFailure, sendRequest } from '../send-request.ts'

const titleBytesMax = 200
const textBytesMax = 2_500

const schema = z.strictObject({
  send_resolved: flagOr(true, 'Whether to tell when it is over.'),
  users: z.array(z.string()).optional().meta({
    description: 'Users whose browsers are told; all browsers when absent.',
    typeText: 'list of names',
  }),
  title: textOr('{{ template "push.default.title" . }}', 'The title, a template.'),
  text: textOr('{{ template "push.default.text" . }}', 'The message, a template.'),
  subject: textOr(
    'mailto:shipwatch@localhost',
    'Whom push services ask when something is wrong, as mailto: or https:.',
  ),
  keep: durationOr('1d', 'How long the push service keeps it for a browser that is off.'),
  ...httpChannel,
})

/** Web push. */
export const webpush = defineChannel({
  kind: 'webpush',
  settingsKey: 'webpush_configs',
  schema,
  make: (settings, tools) => {
    let secrets: string[] = []
    const push = async (
      body: string,
      target: PushSubscriptionRecord,
      message: OutgoingMessage,
    ): Promise<string> => {
      const { endpoint } = target
      const { subject } = settings
      const nowTimeMs = tools.clock.nowTimeMs()
      const isGone = (status: number): boolean => status === 404 || status === 410
      const reply = await sendRequest(
        {
          method: 'POST',
          url: endpoint,
          headers: {
            authorization: signVapid(await tools.pushes.keys(), { endpoint, subject, nowTimeMs }),
            'content-type': 'application/octet-stream',
            'content-encoding': 'aes128gcm',
            ttl: String(Math.round(settings.keep / 1_000)),
            urgency: message.notification.status === 'firing' ? 'high' : 'normal',
            // A later message about the group takes the place of one that waits.
            topic: hashGroupKey(message.notification).slice(0, 32),
          },
          body: encryptPush(body, target),
          timeoutMs: settings.timeout || 10_000,
          connect: async (url) => {
            const connection = await connectBy(settings.http_config, tools.clock)(url)
            // Whoever registers a browser names its address.
            const isPublicOnly = !tools.pushes.isPrivateAllowed()
            return { ...connection, transport: { ...connection.transport, isPublicOnly } }
          },
        },
        (answer) => {
          if (!isGone(answer.status)) return undefined
          const shown = `${target.label} of ${target.owner} takes no pushes any more`
          return new SendFailure(shown, { reason: 'client-error', canRetry: false })
        },
      ).catch(async (thrown: unknown) => {
        const isOver = thrown instanceof SendFailure && /takes no pushes/.test(thrown.message)
        if (isOver) await tools.pushes.remove(endpoint)
        throw thrown
      })
      return describeReply(reply)
    }
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [...secrets, ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const targets = new Map(
          (await tools.pushes.list(settings.users)).map((one) => [one.endpoint, one]),
        )
        // An endpoint is the right to push to it.
        secrets = [...targets.keys()].flatMap((url) =>
          secretTexts({ value: new Secret(url), file: undefined }),
        )
        if (targets.size === 0) {
          const message = 'no browser takes pushes'
          throw new SendFailure(message, { reason: 'client-error', canRetry: false })
        }
        const text = makeBody(settings, message)
        return sendToEach(message, {
          to: [...targets.keys()],
          text,
          timeoutMs: settings.timeout || 10_000,
          tools,
          channel: settings,
          http: settings.http_config,
          isOneEnough: true,
          send: ({ to }) => push(text, targets.get(to)!, message),
        })
      },
    }
  },
})

/** What the service worker of our pages shows. */
function makeBody(settings: z.output<typeof schema>, message: OutgoingMessage): string {
  const { notification } = message
  const title = renderText(message, settings.title, 'push.default.title')
  const text = renderText(message, settings.text, 'push.default.text').trim()
  const make = (room: number): string =>
    JSON.stringify({
      title: cutBytes(title, titleBytesMax),
      body: cutBytes(text, room),
      status: notification.status,
      tag: hashGroupKey(notification).slice(0, 32),
      url: notification.background?.url ?? `${notification.externalUrl}/alerts`,
      actions: message.actions.map(({ kind, title: name, url }) => ({ kind, title: name, url })),
    })
  // Line breaks and quotes take two bytes in JSON.
  const full = make(textBytesMax)
  return Buffer.byteLength(full) <= pushBytesMax ? full : make(textBytesMax / 2 - 400)
}
