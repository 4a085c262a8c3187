/**
 * A gateway of the user's own, for SMS and calls: posted `{"to":…,"text":…}`, with how to take the matter
 * on when that is offered. `gatherUrl` takes the key that was pressed as the form field `Digits`.
 */

import { secret, text, z } from '../../config/schema.ts'
import { checkSource, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson } from '../send-request.ts'
import { connectBy, connectionSecrets, httpConfig } from '../http-config.ts'
import type { PhoneMessage, PhoneTools } from './phone-message.ts'

/** `http` of SMS and calls. */
export const gatewaySchema = z
  .strictObject({
    url: secret('Where {"to":…,"text":…} is posted.').optional(),
    url_file: text('A file with the address.').optional(),
    http_config: httpConfig,
  })
  .superRefine((config, context) => {
    checkSource(config, 'url', context, { isRequired: true, isUrl: true })
  })

type GatewaySettings = z.output<typeof gatewaySchema>

/** Sends one message; throws `SendFailure`. */
export async function sendOverGateway(
  config: GatewaySettings,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const { to, text, acknowledge } = message
  const isOffered = acknowledge !== undefined && acknowledge.acknowledgedBy === ''
  const reply = await postJson({
    url: revealSecret(config.url, config.url_file),
    body: {
      to,
      text,
      ...(isOffered && { acknowledgeUrl: acknowledge.url, gatherUrl: acknowledge.gatewayUrl }),
    },
    timeoutMs: tools.timeoutMs,
    connect:
      config.http_config === undefined ? tools.connect : connectBy(config.http_config, tools.clock),
  })
  return describeReply(reply)
}

/** What must not show of it. */
export function gatewaySecrets(config: GatewaySettings | undefined): string[] {
  return [
    ...secretTexts({ value: config?.url, file: config?.url_file }),
    ...connectionSecrets(config?.http_config),
  ]
}
