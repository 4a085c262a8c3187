/** Voice calls, over Twilio, Alibaba Cloud, Tencent Cloud or a gateway: a short sentence is read aloud, a key acknowledges. */

import { flagOr, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel } from '../http-config.ts'
import { aliyunVoiceSchema, callAliyunVoice } from '../phone/aliyun.ts'
import { numbers, sendToEach } from '../phone/each-number.ts'
import { gatewaySchema, gatewaySecrets, sendOverGateway } from '../phone/gateway.ts'
import { callTencentVoice, tencentVoiceSchema } from '../phone/tencent.ts'
import { callTwilioVoice, twilioSchema } from '../phone/twilio.ts'
import { defineChannel, renderText } from './channel.ts'
import { secretTexts } from '../secret-source.ts'

/** About half a minute of speech; the whole of TwiML may have 4,000 characters. */
const textLengthMax = 500

const schema = z
  .strictObject({
    send_resolved: flagOr(false, 'Whether to tell when it is over.'),
    to: numbers,
    text: textOr('{{ template "voice.default.text" . }}', 'What is said, a template.'),
    twilio: twilioSchema
      .refine(({ from }) => from !== undefined, 'calls need "from"')
      .optional()
      .meta({ description: 'Calls over Twilio.' }),
    aliyun: aliyunVoiceSchema.optional().meta({ description: 'Calls over Alibaba Cloud.' }),
    tencent: tencentVoiceSchema.optional().meta({ description: 'Calls over Tencent Cloud.' }),
    http: gatewaySchema.optional().meta({ description: 'Calls over a gateway of yours.' }),
    ...httpChannel,
  })
  .refine(
    ({ twilio, aliyun, tencent, http }) =>
      [twilio, aliyun, tencent, http].filter((one) => one !== undefined).length === 1,
    'needs exactly one of twilio, aliyun, tencent and http',
  )

/** Voice calls. */
export const voice = defineChannel({
  kind: 'voice',
  settingsKey: 'voice_configs',
  schema,
  make: (settings, tools) => {
    const { twilio, aliyun, tencent, http } = settings
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [
        ...secretTexts({ value: twilio?.auth_token, file: twilio?.auth_token_file }),
        ...secretTexts({ value: aliyun?.access_key_secret, file: aliyun?.access_key_secret_file }),
        ...secretTexts({ value: tencent?.secret_key, file: tencent?.secret_key_file }),
        ...gatewaySecrets(http),
        ...connectionSecrets(settings.http_config),
      ],
      twilioTokens: () => secretTexts({ value: twilio?.auth_token, file: twilio?.auth_token_file }),
      send: (message) =>
        sendToEach(message, {
          to: settings.to,
          text: cutLength(
            renderText(message, settings.text, 'voice.default.text').trim(),
            textLengthMax,
          ),
          timeoutMs: settings.timeout || 10_000,
          tools,
          channel: settings,
          http: settings.http_config,
          send: (one, phoneTools) => {
            if (http !== undefined) return sendOverGateway(http, one, phoneTools)
            if (tencent !== undefined) return callTencentVoice(tencent, one, phoneTools)
            return twilio === undefined
              ? callAliyunVoice(aliyun!, one, phoneTools)
              : callTwilioVoice(twilio, one, phoneTools)
          },
        }),
    }
  },
})
