/**
 * ServerChan: a push message to WeChat (keys that begin with SCT) or to its own app (sctp). Answers carry
 * `code`. Source: ServerChan documentation, "send messages".
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutBytes, cutLength } from '../cut-text.ts'
import { defineChannel, renderText } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import { checkAnswer, describeReply, postJson } from '../send-request.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'

const titleLengthMax = 32
const textBytesMax = 32_000

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    send_key: secret('The key.').optional(),
    send_key_file: text('A file with the key.').optional(),
    url: text('Address of the server; found by the key unless given.')
      .refine(isHttpUrl, 'must be an http or https address')
      .optional(),
    title: textOr('{{ template "push.default.title" . }}', 'The title, a template.'),
    message: textOr('{{ template "serverchan.default.text" . }}', 'The message, a template.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'send_key', context, { isRequired: true })
  })

/** ServerChan. */
export const serverchan = defineChannel({
  kind: 'serverchan',
  settingsKey: 'serverchan_configs',
  schema,
  make: (settings, tools) => {
    const key = { value: settings.send_key, file: settings.send_key_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(key), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const title = renderText(message, settings.title, 'push.default.title')
        const body = renderText(message, settings.message, 'serverchan.default.text')
        const reply = await postJson({
          url: addressOf(settings.url, revealSecret(key.value, key.file)),
          body: {
            title: cutLength(title.replace(/\s+/g, ' '), titleLengthMax),
            desp: cutBytes(body, textBytesMax),
          },
          ...reachBy(settings, tools.clock),
        })
        checkAnswer(reply, { fields: ['code', 'errno'], success: 0, auth: [40_001] })
        return describeReply(reply)
      },
    }
  },
})

function addressOf(url: string | undefined, key: string): string {
  const encoded = encodeURIComponent(key)
  if (url !== undefined) return `${url.replace(/\/$/, '')}/${encoded}.send`
  const user = /^sctp(\d+)t/.exec(key)?.[1]
  return user === undefined
    ? `https://sctapi.ftqq.com/${encoded}.send`
    : `https://${user}.push.ft07.com/send/${encoded}.send`
}
