/**
 * Telegram bot: sendMessage to a chat. Keys and defaults are Alertmanager's. Text is HTML unless set
 * otherwise; one that Telegram cannot read, or that is too long to be cut as HTML, goes out plain.
 * Source: Telegram Bot API, sendMessage; alertmanager notify/telegram (Apache-2.0), behaviour
 * re-implemented.
 */

import { flagOr, numberOr, secret, text, textOr, z } from '../../config/schema.ts'
import { messageOf } from '../../base/error.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { chartsTotal } from '../metrics.ts'
import { makeMultipart } from '../multipart.ts'
import { stripHtml } from '../markup.ts'
import { defineChannel, type OutgoingMessage } from './channel.ts'
import {
  checkSource,
  chooseSecret,
  isHttpUrl,
  revealSecret,
  secretTexts,
} from '../secret-source.ts'
import { describeReply, postJson, readAnswer, SendFailure, sendRequest } from '../send-request.ts'

const textLengthMax = 4_096

const globalShape = {
  telegram_api_url: textOr('https://api.telegram.org', 'Address of the Telegram API.').refine(
    isHttpUrl,
    'must be an http or https address',
  ),
  telegram_bot_token: secret('Token of the Telegram bot.').optional(),
  telegram_bot_token_file: text('A file with that token.').optional(),
}

const globalSchema = z.object(globalShape)

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_url: text('Address of the Telegram API, instead of the shared one.').optional(),
    bot_token: secret('Token of the bot, instead of the shared one.').optional(),
    bot_token_file: text('A file with that token.').optional(),
    chat_id: z
      .union([
        z.number().int(),
        z.string().regex(/^@./, 'must be a number, or the name of a channel such as @ops'),
      ])
      .refine((id) => id !== 0, 'missing chat_id on telegram_config')
      .optional()
      .meta({ description: 'The chat.', typeText: 'number or @name' }),
    chat_id_file: text('A file with the id of the chat.').optional(),
    message_thread_id: numberOr(0, { min: 0, max: 2 ** 53 - 1 }, 'The topic; 0 is none.'),
    message: textOr('{{ template "telegram.default.message" . }}', 'The message, a template.'),
    disable_notifications: flagOr(false, 'Whether it arrives without a sound.'),
    parse_mode: z
      .enum(['HTML', 'MarkdownV2', 'Markdown', ''])
      .default('HTML')
      .meta({ description: 'How Telegram reads the message.', defaultText: 'HTML' }),
    interactive: flagOr(
      false,
      'Whether the bot sends presses of its buttons to us, so that one press acknowledges.',
    ),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'bot_token', context)
    checkSource(config, 'chat_id', context, { isRequired: true })
    checkSource(config, 'api_url', context, { isUrl: true })
  })

/** Telegram. */
export const telegram = defineChannel({
  kind: 'telegram',
  settingsKey: 'telegram_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    const token = chooseSecret(
      { value: settings.bot_token, file: settings.bot_token_file },
      { value: shared.telegram_bot_token, file: shared.telegram_bot_token_file },
      { missing: 'missing bot_token on telegram_config' },
    )
    const api = (settings.api_url ?? shared.telegram_api_url).replace(/\/$/, '')
    const urlOf = (method: string): string => {
      const tokenText = encodeURIComponent(revealSecret(token.value, token.file))
      // The colon of a token stays as it is.
      return `${api}/bot${tokenText.replace('%3A', ':')}/${method}`
    }
    const post = async (body: object): Promise<string> => {
      const reply = await postJson({
        url: urlOf('sendMessage'),
        body,
        ...reachBy(settings, tools.clock),
      })
      if (readAnswer(reply)?.ok === true) return describeReply(reply)
      throw new SendFailure(describeReply(reply), { reason: 'client-error', canRetry: false })
    }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => {
        const texts = secretTexts(token)
        const keys = texts.map((text) => text.slice(text.indexOf(':') + 1))
        return [...texts, ...keys, ...connectionSecrets(settings.http_config)]
      },
      send: async (message) => {
        const isHtml = settings.parse_mode === 'HTML'
        const written = message.render(settings.message, {
          escape: isHtml ? 'html' : 'none',
          fallback: 'telegram.default.message',
        })
        const chat = settings.chat_id ?? revealSecret(undefined, settings.chat_id_file)
        const base = {
          chat_id: /^-?\d{1,15}$/.test(String(chat)) ? Number(chat) : chat,
          ...(settings.message_thread_id > 0
            ? { message_thread_id: settings.message_thread_id }
            : {}),
          disable_notification: settings.disable_notifications,
          link_preview_options: { is_disabled: true },
        }
        const buttons = makeButtons(message, settings.interactive)
        const plain = {
          text: cutLength(isHtml ? stripHtml(written) : written, textLengthMax),
        }
        const marked = { text: written, parse_mode: settings.parse_mode }
        const isPlain = settings.parse_mode === '' || written.length > textLengthMax
        // What Telegram cannot read is left out, first the buttons, then the markup.
        const ways = [
          { ...base, ...(isPlain ? plain : marked), ...buttons },
          { ...base, ...(isPlain ? plain : marked) },
          { ...base, ...plain },
        ]
        const answer = await postFirst(ways, post)
        if (message.chart !== undefined) {
          const file = {
            name: 'photo',
            fileName: 'chart.png',
            type: 'image/png',
            content: message.chart.png,
          }
          const fields: Record<string, string> = { chat_id: String(chat) }
          if (settings.message_thread_id > 0)
            fields.message_thread_id = String(settings.message_thread_id)
          if (settings.disable_notifications) fields.disable_notification = 'true'
          const { body, contentType } = makeMultipart(fields, file)
          // The words have arrived; that the picture did not is said in the ledger, no more.
          const shown = await sendRequest({
            method: 'POST',
            url: urlOf('sendPhoto'),
            headers: { 'content-type': contentType },
            body,
            ...reachBy(settings, tools.clock),
          }).then(
            () => 'with its chart',
            (thrown: unknown) => {
              chartsTotal.inc({ outcome: 'refused' })
              return `without its chart: ${messageOf(thrown)}`
            },
          )
          return `${answer} (${shown})`
        }
        return answer
      },
    }
  },
})

/** Tries one way after the other for as long as Telegram cannot read what it gets. */
async function postFirst(
  ways: readonly object[],
  post: (body: object) => Promise<string>,
): Promise<string> {
  for (const [index, body] of ways.entries()) {
    try {
      return await post(body)
    } catch (thrown) {
      const isLast = index === ways.length - 1
      const refused = thrown instanceof SendFailure && !isLast ? thrown.message : ''
      if (/can't parse entities/.test(refused)) return post(ways.at(-1)!)
      if (!/BUTTON_|inline keyboard|reply markup/i.test(refused)) throw thrown
    }
  }
  throw new Error('BUG: the last way answers or throws')
}

/** A keyboard below the message; empty when there is nothing to do. */
function makeButtons(message: OutgoingMessage, isInteractive: boolean): object {
  if (message.actions.length === 0) return {}
  const token = message.notification.acknowledge?.token
  const row = message.actions.map(({ kind, title, url }) =>
    kind === 'acknowledge' && isInteractive && token !== undefined
      ? { text: title, callback_data: `ack:${token}` }
      : { text: title, url },
  )
  return { reply_markup: { inline_keyboard: [row] } }
}
