/**
 * A robot of a chat group, as DingTalk, Feishu and WeCom have them: an address with a key in it, perhaps a secret
 * that signs, and so few messages a minute that those in between are merged (merge-queue.ts).
 */

import type { Channel, ChannelTools, OutgoingMessage } from './channel/channel.ts'
import { connectionSecrets, type HttpConfig } from './http-config.ts'
import { MergeQueue, type RobotText } from './merge-queue.ts'
import { revealSecret, type SecretSource, secretTexts } from './secret-source.ts'
import type { Limit } from './token-bucket.ts'

/** What makes a robot. */
interface RobotParts {
  kind: string
  settings: { send_resolved: boolean; http_config?: HttpConfig | undefined }
  tools: ChannelTools
  /** Robots with the same address share their messages a minute. */
  address: SecretSource
  /** What signs. */
  key?: SecretSource
  limits: readonly Limit[]
  /** What the service takes as a text. */
  textBytesMax: number
  takesChart: boolean
  write(message: OutgoingMessage): Pick<RobotText, 'title' | 'text'>
  /** Sends one message, which may be several merged; answers what the service said. */
  post(text: RobotText): Promise<string>
}

/** Makes the channel of a robot. */
export function makeRobot(parts: RobotParts): Channel {
  const { kind, settings, tools, address, key } = parts
  const queue = new MergeQueue(
    {
      clock: tools.clock,
      buckets: tools.buckets,
      kind,
      key: () => `${kind} ${revealSecret(address.value, address.file)}`,
      limits: parts.limits,
      textBytesMax: parts.textBytesMax,
    },
    (text) => parts.post(text),
  )
  return {
    sendsResolved: settings.send_resolved,
    takesChart: parts.takesChart,
    secrets: () => [
      ...secretTexts(address),
      ...(key === undefined ? [] : secretTexts(key)),
      ...connectionSecrets(settings.http_config),
    ],
    send: (message) => {
      const { words, actions, notification } = message
      const { status } = notification
      return queue.send({ ...parts.write(message), status, words, actions }, message.signal)
    },
  }
}
