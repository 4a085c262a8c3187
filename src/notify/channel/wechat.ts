/**
 * WeCom (WeChat Work) as an application that writes to people: Alertmanager's `wechat_configs`. A token
 * is fetched with the secret, kept until shortly before it ends, and fetched anew when it is refused.
 * Answers are HTTP 200 with `errcode`.
 * Source: alertmanager notify/wechat (Apache-2.0), behaviour re-implemented; WeCom developer
 * documentation, "send application messages".
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { AccessToken } from '../access-token.ts'
import { cutBytes } from '../cut-text.ts'
import { connectBy, connectionSecrets, httpChannel } from '../http-config.ts'
import { defineChannel, renderField, renderText } from './channel.ts'
import {
  checkSource,
  chooseSecret,
  isHttpUrl,
  revealSecret,
  secretTexts,
} from '../secret-source.ts'
import {
  type AnswerCodes,
  checkAnswer,
  describeReply,
  postJson,
  readAnswer,
  readGivenToken,
  sendRequest,
} from '../send-request.ts'

const messageBytesMax = 2_048
const refusedTokenCodes = new Set([40_001, 40_014, 42_001])
const codes: AnswerCodes = {
  fields: ['errcode'],
  success: 0,
  tooFast: [45_009, 45_033],
  busy: [-1],
  auth: [40_001, 40_013, 40_014, 42_001, 60_020],
}

const globalShape = {
  wechat_api_url: textOr(
    'https://qyapi.weixin.qq.com/cgi-bin/',
    'Address of the WeCom API.',
  ).refine(isHttpUrl, 'must be an http or https address'),
  wechat_api_secret: secret('Secret of the WeCom application.').optional(),
  wechat_api_secret_file: text('A file with that secret.').optional(),
  wechat_api_corp_id: text('The id of the company at WeCom.').optional(),
}

const globalSchema = z.object(globalShape)

const schema = z
  .strictObject({
    send_resolved: flagOr(false, 'Whether to tell when it is over.'),
    api_secret: secret('Secret of the application, instead of the shared one.').optional(),
    api_secret_file: text('A file with that secret.').optional(),
    api_url: text('Address of the WeCom API, instead of the shared one.').optional(),
    corp_id: text('The id of the company, instead of the shared one.').optional(),
    message: textOr('{{ template "wechat.default.message" . }}', 'The message, a template.'),
    message_type: z
      .enum(['text', 'markdown', ''])
      .transform((type) => type || 'text')
      .default('text')
      .meta({ description: 'How the message is read.', defaultText: 'text' }),
    agent_id: textOr('{{ template "wechat.default.agent_id" . }}', 'Id of the application.'),
    to_user: textOr('{{ template "wechat.default.to_user" . }}', 'People, separated by |.'),
    to_party: textOr('{{ template "wechat.default.to_party" . }}', 'Departments.'),
    to_tag: textOr('{{ template "wechat.default.to_tag" . }}', 'Tags.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'api_secret', context)
    checkSource(config, 'api_url', context, { isUrl: true })
  })

/** WeCom applications. */
export const wechat = defineChannel({
  kind: 'wechat',
  settingsKey: 'wechat_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    const apiSecret = chooseSecret(
      { value: settings.api_secret, file: settings.api_secret_file },
      { value: shared.wechat_api_secret, file: shared.wechat_api_secret_file },
      { missing: 'no global Wechat Api Secret set' },
    )
    const corpId = settings.corp_id || shared.wechat_api_corp_id
    if (!corpId) throw new Error('no global Wechat CorpID set')
    const api = (settings.api_url ?? shared.wechat_api_url).replace(/\/?$/, '/')
    const timeoutMs = settings.timeout || 10_000
    const connect = connectBy(settings.http_config, tools.clock)
    const token = new AccessToken(tools.clock, async () => {
      const url = new URL('gettoken', api)
      url.searchParams.set('corpid', corpId)
      url.searchParams.set('corpsecret', revealSecret(apiSecret.value, apiSecret.file))
      const reply = await sendRequest({ url: url.href, timeoutMs, connect })
      checkAnswer(reply, codes)
      return readGivenToken(reply)
    })

    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [
        ...secretTexts(apiSecret),
        token.shown(),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const content = cutBytes(
          renderText(message, settings.message, 'wechat.default.message'),
          messageBytesMax,
        )
        const agentId = renderField(message, settings.agent_id).trim()
        const body = {
          touser: renderField(message, settings.to_user).trim(),
          toparty: renderField(message, settings.to_party).trim(),
          totag: renderField(message, settings.to_tag).trim(),
          agentid: /^\d{1,15}$/.test(agentId) ? Number(agentId) : agentId,
          msgtype: settings.message_type,
          [settings.message_type]: { content },
          safe: 0,
        }
        const reply = await token.use(
          (tokenText) => {
            const url = new URL('message/send', api)
            url.searchParams.set('access_token', tokenText)
            return postJson({ url: url.href, body, timeoutMs, connect })
          },
          (answer) => refusedTokenCodes.has(Number(readAnswer(answer)?.errcode)),
        )
        checkAnswer(reply, codes)
        return describeReply(reply)
      },
    }
  },
})
