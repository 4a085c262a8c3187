/**
 * Message templates: Alertmanager's data and functions over the Go template language, the built-in
 * templates, and the user's files on top. Beyond Alertmanager's data there are `.Incident` (`.Number`,
 * `.Url`, `.Cause`), `.Acknowledge` (`.Url`, `.By`), `.Silence.Url`, `.Chart.Url`, `.FallbackOf`, `.Person`,
 * and of each alert `.Since`, `.Until`, `.Figure`, `.Limit`, `.NoDataSince`, `.Owner`; empty when there is nothing to say.
 * Source: alertmanager template/template.go (Apache-2.0), behaviour re-implemented.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { humanize } from '../base/humanize.ts'
import {
  parseTemplate,
  SafeText,
  StringMap,
  type Template,
  TemplateError,
  type TemplateFunction,
} from '../base/template/template.ts'
import { textFunctions, textOf } from '../base/template/text-functions.ts'
import type { Alert } from '../model/alert.ts'
import { splitComparison } from '../model/expression.ts'
import { compareText, emptyLabels, type Labels } from '../model/labels.ts'
import { notifyErrors } from './errors.ts'
import { GoSpan, GoTime, goZeroTimeMs } from '../base/template/go-time.ts'
import { calmMarkup, escapeSlack } from './markup.ts'
import type { MessageAction } from './message-actions.ts'
import type { Notification } from './notification.ts'
import type { Language } from './words.ts'

/** A file of templates. */
export interface TemplateFile {
  name: string
  text: string
}

/** How a text is written, and in which built-in words. */
export interface TemplateFormat {
  escape: 'none' | 'html'
  language: Language
}

const timeLayout = '2006-01-02 15:04:05 MST'
/** How many different texts are kept parsed. */
const parsedCountMax = 1_000

/** All templates, plain and escaping. */
export class MessageTemplates {
  readonly #functions: ReadonlyMap<string, TemplateFunction>
  readonly #files: readonly TemplateFile[]
  /** By escaping and language, such as `html zh`; made when first needed. */
  readonly #sets = new Map<string, TemplateSet>()
  readonly #builtIn = new Map<string, Template>()

  /** Throws `NOTIFY_TEMPLATE_INVALID` for a file that cannot be read. */
  constructor(files: readonly TemplateFile[], clock: Clock) {
    this.#functions = makeFunctions(clock)
    this.#files = files
    // What is wrong with a file is wrong in every language.
    this.#setOf({ escape: 'none', language: 'en' })
    this.#setOf({ escape: 'html', language: 'en' })
  }

  #setOf(format: TemplateFormat): TemplateSet {
    const key = `${format.escape} ${format.language}`
    let set = this.#sets.get(key)
    if (set === undefined) {
      const isPlain = this.#files.length === 0
      const base = isPlain ? this.#builtInOf(format) : this.#makeWith(format, this.#files)
      set = { base, parsed: new Map() }
      this.#sets.set(key, set)
    }
    return set
  }

  #builtInOf(format: TemplateFormat): Template {
    const key = `${format.escape} ${format.language}`
    const builtIn = this.#builtIn.get(key) ?? this.#makeWith(format, [])
    this.#builtIn.set(key, builtIn)
    return builtIn
  }

  #makeWith(
    { escape: format, language }: TemplateFormat,
    files: readonly TemplateFile[],
  ): Template {
    const builtIn = language === 'zh' ? ['default.tmpl', 'default-zh.tmpl'] : ['default.tmpl']
    const read = (name: string): TemplateFile => ({
      name,
      text: readFileSync(join(import.meta.dirname, name), 'utf8'),
    })
    return this.#makeBase(format, [...builtIn.map(read), ...files])
  }

  #makeBase(format: 'none' | 'html', files: readonly TemplateFile[]): Template {
    const template = parseTemplate('', { name: '', functions: this.#functions, escape: format })
    for (const { name, text } of files) {
      try {
        template.add(text, name)
      } catch (thrown) {
        throw notifyErrors.TEMPLATE_INVALID({ file: name, reason: messageOf(thrown) }, thrown)
      }
    }
    return template
  }

  /** Writes `text` as a template; throws `TemplateError`. */
  render(text: string, format: TemplateFormat, data: object): string {
    if (!text.includes('{{')) return text
    const set = this.#setOf(format)
    let template = set.parsed.get(text)
    if (template === undefined) {
      template = parseTemplate(text, {
        name: '',
        functions: this.#functions,
        escape: format.escape,
        base: set.base,
      })
      if (set.parsed.size >= parsedCountMax) set.parsed.clear()
      set.parsed.set(text, template)
    }
    return template.execute(data)
  }

  /** Writes a built-in template, whatever the user's files define under its name. */
  renderBuiltIn(name: string, format: TemplateFormat, data: object): string {
    return this.#builtInOf(format).executeNamed(name, data)
  }
}

interface TemplateSet {
  base: Template
  parsed: Map<string, Template>
}

/** A label set as templates see it. */
class KeyValues extends StringMap {
  SortedPairs(): PairList {
    // `alertname` first, the rest by name, as Alertmanager does.
    const names = [...this.keys()].sort((a, b) =>
      a === 'alertname' ? -1 : b === 'alertname' ? 1 : compareText(a, b),
    )
    return PairList.of(...names.map((name) => ({ Name: name, Value: this.get(name)! }))) as PairList
  }

  Remove(names: unknown): KeyValues {
    const gone = new Set(Array.isArray(names) ? names : [])
    return new KeyValues([...this].filter(([name]) => !gone.has(name)))
  }

  Names(): string[] {
    return this.SortedPairs().Names()
  }

  Values(): string[] {
    return this.SortedPairs().Values()
  }
}

class PairList extends Array<{ Name: string; Value: string }> {
  Names(): string[] {
    return Array.from(this, (pair) => pair.Name)
  }

  Values(): string[] {
    return Array.from(this, (pair) => pair.Value)
  }
}

interface TemplateAlert {
  Status: string
  Labels: KeyValues
  Annotations: KeyValues
  StartsAt: GoTime
  EndsAt: GoTime
  GeneratorURL: string
  Fingerprint: string
  Value: number
  /** Ours: its times on the reader's clocks. */
  Since: string
  Until: string
  SinceClock: string
  /** The value as people read it. */
  Figure: string
  /** What the value is beyond, such as "> 0.03"; empty when the rule names no number. */
  Limit: string
  Owner: string
  /** Since when its data have not arrived; empty when they do. */
  NoDataSince: string
}

class AlertList extends Array<TemplateAlert> {
  Firing(): TemplateAlert[] {
    return Array.from(this).filter((alert) => alert.Status === 'firing')
  }

  Resolved(): TemplateAlert[] {
    return Array.from(this).filter((alert) => alert.Status === 'resolved')
  }
}

function keyValuesOf(labels: Labels): KeyValues {
  const map = new KeyValues()
  for (let index = 0; index < labels.pairs.length; index += 2)
    map.set(labels.pairs[index]!, labels.pairs[index + 1]!)
  return map
}

function templateAlertOf(alert: Alert, timeZone: string): TemplateAlert {
  const start = new GoTime(alert.firedTimeMs, timeZone)
  const end = new GoTime(alert.state === 'firing' ? goZeroTimeMs : alert.endTimeMs, timeZone)
  const { labels, annotations } = alert
  const split = alert.rule === undefined ? undefined : splitComparison(alert.rule.expression)
  return {
    Status: alert.state,
    Labels: keyValuesOf(labels),
    Annotations: keyValuesOf(annotations),
    StartsAt: start.UTC(),
    EndsAt: end.UTC(),
    GeneratorURL: alert.generatorUrl,
    Fingerprint: alert.fingerprint,
    Value: alert.value,
    Since: start.Format(timeLayout),
    Until: alert.state === 'firing' ? '' : end.Format(timeLayout),
    SinceClock: start.Format('15:04 MST'),
    Figure: formatFigure(alert.value),
    Limit:
      split?.threshold === undefined ? '' : `${split.operator} ${formatFigure(split.threshold)}`,
    NoDataSince:
      alert.noDataSinceTimeMs === undefined
        ? ''
        : new GoTime(alert.noDataSinceTimeMs, timeZone).Format(timeLayout),
    Owner: annotations.get('owner') || labels.get('owner') || labels.get('team'),
  }
}

/** Plain where that is short, so that a value and its limit can be compared at a glance. */
function formatFigure(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
  if (size >= 1e6) return humanize(value)
  return size !== 0 && size < 1e-4 ? value.toPrecision(3) : String(Number(value.toPrecision(4)))
}

/** How a message is shown, beyond what it says. */
export interface TemplateFrame {
  timeZone: string
  actions: readonly MessageAction[]
  /** Address of the chart's picture, for services that fetch it. */
  chartUrl?: string
  /** Name of the picture within a mail. */
  chartCid?: string
}

/** What templates get as `.`. */
export function makeTemplateData(notification: Notification, frame: TemplateFrame): object {
  const { background } = notification
  const alerts = new AlertList()
  for (const alert of notification.alerts) alerts.push(templateAlertOf(alert, frame.timeZone))
  const linkOf = (kind: MessageAction['kind']): string =>
    frame.actions.find((action) => action.kind === kind)?.url ?? ''
  return {
    Receiver: notification.receiver,
    Status: notification.status,
    Alerts: alerts,
    GroupLabels: keyValuesOf(notification.groupLabels),
    CommonLabels: keyValuesOf(notification.commonLabels),
    CommonAnnotations: keyValuesOf(notification.commonAnnotations),
    RouteLabels: keyValuesOf(notification.routeLabels ?? emptyLabels),
    ExternalURL: notification.externalUrl,
    NotificationReason: notification.reason,
    Incident: {
      Number: background === undefined ? 0n : BigInt(background.incidentNumber),
      Id: background?.incidentId ?? '',
      Url: background?.url ?? '',
      Cause: background?.cause ?? '',
    },
    Acknowledge: {
      Url: linkOf('acknowledge'),
      By: notification.acknowledge?.acknowledgedBy ?? '',
    },
    Silence: { Url: linkOf('silence') },
    Chart: { Url: frame.chartUrl ?? '', Cid: frame.chartCid ?? '' },
    FallbackOf: notification.fallbackOf ?? '',
    Person: notification.person ?? '',
  }
}

function listOf(value: unknown): string[] {
  if (Array.isArray(value)) return Array.from(value, textOf)
  throw new TemplateError('wrong type of argument; expected a list of strings')
}

function timeOf(value: unknown): Date {
  if (value instanceof Date) return value
  throw new TemplateError('wrong type of argument; expected a time')
}

function makeFunctions(clock: Clock): ReadonlyMap<string, TemplateFunction> {
  const functions = new Map(textFunctions)
  const own: [string, TemplateFunction][] = [
    // Prometheus has another one of this name, which leaves capitals and the rest of a word as they are.
    ['title', (text) => makeTitle(textOf(text))],
    ['join', (separator, list) => listOf(list).join(textOf(separator))],
    ['stringSlice', (...texts) => texts.map(textOf)],
    ['safeUrl', (text) => new SafeText(textOf(text))],
    ['urlUnescape', (text) => decodeURIComponent(textOf(text).replace(/\+/g, ' '))],
    // Only what a mail program may open: labels and annotations are not ours.
    ['httpUrl', (text) => (/^https?:\/\//i.test(textOf(text)) ? textOf(text) : '')],
    // What labels say must not become markup: no mention of everybody, no link, no tag.
    ['slackText', (text) => escapeSlack(textOf(text))],
    ['plainMarkup', (text) => calmMarkup(textOf(text))],
    ['date', (layout, time) => zoned(timeOf(time)).Format(textOf(layout))],
    ['tz', (zone, time) => zoned(timeOf(time)).inZone(textOf(zone))],
    ['since', (time) => new GoSpan((clock.nowTimeMs() - timeOf(time).getTime()) / 1000)],
    ['now', () => new GoTime(clock.nowTimeMs())],
    ['toDate', (_layout, text) => parseTime(textOf(text)) ?? new GoTime(goZeroTimeMs)],
    [
      'mustToDate',
      (_layout, text) => {
        const time = parseTime(textOf(text))
        if (time === undefined) throw new TemplateError(`cannot parse ${JSON.stringify(text)}`)
        return time
      },
    ],
    ['toJson', (value) => JSON.stringify(plainOf(value))],
    ['base64encode', (text) => Buffer.from(textOf(text)).toString('base64')],
    ['base64decode', (text) => Buffer.from(textOf(text), 'base64').toString('utf8')],
    ['dict', (...pairs) => makeDict(pairs)],
    ['list', (...items) => items],
    ['append', (list, ...items) => [...(Array.isArray(list) ? Array.from(list) : []), ...items]],
    ['routeLabels', () => new KeyValues()],
    [
      'humanizeDuration',
      (value) =>
        value instanceof GoSpan ? value.humanize() : textFunctions.get('humanizeDuration')!(value),
    ],
  ]
  for (const [name, action] of own) functions.set(name, action)
  return functions
}

const words = new Intl.Segmenter('en', { granularity: 'word' })

/** Each word small but for its first letter. */
function makeTitle(text: string): string {
  return Array.from(words.segment(text), ({ segment }) =>
    segment.toLowerCase().replace(/\p{L}/u, (letter) => letter.toUpperCase()),
  ).join('')
}

function zoned(time: Date): GoTime {
  return time instanceof GoTime ? time : new GoTime(time.getTime())
}

function parseTime(text: string): GoTime | undefined {
  const timeMs = Date.parse(text)
  return Number.isNaN(timeMs) ? undefined : new GoTime(timeMs)
}

function makeDict(pairs: readonly unknown[]): Map<string, unknown> {
  if (pairs.length % 2 === 1) throw new TemplateError('dict: needs pairs of names and values')
  const dict = new Map<string, unknown>()
  for (let index = 0; index < pairs.length; index += 2)
    dict.set(textOf(pairs[index]), pairs[index + 1])
  return dict
}

/** Maps and whole numbers as JSON can carry them. */
function plainOf(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Map) {
    const object = Object.create(null) as Record<string, unknown>
    for (const [name, inner] of value) object[String(name)] = plainOf(inner)
    return object
  }
  if (Array.isArray(value)) return Array.from(value, plainOf)
  if (value instanceof Date || value === null || typeof value !== 'object') return value
  const object = Object.create(null) as Record<string, unknown>
  for (const [name, inner] of Object.entries(value)) object[name] = plainOf(inner)
  return object
}
