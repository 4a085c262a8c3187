/**
 * VictorOps, now Splunk On-Call: one incident there for one group here. Keys and defaults are
 * Alertmanager's; the key is part of the address.
 * Source: Splunk On-Call REST endpoint; alertmanager notify/victorops (Apache-2.0), behaviour
 * re-implemented.
 */

import { flagOr, labelMap, secret, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import { defineChannel, hashGroupKey, renderField, renderText } from './channel.ts'
import {
  checkSource,
  chooseSecret,
  isHttpUrl,
  revealSecret,
  secretTexts,
} from '../secret-source.ts'
import { describeReply, postJson, readAnswer, SendFailure } from '../send-request.ts'

const messageLengthMax = 20_480
const ownFields = new Set([
  'routing_key',
  'entity_state',
  'message_type',
  'entity_id',
  'entity_display_name',
  'state_message',
  'monitoring_tool',
])

const globalShape = {
  victorops_api_url: textOr(
    'https://alert.victorops.com/integrations/generic/20131114/alert/',
    'Address of the VictorOps API.',
  ).refine(isHttpUrl, 'must be an http or https address'),
  victorops_api_key: secret('Key of the VictorOps API.').optional(),
  victorops_api_key_file: text('A file with that key.').optional(),
}

const globalSchema = z.object(globalShape)

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_key: secret('Key of the API, instead of the shared one.').optional(),
    api_key_file: text('A file with that key.').optional(),
    api_url: text('Address of the API, instead of the shared one.').optional(),
    routing_key: text('Who is told, a template.').min(1, 'missing Routing key in VictorOps config'),
    message_type: textOr('CRITICAL', 'CRITICAL, WARNING or INFO; a template.'),
    state_message: textOr('{{ template "victorops.default.state_message" . }}', 'The message.'),
    entity_display_name: textOr(
      '{{ template "victorops.default.entity_display_name" . }}',
      'The summary, a template.',
    ),
    monitoring_tool: textOr(
      '{{ template "victorops.default.monitoring_tool" . }}',
      'Who monitors.',
    ),
    custom_fields: labelMap('Further fields as names and templates.').default({}),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'api_key', context)
    checkSource(config, 'api_url', context, { isUrl: true })
    for (const name of Object.keys(config.custom_fields)) {
      if (!ownFields.has(name)) continue
      const message = `victorOps config contains custom field ${name} which cannot be used as it conflicts with the fixed/static fields`
      context.addIssue({ code: 'custom', path: ['custom_fields'], message })
    }
  })

/** VictorOps. */
export const victorops = defineChannel({
  kind: 'victorops',
  settingsKey: 'victorops_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    const key = chooseSecret(
      { value: settings.api_key, file: settings.api_key_file },
      { value: shared.victorops_api_key, file: shared.victorops_api_key_file },
      { missing: 'no global VictorOps API Key set' },
    )
    const api = (settings.api_url ?? shared.victorops_api_url).replace(/\/?$/, '/')
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [...secretTexts(key), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const { notification } = message
        const write = (template: string): string => renderField(message, template)
        const type = write(settings.message_type)
        const custom = Object.entries(settings.custom_fields).map(
          ([name, template]) => [name, write(template)] as const,
        )
        const keyText = encodeURIComponent(revealSecret(key.value, key.file))
        const reply = await postJson({
          url: `${api}${keyText}/${encodeURIComponent(write(settings.routing_key))}`,
          body: {
            ...Object.fromEntries(custom),
            message_type: notification.status === 'resolved' ? 'RECOVERY' : type,
            entity_id: hashGroupKey(notification),
            entity_display_name: renderText(
              message,
              settings.entity_display_name,
              'victorops.default.entity_display_name',
            ),
            state_message: cutLength(
              renderText(message, settings.state_message, 'victorops.default.state_message'),
              messageLengthMax,
            ),
            monitoring_tool: write(settings.monitoring_tool),
          },
          ...reachBy(settings, tools.clock),
        })
        if (readAnswer(reply)?.result === 'failure') {
          const shown = describeReply(reply)
          throw new SendFailure(shown, { reason: 'client-error', canRetry: false })
        }
        return describeReply(reply)
      },
    }
  },
})
