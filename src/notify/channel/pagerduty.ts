/**
 * PagerDuty, Events API v2 (`routing_key`) and the older v1 (`service_key`). One incident there for one
 * group here: `dedup_key` is the hash of the group's key, so that the end finds the beginning.
 * Source: PagerDuty developer documentation, Events API v2; alertmanager notify/pagerduty (Apache-2.0),
 * behaviour re-implemented.
 */

import { flagOr, labelMap, secret, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpChannel, reachBy } from '../http-config.ts'
import {
  defineChannel,
  hashGroupKey,
  type OutgoingMessage,
  renderField,
  renderText,
} from './channel.ts'
import { checkSource, isGiven, isHttpUrl, revealSecret, secretTexts } from '../secret-source.ts'
import { describeReply, postJson, SendFailure } from '../send-request.ts'

const summaryLengthMax = 1_024
/** PagerDuty takes 512 KB; some of it is for the frame. */
const bodyBytesMax = 500_000
const olderUrl = 'https://events.pagerduty.com/generic/2010-04-15/create_event.json'
const severities = new Set(['critical', 'error', 'warning', 'info'])

const globalShape = {
  pagerduty_url: textOr(
    'https://events.pagerduty.com/v2/enqueue',
    'Where events for PagerDuty are posted.',
  ).refine(isHttpUrl, 'must be an http or https address'),
}

const image = z.strictObject({
  src: textOr('', 'Address of the picture, a template.'),
  href: textOr('', 'What it opens, a template.'),
  alt: textOr('', 'What it shows, a template.'),
})

const link = z.strictObject({
  href: textOr('', 'The address, a template.'),
  text: textOr('', 'What it says, a template.'),
})

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    routing_key: secret('Integration key of Events API v2.').optional(),
    routing_key_file: text('A file with that key.').optional(),
    service_key: secret('Integration key of Events API v1.').optional(),
    service_key_file: text('A file with that key.').optional(),
    url: text('Where events are posted, instead of the shared address.').optional(),
    client: textOr('{{ template "pagerduty.default.client" . }}', 'Who monitors.'),
    client_url: textOr('{{ template "pagerduty.default.clientURL" . }}', 'Link to the monitor.'),
    description: textOr('{{ template "pagerduty.default.description" . }}', 'The summary.'),
    severity: textOr('error', 'critical, error, warning or info; a template.'),
    source: text('What is affected, a template; the client unless given.').optional(),
    class: textOr('', 'Class of the event, a template.'),
    component: textOr('', 'Component that is affected, a template.'),
    group: textOr('', 'Group of components, a template.'),
    details: labelMap('Further details as names and templates.').default({}),
    images: z.array(image).default([]).meta({ description: 'Pictures.' }),
    links: z.array(link).default([]).meta({ description: 'Links.' }),
    ...httpChannel,
  })
  .superRefine((config, context) => {
    checkSource(config, 'routing_key', context)
    checkSource(config, 'service_key', context)
    checkSource(config, 'url', context, { isUrl: true })
    const { routing_key, routing_key_file, service_key, service_key_file } = config
    if ([routing_key, routing_key_file, service_key, service_key_file].some(isGiven)) return
    context.addIssue({
      code: 'custom',
      message: 'missing service or routing key in PagerDuty config',
    })
  })

type PagerdutySettings = z.output<typeof schema>

const defaultDetails: Record<string, string> = {
  firing: '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
  resolved: '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
  num_firing: '{{ .Alerts.Firing | len }}',
  num_resolved: '{{ .Alerts.Resolved | len }}',
  suspected_cause: '{{ .Incident.Cause }}',
  incident: '{{ .Incident.Url }}',
  runbook: '{{ or .CommonAnnotations.runbook_url .CommonAnnotations.runbook "" }}',
}

/** PagerDuty. */
export const pagerduty = defineChannel({
  kind: 'pagerduty',
  settingsKey: 'pagerduty_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const sharedUrl = String(tools.global.pagerduty_url)
    // With both keys the older interface is spoken, as Alertmanager does.
    const isV1 = isGiven(settings.service_key) || isGiven(settings.service_key_file)
    const isStandard = sharedUrl === globalShape.pagerduty_url.parse(undefined)
    const url = settings.url ?? (isV1 && isStandard ? olderUrl : sharedUrl)
    const key = isV1
      ? { value: settings.service_key, file: settings.service_key_file }
      : { value: settings.routing_key, file: settings.routing_key_file }
    return {
      sendsResolved: settings.send_resolved,
      takesChart: true,
      secrets: () => [...secretTexts(key), ...connectionSecrets(settings.http_config)],
      send: async (message) => {
        const keyText = revealSecret(key.value, key.file).trim()
        const make = isV1 ? makeOlderEvent : makeEvent
        const reply = await postJson(
          {
            url,
            body: make(settings, message, keyText),
            ...reachBy(settings, tools.clock),
          },
          (answer) =>
            isV1 && answer.status === 403
              ? new SendFailure(describeReply(answer), { reason: 'rate-limited', canRetry: true })
              : undefined,
        )
        return describeReply(reply)
      },
    }
  },
})

function makeDetails(settings: PagerdutySettings, message: OutgoingMessage): object {
  const details = Object.entries({ ...defaultDetails, ...settings.details })
    .map(([name, template]) => [name, renderField(message, template)] as const)
    .filter(([, value]) => value !== '')
  const size = Buffer.byteLength(JSON.stringify(details))
  if (size <= bodyBytesMax) return Object.fromEntries(details)
  return { error: `The details are left out: ${size} bytes are more than PagerDuty takes.` }
}

function makeEvent(settings: PagerdutySettings, message: OutgoingMessage, key: string): object {
  const { notification } = message
  const write = (template: string): string => renderField(message, template)
  const event = { routing_key: key, dedup_key: hashGroupKey(notification) }
  if (notification.status === 'resolved') return { ...event, event_action: 'resolve' }
  const severity = write(settings.severity).toLowerCase()
  const sinceMs = Math.min(...notification.alerts.map((alert) => alert.firedTimeMs))
  const client = write(settings.client)
  const ours = message.actions.map(({ title, url }) => ({ href: url, text: title }))
  const links = settings.links
    .map((one) => ({ href: write(one.href), text: write(one.text) }))
    .filter(({ href }) => href !== '')
  const images = settings.images
    .map((one) => ({ src: write(one.src), href: write(one.href), alt: write(one.alt) }))
    .filter(({ src }) => src !== '')
  const { chart } = message
  // PagerDuty shows pictures of https addresses only.
  if (chart?.url.startsWith('https://') === true)
    images.push({ src: chart.url, href: '', alt: 'chart' })
  return {
    ...event,
    event_action: 'trigger',
    payload: {
      summary: summaryOf(settings, message),
      source: (settings.source === undefined ? client : write(settings.source)) || 'shipwatch',
      severity: severities.has(severity) ? severity : 'error',
      ...(Number.isFinite(sinceMs) ? { timestamp: new Date(sinceMs).toISOString() } : {}),
      class: write(settings.class),
      component: write(settings.component),
      group: write(settings.group),
      custom_details: makeDetails(settings, message),
    },
    client,
    client_url: write(settings.client_url),
    links: [...links, ...ours],
    images,
  }
}

function makeOlderEvent(
  settings: PagerdutySettings,
  message: OutgoingMessage,
  key: string,
): object {
  const { notification } = message
  const isOver = notification.status === 'resolved'
  return {
    service_key: key,
    event_type: isOver ? 'resolve' : 'trigger',
    incident_key: hashGroupKey(notification),
    description: summaryOf(settings, message),
    details: makeDetails(settings, message),
    ...(isOver
      ? {}
      : {
          client: renderField(message, settings.client),
          client_url: renderField(message, settings.client_url),
        }),
  }
}

function summaryOf(settings: PagerdutySettings, message: OutgoingMessage): string {
  const summary = renderText(message, settings.description, 'pagerduty.default.description')
  return cutLength(summary, summaryLengthMax)
}
