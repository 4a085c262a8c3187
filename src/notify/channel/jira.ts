/**
 * Jira: one issue for each group, found again by a label made of the group's key. It is made when the
 * trouble begins, kept up to date, and moved on by its transitions when the trouble is over or comes back.
 * Keys and defaults are Alertmanager's.
 * Sources: Jira REST API 2 and 3; alertmanager notify/jira (Apache-2.0), behaviour re-implemented.
 */

import { duration, durationOr, flagOr, text, textOr, z } from '../../config/schema.ts'
import { cutLength } from '../cut-text.ts'
import { connectionSecrets, httpConfig, reachBy } from '../http-config.ts'
import {
  type ChannelTools,
  defineChannel,
  hashGroupKey,
  type OutgoingMessage,
  renderField,
  renderText,
} from './channel.ts'
import { checkSource, isHttpUrl } from '../secret-source.ts'
import { describeReply, readAnswer, SendFailure, sendRequest } from '../send-request.ts'

const summaryLengthMax = 255
const descriptionLengthMax = 32_767

const globalShape = {
  jira_api_url: text('Address of the Jira API, such as https://example.atlassian.net/rest/api/3/.')
    .refine(isHttpUrl, 'must be an http or https address')
    .optional(),
}

const globalSchema = z.object(globalShape)

/** A text, or a text that says whether it is kept up to date. */
const fieldText = (name: 'summary' | 'description', description: string) =>
  z
    .union([
      z.string().transform((template) => ({ template, enable_update: true })),
      z.strictObject({
        template: textOr(`{{ template "jira.default.${name}" . }}`, description),
        enable_update: flagOr(true, 'Whether later messages change it.'),
      }),
    ])
    .prefault(`{{ template "jira.default.${name}" . }}`)
    .meta({ description, typeText: 'string or section' })

const schema = z
  .strictObject({
    send_resolved: flagOr(true, 'Whether to tell when it is over.'),
    api_url: text('Address of the Jira API, instead of the shared one.').optional(),
    api_type: z
      .enum(['auto', 'cloud', 'datacenter'])
      .default('auto')
      .meta({ description: 'Which Jira it is; auto goes by the address.', defaultText: 'auto' }),
    project: text('Key of the project, a template.').min(1, 'missing project in jira_config'),
    issue_type: text('Type of the issue, a template.').min(1, 'missing issue_type in jira_config'),
    summary: fieldText('summary', 'The title of the issue, a template.'),
    description: fieldText('description', 'The text of the issue, a template.'),
    labels: z
      .array(z.string())
      .default([])
      .meta({ description: 'Labels of the issue, templates.', typeText: 'list' }),
    priority: textOr('{{ template "jira.default.priority" . }}', 'The priority, a template.'),
    resolve_transition: textOr('', 'The transition when the trouble is over.'),
    reopen_transition: textOr('', 'The transition when it comes back.'),
    wont_fix_resolution: textOr('', 'A resolution with which an issue stays as it is.'),
    reopen_duration: duration(
      'How long after its end an issue is taken up again; for ever unless given.',
    ).optional(),
    fields: z
      .record(z.string(), z.unknown())
      .default({})
      .meta({ description: 'Further fields, their texts templates.', typeText: 'mapping' }),
    custom_fields: z
      .record(z.string(), z.unknown())
      .default({})
      .meta({ description: 'As fields (older name).', typeText: 'mapping' }),
    timeout: durationOr('10s', 'How long one request may take.'),
    http_config: httpConfig,
  })
  .superRefine((config, context) => {
    checkSource(config, 'api_url', context, { isUrl: true })
  })

type JiraSettings = z.output<typeof schema>

/** Jira. */
export const jira = defineChannel({
  kind: 'jira',
  settingsKey: 'jira_configs',
  schema,
  global: globalShape,
  make: (settings, tools) => {
    const shared = tools.global as z.output<typeof globalSchema>
    const api = settings.api_url ?? shared.jira_api_url
    if (api === undefined) throw new Error('no global Jira Cloud URL set')
    const desk = new JiraDesk(settings, { tools, api: api.replace(/\/?$/, '/') })
    return {
      sendsResolved: settings.send_resolved,
      secrets: () => connectionSecrets(settings.http_config),
      send: (message) => desk.send(message),
    }
  },
})

interface Issue {
  key: string
  isDone: boolean
}

class JiraDesk {
  readonly #settings: JiraSettings
  readonly #tools: ChannelTools
  readonly #api: string
  readonly #isCloud: boolean
  readonly #isVersion3: boolean

  constructor(settings: JiraSettings, place: { tools: ChannelTools; api: string }) {
    this.#settings = settings
    this.#tools = place.tools
    this.#api = place.api
    this.#isCloud =
      settings.api_type === 'cloud' ||
      (settings.api_type === 'auto' && new URL(place.api).hostname.endsWith('.atlassian.net'))
    this.#isVersion3 = /\/rest\/api\/3\/?$/.test(new URL(place.api).pathname)
  }

  async send(message: OutgoingMessage): Promise<string> {
    const isFiring = message.notification.status === 'firing'
    const project = renderField(message, this.#settings.project).trim()
    const label = `ALERT{${hashGroupKey(message.notification)}}`
    const issue = await this.#find({ label, project, isFiring })
    if (issue === undefined) {
      if (!isFiring) return 'nothing to resolve: no open issue'
      const fields = this.#makeFields(message, { label, project, isNew: true })
      return describeReply((await this.#call('POST', 'issue', { fields })).reply)
    }
    const fields = this.#makeFields(message, { label, project, isNew: false })
    const path = `issue/${encodeURIComponent(issue.key)}`
    await this.#call('PUT', path, { fields })
    const { resolve_transition: end, reopen_transition: again } = this.#settings
    if (!isFiring && !issue.isDone && end !== '') await this.#move(path, end)
    if (isFiring && issue.isDone && again !== '') await this.#move(path, again)
    return `updated ${issue.key}`
  }

  /** The issue of the group; one that is done only where it is to be opened again. */
  async #find(of: {
    label: string
    project: string
    isFiring: boolean
  }): Promise<Issue | undefined> {
    const { wont_fix_resolution: kept, reopen_transition, reopen_duration } = this.#settings
    const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`
    const conditions: string[] = []
    if (kept !== '') conditions.push(`(resolution is EMPTY OR resolution != ${quote(kept)})`)
    if (of.isFiring && reopen_transition !== '') {
      if (reopen_duration !== undefined) {
        const minutes = Math.max(1, Math.round(reopen_duration / 60_000))
        conditions.push(`(resolutiondate is EMPTY OR resolutiondate >= -${minutes}m)`)
      }
    } else conditions.push('statusCategory != Done')
    conditions.push(`project=${quote(of.project)}`, `labels=${quote(of.label)}`)
    const jql = `${conditions.join(' and ')} order by status ASC,resolutiondate DESC`
    const path = this.#isCloud ? 'search/jql' : 'search'
    const { answer } = await this.#call('POST', path, { jql, maxResults: 2, fields: ['status'] })
    const [first] = (answer?.issues ?? []) as {
      key?: unknown
      fields?: { status?: { statusCategory?: { key?: unknown } } }
    }[]
    if (typeof first?.key !== 'string') return undefined
    return { key: first.key, isDone: first.fields?.status?.statusCategory?.key === 'done' }
  }

  async #move(path: string, name: string): Promise<void> {
    const { answer } = await this.#call('GET', `${path}/transitions`)
    const transitions = (answer?.transitions ?? []) as { id: string; name: string }[]
    const found = transitions.find((one) => one.name === name)
    if (found === undefined) {
      const message = `Jira offers no transition "${name}" for this issue`
      throw new SendFailure(message, { reason: 'client-error', canRetry: false })
    }
    await this.#call('POST', `${path}/transitions`, { transition: { id: found.id } })
  }

  #makeFields(
    message: OutgoingMessage,
    how: { label: string; project: string; isNew: boolean },
  ): Record<string, unknown> {
    const { settings, isVersion3 } = { settings: this.#settings, isVersion3: this.#isVersion3 }
    const write = (template: string): string => renderField(message, template).trim()
    const fields: Record<string, unknown> = {}
    for (const [name, value] of Object.entries({ ...settings.custom_fields, ...settings.fields }))
      fields[name] = writeDeep(value, write)
    if (how.isNew || settings.summary.enable_update) {
      const summary = renderText(message, settings.summary.template, 'jira.default.summary')
      fields.summary = cutLength(summary.replace(/\s+/g, ' ').trim(), summaryLengthMax)
    }
    if (how.isNew || settings.description.enable_update) {
      const body = renderText(message, settings.description.template, 'jira.default.description')
      const shown = cutLength(body.trim(), descriptionLengthMax)
      fields.description = isVersion3 ? documentOf(shown) : shown
    }
    const labels = settings.labels.map((label) => write(label).replace(/\s+/g, '_'))
    fields.labels = [...labels.filter((label) => label !== ''), how.label].sort()
    const priority = write(settings.priority)
    if (priority !== '') fields.priority = { name: priority }
    if (how.isNew) {
      fields.project = { key: how.project }
      fields.issuetype = { name: write(settings.issue_type) }
    }
    return fields
  }

  async #call(method: 'GET' | 'POST' | 'PUT', path: string, body?: object) {
    const reply = await sendRequest(
      {
        method,
        url: `${this.#api}${path}`,
        headers: { 'content-type': 'application/json', 'accept-language': 'en' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...reachBy(this.#settings, this.#tools.clock),
      },
      undefined,
    )
    return { reply, answer: readAnswer(reply) }
  }
}

/** Texts at any depth are templates. */
function writeDeep(value: unknown, write: (template: string) => string): unknown {
  if (typeof value === 'string') return write(value)
  if (Array.isArray(value)) return value.map((one) => writeDeep(one, write))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, one]) => [name, writeDeep(one, write)] as const)
  return Object.fromEntries(entries)
}

/** A text in Jira's document format: a text that is one already is taken as it is. */
function documentOf(text: string): unknown {
  try {
    const given = JSON.parse(text) as { type?: unknown } | null
    if (given?.type === 'doc') return given
  } catch {
    // It is plain text, as nearly always.
  }
  const content = text.split(/\n{2,}/).map((paragraph) => ({
    type: 'paragraph',
    content: paragraph
      .split('\n')
      .flatMap((line, index) => [
        ...(index === 0 ? [] : [{ type: 'hardBreak' }]),
        ...(line === '' ? [] : [{ type: 'text', text: line }]),
      ]),
  }))
  return { type: 'doc', version: 1, content }
}
