/**
 * Mattermost by incoming webhook. Keys and defaults are Alertmanager's. Without `attachments` of one's own
 * the message is one attachment made of the keys beside it.
 * Source: Mattermost developer documentation, "incoming webhooks" and "message attachments";
 * alertmanager notify/mattermost (Apache-2.0), behaviour re-implemented.
 */

import { flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, type OutgoingMessage, renderField, renderText } from './channel.ts'
import {
  checkSource,
  chooseSecret,
  isHttpUrl,
  revealSecret,
  secretTexts,
} from '../secret-source.ts'
import { describeReply, postJson } from '../send-request.ts'

/** What a post may have; an attachment counts to it. */
const textLengthMax = 14_000
const titleLengthMax = 1_024

const globalShape = {
  mattermost_webhook_url: secret('Address of the incoming webhook of Mattermost.')
    .refine((value) => isHttpUrl(value.reveal()), 'must be an http or https address')
    .optional(),
  mattermost_webhook_url_file: text('A file with that address.').optional(),
}

const globalSchema = z.object(globalShape)

const field = z.strictObject({
  title: text('The name, a template.').min(1, 'missing title in Mattermost field configuration'),
  value: text('The value, a template.').min(1, 'missing value in Mattermost field configuration'),
  short: z.boolean().optional().meta({ description: 'Whether two of them share a line.' }),
})

const attachmentShape = {
  fallback: textOr('', 'The message as one line.'),
  color: textOr('', 'Colour of the bar at the side.'),
  pretext: textOr('', 'Text above the message.'),
  text: textOr('', 'The message.'),
  author_name: textOr('', 'Who is named as its author.'),
  author_link: textOr('', 'What the name of the author opens.'),
  author_icon: textOr('', 'A picture of the author.'),
  title: textOr('', 'The title.'),
  title_link: textOr('', 'What the title opens.'),
  fields: z.array(field).default([]).meta({ description: 'Fields of the message.' }),
  thumb_url: textOr('', 'A small picture beside the message.'),
  footer: textOr('', 'Text below the message.'),
  footer_icon: textOr('', 'A picture beside the footer.'),
  image_url: textOr('', 'A picture below the message.'),
}

const attachmentSchema = z.strictObject(attachmentShape)

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    webhook_url: secret('Address of the incoming webhook, instead of the shared one.').optional(),
    webhook_url_file: text('A file with that address.').optional(),
    channel: textOr('', 'The channel or person, a template.'),
    username: textOr('{{ template "mattermost.default.username" . }}', 'Who writes.'),
    ...attachmentShape,
    color: textOr('{{ template "mattermost.default.color" . }}', 'Colour of the bar at the side.'),
    title: textOr('{{ template "mattermost.default.title" . }}', 'The title.'),
    title_link: textOr('{{ template "mattermost.default.titlelink" . }}', 'What the title opens.'),
    text: textOr('{{ template "mattermost.default.text" . }}', 'The message.'),
    fallback: textOr('{{ template "mattermost.default.fallback" . }}', 'The message as one line.'),
    icon_url: textOr('', 'The writer as a picture.'),
    icon_emoji: textOr('', 'The writer as an emoji.'),
    type: textOr('', 'The type of the post, such as custom_alert.'),
    attachments: z
      .array(attachmentSchema)
      .default([])
      .meta({ description: 'Attachments instead of the one made of the keys here.' }),
    props: z
      .strictObject({ card: textOr('', 'Text of the card at the side, a template.') })
      .optional()
      .meta({ description: 'Further properties of the post.' }),
    priority: z
      .strictObject({
        priority: textOr('', 'standard, important or urgent; a template.'),
        requested_ack: flagOr(false, 'Asks the readers to acknowledge.'),
        persistent_notifications: flagOr(false, 'Notifies again until somebody reads it.'),
      })
      .optional()
      .meta({ description: 'How urgent the post is.' }),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'webhook_url', context, { isUrl: true })
  })

type MattermostSettings = z.output<typeof schema>

/** Mattermost. */
export const mattermost = defineChannel({
  kind: 'mattermost',
  settingsKey: 'mattermost_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    const url = chooseSecret(
      { value: settings.webhook_url, file: settings.webhook_url_file },
      { value: shared.mattermost_webhook_url, file: shared.mattermost_webhook_url_file },
      {
        missing: 'no global Mattermost Webhook URL set either inline or in a file',
      },
    )
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(url), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const reply = await postJson({
          url: revealSecret(url.value, url.file),
          body: makeBody(settings, message),
          ...reachBy(settings, tools.clock),
        })
        return describeReply(reply)
      },
    }
  },
})

function makeBody(settings: MattermostSettings, message: OutgoingMessage): object {
  const write = (template: string): string => renderField(message, template)
  const { props, priority } = settings
  const level = priority === undefined ? '' : write(priority.priority).trim()
  const given = settings.attachments
  const attachments =
    given.length === 0 ? [makeOwn(settings, message)] : given.map((one) => writeOne(one, message))
  return withoutEmpty({
    channel: write(settings.channel),
    username: write(settings.username),
    icon_url: write(settings.icon_url),
    icon_emoji: write(settings.icon_emoji),
    type: write(settings.type),
    props: props === undefined ? '' : { card: write(props.card) },
    priority:
      priority === undefined || level === '' || level === 'standard'
        ? ''
        : {
            priority: level,
            requested_ack: priority.requested_ack,
            persistent_notifications: priority.persistent_notifications,
          },
    attachments,
  })
}

/** The attachment made of the settings; a title or text that fails is ours. */
function makeOwn(settings: MattermostSettings, message: OutgoingMessage): object {
  const body = renderText(message, settings.text, 'mattermost.default.text')
  const links = message.actions.map(({ title, url }) => `[${title}](${url})`).join(' · ')
  const end = links === '' ? '' : `\n${links}`
  return {
    ...writeOne(settings, message),
    title: cutLength(
      renderText(message, settings.title, 'mattermost.default.title'),
      titleLengthMax,
    ),
    text: `${cutLength(body, textLengthMax - end.length)}${end}`,
    ...(settings.image_url === '' &&
      message.chart !== undefined && { image_url: message.chart.url }),
  }
}

function writeOne(one: z.output<typeof attachmentSchema>, message: OutgoingMessage): object {
  const write = (template: string): string => renderField(message, template)
  return withoutEmpty({
    fallback: cutLength(write(one.fallback), titleLengthMax),
    color: write(one.color),
    pretext: write(one.pretext),
    text: cutLength(write(one.text), textLengthMax),
    author_name: write(one.author_name),
    author_link: write(one.author_link),
    author_icon: write(one.author_icon),
    title: cutLength(write(one.title), titleLengthMax),
    title_link: write(one.title_link),
    fields: one.fields.map((field) => ({
      title: write(field.title),
      value: write(field.value),
      short: field.short ?? false,
    })),
    thumb_url: write(one.thumb_url),
    footer: write(one.footer),
    footer_icon: write(one.footer_icon),
    image_url: write(one.image_url),
  })
}

function withoutEmpty(fields: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  )
}
