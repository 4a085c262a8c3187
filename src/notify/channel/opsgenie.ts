/**
 * Opsgenie: one alert there for one group here, found again by its alias. Keys and defaults are
 * Alertmanager's. Opsgenie answers 202 and works it off later.
 * Source: Opsgenie alert API; alertmanager notify/opsgenie (Apache-2.0), behaviour re-implemented.
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
import { describeReply, postJson } from '../send-request.ts'

const messageLengthMax = 130
const descriptionLengthMax = 15_000
const priorities = /^P[1-5]$/

const globalShape = {
  opsgenie_api_url: textOr('https://api.opsgenie.com/', 'Address of the Opsgenie API.').refine(
    isHttpUrl,
    'must be an http or https address',
  ),
  opsgenie_api_key: secret('Key of the Opsgenie API.').optional(),
  opsgenie_api_key_file: text('A file with that key.').optional(),
}

const globalSchema = z.object(globalShape)

const responderType = /^(?:team|teams|user|escalation|schedule)$/i

const responder = z
  .strictObject({
    id: textOr('', 'Its id, a template.'),
    name: textOr('', 'Its name, a template.'),
    username: textOr('', 'Its user name, a template.'),
    type: text('team, teams, user, escalation or schedule; a template.').refine(
      (type) => type.includes('{{') || responderType.test(type),
      'must be team, teams, user, escalation or schedule',
    ),
  })
  .refine(
    ({ id, name, username }) => id !== '' || name !== '' || username !== '',
    'a responder needs an id, a name or a username',
  )

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_key: secret('Key of the API, instead of the shared one.').optional(),
    api_key_file: text('A file with that key.').optional(),
    api_url: text('Address of the API, instead of the shared one.').optional(),
    message: textOr('{{ template "opsgenie.default.message" . }}', 'The message, a template.'),
    description: textOr(
      '{{ template "opsgenie.default.description" . }}',
      'The description, a template.',
    ),
    source: textOr('{{ template "opsgenie.default.source" . }}', 'Where it comes from.'),
    details: labelMap('Further details as names and templates.').default({}),
    responders: z.array(responder).default([]).meta({ description: 'Who is to act.' }),
    tags: textOr('', 'Tags, separated by commas; a template.'),
    note: textOr('', 'A note, a template.'),
    priority: textOr('', 'P1 to P5, a template.'),
    entity: textOr('', 'What is affected, a template.'),
    actions: textOr('', 'Actions, separated by commas; a template.'),
    update_alerts: flagOr(false, 'Changes message and description of an alert that is open.'),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'api_key', context)
    checkSource(config, 'api_url', context, { isUrl: true })
  })

/** Opsgenie. */
export const opsgenie = defineChannel({
  kind: 'opsgenie',
  settingsKey: 'opsgenie_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    const key = chooseSecret(
      { value: settings.api_key, file: settings.api_key_file },
      { value: shared.opsgenie_api_key, file: shared.opsgenie_api_key_file },
      {
        missing: 'no global OpsGenie API Key set either inline or in a file',
      },
    )
    const api = (settings.api_url ?? shared.opsgenie_api_url).replace(/\/?$/, '/')
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => [...secretTexts(key), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const { notification } = message
        const write = (template: string): string => renderField(message, template).trim()
        const listOf = (template: string): string[] =>
          write(template)
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== '')
        const alias = hashGroupKey(notification)
        const source = write(settings.source)
        const isOver = notification.status === 'resolved'
        const priority = write(settings.priority)
        const details: Record<string, string> = { ...notification.commonLabels.toJSON() }
        if (notification.background !== undefined) {
          details.suspected_cause = notification.background.cause
          details.incident = notification.background.url
        }
        for (const [name, template] of Object.entries(settings.details))
          details[name] = write(template)
        const body = isOver
          ? { source, note: write(settings.note) }
          : {
              alias,
              message: cutLength(
                renderText(message, settings.message, 'opsgenie.default.message'),
                messageLengthMax,
              ),
              description: cutLength(
                renderText(message, settings.description, 'opsgenie.default.description'),
                descriptionLengthMax,
              ),
              details,
              source,
              responders: settings.responders.map((one) =>
                Object.fromEntries(
                  Object.entries({ ...one, type: write(one.type).toLowerCase() })
                    .map(([name, template]) => [name, write(template)] as const)
                    .filter(([, value]) => value !== ''),
                ),
              ),
              tags: listOf(settings.tags),
              note: write(settings.note),
              entity: write(settings.entity),
              actions: listOf(settings.actions),
              ...(priorities.test(priority) ? { priority } : {}),
            }
        const post = (path: string, content: object) =>
          postJson({
            url: `${api}v2/alerts${path}`,
            headers: { authorization: `GenieKey ${revealSecret(key.value, key.file)}` },
            body: content,
            ...reachBy(settings, tools.clock),
          })
        const by = '?identifierType=alias'
        const reply = await post(isOver ? `/${alias}/close${by}` : '', body)
        if (settings.update_alerts && 'description' in body) {
          await post(`/${alias}/message${by}`, { message: body.message })
          await post(`/${alias}/description${by}`, { description: body.description })
        }
        return describeReply(reply)
      },
    }
  },
})
