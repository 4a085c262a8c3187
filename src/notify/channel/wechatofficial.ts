/**
 * WeChat official account: a template message to followers. A token is fetched with the account's secret
 * and fetched anew when it is refused. Answers are HTTP 200 with `errcode`.
 * Source: WeChat official account documentation, "template messages", "get access token".
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { AccessToken } from '../access-token.ts'
import { cutLength } from '../cut-text.ts'
import { connectBy, connectionSecrets, httpChannel } from '../http-config.ts'
import { sendToEach } from '../phone/each-number.ts'
import { defineChannel, renderField } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import {
  type AnswerCodes,
  checkAnswer,
  describeReply,
  postJson,
  readAnswer,
  readGivenToken,
  sendRequest,
} from '../send-request.ts'

const valueLengthMax = 200
const refusedTokenCodes = new Set([40_001, 40_014, 42_001])
const codes: AnswerCodes = {
  fields: ['errcode'],
  success: 0,
  tooFast: [45_009, 45_011],
  busy: [-1],
  auth: [40_001, 40_013, 40_014, 40_125, 40_164, 42_001, 48_001],
}

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_url: textOr('https://api.weixin.qq.com/', 'Address of the WeChat API.').refine(
      isHttpUrl,
      'must be an http or https address',
    ),
    app_id: text('Id of the official account.'),
    app_secret: secret('Secret of the official account.').optional(),
    app_secret_file: text('A file with the secret.').optional(),
    template_id: text('Id of the template that the account has chosen.'),
    to_users: z
      .array(z.string().min(1))
      .min(1, 'needs at least one follower')
      .max(100)
      .meta({ description: 'OpenIDs of followers.', typeText: 'list' }),
    data: z
      .record(z.string(), z.string())
      .default({
        first: '{{ template "__subject" . }}',
        keyword1: '{{ .CommonLabels.alertname }}',
        keyword2: '{{ with index .Alerts 0 }}{{ .Since }}{{ end }}',
        remark: '{{ .CommonAnnotations.summary }}',
      })
      .meta({ description: 'Values of the template, each a template.', typeText: 'mapping' }),
    url: textOr('{{ or .Acknowledge.Url .Incident.Url .ExternalURL }}', 'What a tap opens.'),
    value_length_max: z
      .number()
      .int()
      .min(5)
      .max(valueLengthMax)
      .default(valueLengthMax)
      .meta({
        description: 'Most characters of a value; newer templates take 20.',
        defaultText: String(valueLengthMax),
        typeText: 'number',
      }),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'app_secret', context, { isRequired: true })
  })

/** WeChat official accounts. */
export const wechatofficial = defineChannel({
  kind: 'wechatofficial',
  settingsKey: 'wechatofficial_configs',
  schema,
  make: (settings, tools) => {
    const appSecret = { value: settings.app_secret, file: settings.app_secret_file }
    const api = settings.api_url.replace(/\/?$/, '/')
    const timeoutMs = settings.timeout || 10_000
    const connect = connectBy(settings.http_config, tools.clock)
    const token = new AccessToken(tools.clock, async () => {
      const url = new URL('cgi-bin/token', api)
      url.searchParams.set('grant_type', 'client_credential')
      url.searchParams.set('appid', settings.app_id)
      url.searchParams.set('secret', revealSecret(appSecret.value, appSecret.file))
      const reply = await sendRequest({ url: url.href, timeoutMs, connect })
      // A token comes without errcode.
      if (readAnswer(reply)?.access_token === undefined) checkAnswer(reply, codes)
      return readGivenToken(reply)
    })
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [
        ...secretTexts(appSecret),
        token.shown(),
        ...connectionSecrets(settings.http_config),
      ],
      send: (message) => {
        const data = Object.entries(settings.data).map(([name, template]) => {
          const value = renderField(message, template).replace(/\s+/g, ' ').trim()
          return [name, { value: cutLength(value, settings.value_length_max) }] as const
        })
        const body = {
          template_id: settings.template_id,
          url: renderField(message, settings.url).trim(),
          data: Object.fromEntries(data),
        }
        return sendToEach(message, {
          to: settings.to_users,
          text: '',
          timeoutMs,
          tools,
          channel: settings,
          http: settings.http_config,
          send: async ({ to }) => {
            const reply = await token.use(
              (tokenText) => {
                const url = new URL('cgi-bin/message/template/send', api)
                url.searchParams.set('access_token', tokenText)
                return postJson({
                  url: url.href,
                  body: { touser: to, ...body },
                  timeoutMs,
                  connect,
                })
              },
              (answer) => refusedTokenCodes.has(Number(readAnswer(answer)?.errcode)),
            )
            checkAnswer(reply, codes)
            return describeReply(reply)
          },
        })
      },
    }
  },
})
