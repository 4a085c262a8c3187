/**
 * Slack, by incoming webhook or as an app (chat.postMessage with a token). Keys and defaults are
 * Alertmanager's. Slack answers failures as 4xx with a word, or as HTTP 200 with `{"ok":false}`.
 * Source: alertmanager notify/slack (Apache-2.0), behaviour re-implemented.
 */

import type { HttpReply } from '../../base/http-client.ts'
import { Secret } from '../../base/secret.ts'
import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import {
  type ChannelTools,
  defineChannel,
  type OutgoingMessage,
  renderField,
  renderText,
} from './channel.ts'
import {
  checkSource,
  chooseSecret,
  hasSecret,
  isHttpUrl,
  revealSecret,
  type SecretSource,
  secretTexts,
} from '../secret-source.ts'
import { describeReply, postJson, readAnswer, SendFailure } from '../send-request.ts'

/** Longest texts that are sent. */
const titleLengthMax = 1_024
const textLengthMax = 30_000

const globalShape = {
  slack_api_url: secret('Address of the incoming webhook of Slack.')
    .refine((value) => isHttpUrl(value.reveal()), 'must be an http or https address')
    .optional(),
  slack_api_url_file: text('A file with that address.').optional(),
  slack_app_token: secret('Token of a Slack app, used instead of a webhook.').optional(),
  slack_app_token_file: text('A file with that token.').optional(),
  slack_app_url: textOr(
    'https://slack.com/api/chat.postMessage',
    'Where messages of a Slack app are posted.',
  ).refine(isHttpUrl, 'must be an http or https address'),
}

const globalSchema = z.object(globalShape)

const actionShape = z.strictObject({
  type: text('The kind, such as button.').min(1, 'missing type in Slack action configuration'),
  text: text('What it says, a template.').min(1, 'missing text in Slack action configuration'),
  url: textOr('', 'What it opens, a template.'),
  style: textOr('', 'default, primary or danger.'),
  name: textOr('', 'Its name for an app.'),
  value: textOr('', 'Its value for an app.'),
  confirm: z
    .strictObject({
      text: text('The question, a template.').min(1, 'missing text in Slack confirmation'),
      title: textOr('', 'Its title, a template.'),
      ok_text: textOr('', 'The word for yes.'),
      dismiss_text: textOr('', 'The word for no.'),
    })
    .optional()
    .meta({ description: 'A question before the action.' }),
})

const action = actionShape.refine(
  ({ url, name }) => url !== '' || name !== '',
  'missing name or url in Slack action configuration',
)

const field = z.strictObject({
  title: text('The name, a template.').min(1, 'missing title in Slack field configuration'),
  value: text('The value, a template.').min(1, 'missing value in Slack field configuration'),
  short: z.boolean().optional().meta({ description: 'Whether two of them share a line.' }),
})

const schema = z
  .strictObject({
    send_resolved: flagOr(false, 'Whether to tell when it is over.'),
    api_url: secret('Address of the incoming webhook, instead of the shared one.').optional(),
    api_url_file: text('A file with that address.').optional(),
    app_token: secret('Token of a Slack app, instead of a webhook.').optional(),
    app_token_file: text('A file with that token.').optional(),
    app_url: text('Where messages of the app are posted.').optional(),
    channel: textOr('', 'The channel or person, a template.'),
    username: textOr('{{ template "slack.default.username" . }}', 'Who writes.'),
    color: textOr('{{ template "slack.default.color" . }}', 'Colour of the bar at the side.'),
    title: textOr('{{ template "slack.default.title" . }}', 'The title.'),
    title_link: textOr('{{ template "slack.default.titlelink" . }}', 'What the title opens.'),
    message_text: textOr('', 'Text of the message itself, above its attachment.'),
    pretext: textOr('{{ template "slack.default.pretext" . }}', 'Text above the message.'),
    text: textOr('{{ template "slack.default.text" . }}', 'The message.'),
    fallback: textOr('{{ template "slack.default.fallback" . }}', 'The message as one line.'),
    callback_id: textOr('{{ template "slack.default.callbackid" . }}', 'Name for an app.'),
    footer: textOr('{{ template "slack.default.footer" . }}', 'Text below the message.'),
    icon_emoji: textOr('{{ template "slack.default.iconemoji" . }}', 'The writer as an emoji.'),
    icon_url: textOr('{{ template "slack.default.iconurl" . }}', 'The writer as a picture.'),
    image_url: textOr('', 'A picture below the message.'),
    thumb_url: textOr('', 'A small picture beside the message.'),
    link_names: flagOr(false, 'Whether @name and #channel become links.'),
    short_fields: flagOr(false, 'Whether two fields share a line.'),
    fields: z.array(field).default([]).meta({ description: 'Fields of the message.' }),
    actions: z.array(action).default([]).meta({ description: 'Buttons of the message.' }),
    mrkdwn_in: z
      .array(z.string())
      .default(['fallback', 'pretext', 'text'])
      .meta({ description: 'Parts in which Slack reads its markup.', typeText: 'list' }),
    update_message: flagOr(
      false,
      'Changes the last message about a group instead of writing a new one; for apps only.',
    ),
    interactive: flagOr(
      false,
      'Whether the app sends its buttons to us, so that one press acknowledges.',
    ),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'api_url', context, { isUrl: true })
    checkSource(config, 'app_token', context)
    checkSource(config, 'app_url', context, { isUrl: true })
  })

type SlackSettings = z.output<typeof schema>

/** Slack. */
export const slack = defineChannel({
  kind: 'slack',
  settingsKey: 'slack_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const { url, token } = chooseWay(settings, tools)
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [
        ...secretTexts(url),
        ...(token === undefined ? [] : secretTexts(token)),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const tokenText = token === undefined ? '' : revealSecret(token.value, token.file)
        const post = async (address: string, body: object) => {
          const reply = await postJson({
            url: address,
            headers: tokenText === '' ? {} : { authorization: `Bearer ${tokenText}` },
            body,
            ...reachBy(settings, tools.clock),
          })
          checkSlackAnswer(reply)
          return reply
        }
        const address = revealSecret(url.value, url.file)
        const body = makeBody(settings, message)
        if (!settings.update_message || tokenText === '')
          return describeReply(await post(address, body))
        return describeReply(await changeOrPost(message, { address, body, post }))
      },
    }
  },
})

/** Changes the message that stands, unless it is gone; a group that is over begins anew. */
async function changeOrPost(
  message: OutgoingMessage,
  how: {
    address: string
    body: object
    post: (address: string, body: object) => Promise<HttpReply>
  },
): Promise<HttpReply> {
  const { memory, notification } = message
  const known = (await memory.find()) as { channel: string; ts: string } | undefined
  const isOver = notification.status === 'resolved'
  if (known !== undefined) {
    try {
      const update = how.address.replace(/chat\.postMessage$/, 'chat.update')
      const reply = await how.post(update, { ...how.body, ...known })
      if (isOver) await memory.set(undefined)
      return reply
    } catch (thrown) {
      const isGone =
        thrown instanceof SendFailure &&
        /message_not_found|cant_update|edit_window/.test(thrown.message)
      if (!isGone) throw thrown
    }
  }
  const reply = await how.post(how.address, how.body)
  const { channel, ts } = readAnswer(reply) ?? {}
  const isKnown = typeof channel === 'string' && typeof ts === 'string'
  await memory.set(isKnown && !isOver ? { channel, ts } : undefined)
  return reply
}

/** A webhook's address, or an app's address and token. */
function chooseWay(
  settings: SlackSettings,
  tools: ChannelTools,
): { url: SecretSource; token: SecretSource | undefined } {
  const shared = globalSchema.parse({})
  Object.assign(shared, tools.global)
  const ownUrl = { value: settings.api_url, file: settings.api_url_file }
  const sharedUrl = { value: shared.slack_api_url, file: shared.slack_api_url_file }
  const ownToken = { value: settings.app_token, file: settings.app_token_file }
  const sharedToken = { value: shared.slack_app_token, file: shared.slack_app_token_file }
  const isMixed = hasSecret(sharedToken) && hasSecret(sharedUrl)
  if (isMixed && sharedUrl.value?.reveal() !== shared.slack_app_url)
    throw new Error('at most one of slack_api_url and slack_app_token is allowed')
  const hasAuth = settings.http_config?.authorization !== undefined
  const isApp = hasSecret(ownToken) || (hasSecret(sharedToken) && !hasSecret(ownUrl) && !hasAuth)
  if (isApp) {
    const appUrl = settings.app_url ?? shared.slack_app_url
    return {
      url: { value: new Secret(appUrl), file: undefined },
      token: hasSecret(ownToken) ? ownToken : sharedToken,
    }
  }
  const url = chooseSecret(ownUrl, sharedUrl, {
    missing: 'no global Slack API URL set either inline or in a file',
  })
  return { url, token: undefined }
}

function makeBody(settings: SlackSettings, message: OutgoingMessage): object {
  const write = (template: string): string => renderField(message, template)
  const attachment = {
    title: cutLength(renderText(message, settings.title, 'slack.default.title'), titleLengthMax),
    title_link: write(settings.title_link),
    pretext: write(settings.pretext),
    text: cutLength(renderText(message, settings.text, 'slack.default.text'), textLengthMax),
    fallback: cutLength(
      renderText(message, settings.fallback, 'slack.default.fallback'),
      titleLengthMax,
    ),
    callback_id: write(settings.callback_id),
    image_url: write(settings.image_url) || (message.chart?.url ?? ''),
    thumb_url: write(settings.thumb_url),
    footer: write(settings.footer),
    color: write(settings.color),
    mrkdwn_in: settings.mrkdwn_in,
    fields: settings.fields.map((one) => ({
      title: write(one.title),
      value: write(one.value),
      short: one.short ?? settings.short_fields,
    })),
    actions: [
      ...settings.actions.map((one) => ({
        type: write(one.type),
        text: write(one.text),
        url: write(one.url),
        style: write(one.style),
        name: write(one.name),
        value: write(one.value),
        ...(one.confirm !== undefined && {
          confirm: withoutEmpty({
            text: write(one.confirm.text),
            title: write(one.confirm.title),
            ok_text: write(one.confirm.ok_text),
            dismiss_text: write(one.confirm.dismiss_text),
          }),
        }),
      })),
      ...makeButtons(settings, message),
    ],
  }
  return withoutEmpty({
    channel: write(settings.channel),
    text: write(settings.message_text),
    username: write(settings.username),
    icon_emoji: write(settings.icon_emoji),
    icon_url: write(settings.icon_url),
    link_names: settings.link_names,
    attachments: [withoutEmpty(attachment)],
  })
}

/** Ours stand beside those of the settings; an app that hears its buttons is asked, others open a page. */
function makeButtons(settings: SlackSettings, message: OutgoingMessage): object[] {
  if (settings.actions.length > 0) return []
  const token = message.notification.acknowledge?.token
  return message.actions.map(({ kind, title, url }) => {
    const style = kind === 'acknowledge' ? 'primary' : 'default'
    if (kind === 'acknowledge' && settings.interactive && token !== undefined)
      return { type: 'button', text: title, name: 'acknowledge', value: `ack:${token}`, style }
    return { type: 'button', text: title, url, style }
  })
}

function withoutEmpty(fields: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== '' && value !== false && !(Array.isArray(value) && !value.length),
    ),
  )
}

const tooFast = new Set(['ratelimited', 'rate_limited', 'message_limit_exceeded'])
const busy = new Set(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout'])
const refusedToken = /^(invalid_auth|not_authed|account_inactive|token_revoked|token_expired)$/

/** A webhook answers `ok`, an app answers JSON. */
function checkSlackAnswer(reply: HttpReply): void {
  const answer = readAnswer(reply)
  if (answer === undefined || answer.ok === true) return
  const shown = describeReply(reply)
  const error = String(answer.error)
  if (tooFast.has(error))
    throw new SendFailure(shown, { reason: 'rate-limited', canRetry: true, retryAfterMs: 30_000 })
  if (busy.has(error)) throw new SendFailure(shown, { reason: 'server-error', canRetry: true })
  throw new SendFailure(shown, {
    reason: refusedToken.test(error) ? 'auth' : 'client-error',
    canRetry: false,
  })
}
