/**
 * SMS, over Twilio, Alibaba Cloud, Tencent Cloud or any gateway that takes JSON (`{"to":…,"text":…}`).
 * Every number is a message of its own, so that one wrong number does not keep the others from hearing.
 */

import { flagOr, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel } from '../http-config.ts'
import { aliyunSmsSchema, sendAliyunSms } from '../phone/aliyun.ts'
import { gatewaySchema, gatewaySecrets, sendOverGateway } from '../phone/gateway.ts'
import { numbers, sendToEach } from '../phone/each-number.ts'
import type { PhoneMessage, PhoneTools } from '../phone/phone-message.ts'
import { sendTencentSms, tencentSmsSchema } from '../phone/tencent.ts'
import { sendTwilioSms, twilioSchema } from '../phone/twilio.ts'
import { defineChannel, renderText } from './channel.ts'
import { secretTexts } from '../secret-source.ts'

/** What Twilio takes; ten parts of a long message. */
const textLengthMax = 1_600

const schema = z
  .strictObject({
    send_resolved: flagOr(false, 'Whether to tell when it is over.'),
    to: numbers,
    text: textOr('{{ template "sms.default.text" . }}', 'The message, a template.'),
    twilio: twilioSchema.optional().meta({ description: 'Sends over Twilio.' }),
    aliyun: aliyunSmsSchema.optional().meta({ description: 'Sends over Alibaba Cloud.' }),
    tencent: tencentSmsSchema.optional().meta({ description: 'Sends over Tencent Cloud.' }),
    http: gatewaySchema.optional().meta({ description: 'Sends over a gateway of yours.' }),
    ...httpChannel,
  })
  .refine(
    ({ twilio, aliyun, tencent, http }) =>
      [twilio, aliyun, tencent, http].filter((one) => one !== undefined).length === 1,
    'needs exactly one of twilio, aliyun, tencent and http',
  )

type SmsSettings = z.output<typeof schema>

/** SMS. */
export const sms = defineChannel({
  kind: 'sms',
  settingsKey: 'sms_configs',
  schema,
  make: (settings, tools) => ({
    sendsResolved: settings.send_resolved,
    secrets: () => [...secretsOf(settings), ...connectionSecrets(settings.http_config)],
    twilioTokens: () => {
      const { twilio } = settings
      return secretTexts({ value: twilio?.auth_token, file: twilio?.auth_token_file })
    },
    send: (message) =>
      sendToEach(message, {
        to: settings.to,
        text: cutLength(
          renderText(message, settings.text, 'sms.default.text').trim(),
          textLengthMax,
        ),
        timeoutMs: settings.timeout || 10_000,
        tools,
        channel: settings,
        http: settings.http_config,
        send: (one, phoneTools) => sendOne(settings, one, phoneTools),
      }),
  }),
})

async function sendOne(
  settings: SmsSettings,
  message: PhoneMessage,
  tools: PhoneTools,
): Promise<string> {
  const { twilio, aliyun, tencent, http } = settings
  if (twilio !== undefined) return sendTwilioSms(twilio, message, tools)
  if (aliyun !== undefined) return sendAliyunSms(aliyun, message, tools)
  if (tencent !== undefined) return sendTencentSms(tencent, message, tools)
  return sendOverGateway(http!, message, tools)
}

function secretsOf({ twilio, aliyun, tencent, http }: SmsSettings): string[] {
  return [
    ...secretTexts({ value: twilio?.auth_token, file: twilio?.auth_token_file }),
    ...secretTexts({ value: aliyun?.access_key_secret, file: aliyun?.access_key_secret_file }),
    ...secretTexts({ value: tencent?.secret_key, file: tencent?.secret_key_file }),
    ...gatewaySecrets(http),
  ]
}
