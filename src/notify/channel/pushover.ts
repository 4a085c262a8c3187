/**
 * Pushover. Keys and defaults are Alertmanager's; what fires has priority 2, which repeats until someone
 * acknowledges it or it expires.
 * Source: Pushover API; alertmanager notify/pushover (Apache-2.0), behaviour re-implemented.
 */

import { durationOr, flagOr, secret, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, renderField, renderText } from './channel.ts'
import { checkSource, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import { checkAnswer, describeReply, postForm } from '../send-request.ts'

const titleLengthMax = 250
const messageLengthMax = 1_024
const urlLengthMax = 512

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    user_key: secret('Key of the user or group.').optional(),
    user_key_file: text('A file with that key.').optional(),
    token: secret('Token of the application.').optional(),
    token_file: text('A file with that token.').optional(),
    api_url: textOr(
      'https://api.pushover.net/1/messages.json',
      'Where messages are posted.',
    ).refine(isHttpUrl, 'must be an http or https address'),
    title: textOr('{{ template "pushover.default.title" . }}', 'The title, a template.'),
    message: textOr('{{ template "pushover.default.message" . }}', 'The message, a template.'),
    url: textOr('{{ template "pushover.default.url" . }}', 'What the message opens.'),
    url_title: textOr('', 'What the link says.'),
    device: textOr('', 'One device only.'),
    sound: textOr('', 'The sound.'),
    priority: textOr('{{ if eq .Status "firing" }}2{{ else }}0{{ end }}', 'From -2 to 2.'),
    retry: durationOr('1m', 'How often a message of priority 2 repeats.'),
    expire: durationOr('1h', 'How long a message of priority 2 repeats.'),
    ttl: durationOr('0s', 'When a message goes away; 0 is never.'),
    html: flagOr(false, 'Whether the message is HTML.'),
    monospace: flagOr(false, 'Whether the message is set in a fixed width.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'user_key', context, { isRequired: true })
    checkSource(config, 'token', context, { isRequired: true })
    if (config.html && config.monospace)
      context.addIssue({ code: 'custom', message: 'either html or monospace, not both' })
  })

/** Pushover. */
export const pushover = defineChannel({
  kind: 'pushover',
  settingsKey: 'pushover_configs',
  schema,
  make: (settings, tools) => {
    const user = { value: settings.user_key, file: settings.user_key_file }
    const token = { value: settings.token, file: settings.token_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [
        ...secretTexts(user),
        ...secretTexts(token),
        ...connectionSecrets(settings.http_config),
      ],
      send: async (message) => {
        const write = (template: string): string => renderField(message, template).trim()
        const title = renderText(message, settings.title, 'pushover.default.title')
        const body = message.render(settings.message, {
          escape: settings.html ? 'html' : 'none',
          fallback: 'pushover.default.message',
        })
        const form: Record<string, string> = {
          token: revealSecret(token.value, token.file),
          user: revealSecret(user.value, user.file),
          title: cutLength(title, titleLengthMax),
          // An empty message is refused.
          message: cutLength(body.trim(), messageLengthMax) || '(no details)',
          url: write(settings.url).slice(0, urlLengthMax),
          url_title: write(settings.url_title),
          device: write(settings.device),
          sound: write(settings.sound),
          priority: write(settings.priority),
          retry: String(settings.retry / 1_000),
          expire: String(settings.expire / 1_000),
          ttl: settings.ttl > 0 ? String(settings.ttl / 1_000) : '',
          html: settings.html ? '1' : '',
          monospace: settings.monospace ? '1' : '',
        }
        if (message.chart !== undefined) {
          form.attachment_base64 = message.chart.png.toString('base64')
          form.attachment_type = 'image/png'
        }
        for (const name of Object.keys(form)) if (form[name] === '') delete form[name]
        const reply = await postForm({
          url: settings.api_url,
          form,
          ...reachBy(settings, tools.clock),
        })
        checkAnswer(reply, { fields: ['status'], success: 1 })
        return describeReply(reply)
      },
    }
  },
})
