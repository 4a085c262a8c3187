/**
 * Templates in the labels and annotations of alerting rules, with Prometheus's variables and
 * functions. A template that fails shows `<error expanding template: …>` in its place; the alert
 * still goes out.
 * Source: prometheus template/template.go and rules/alerting.go (Apache-2.0), behaviour
 * re-implemented.
 */

import { isIP } from 'node:net'
import { messageOf } from '../base/error.ts'
import {
  escapeQuery,
  parseTemplate,
  StringMap,
  type Template,
  TemplateError,
  type TemplateFunction,
} from '../base/template/template.ts'
import { textFunctions, textOf } from '../base/template/text-functions.ts'
import { compareText, type Labels } from '../model/labels.ts'

/** One element of a vector as templates see it. */
export interface TemplateSample {
  Labels: StringMap
  Value: number
}

/** What a template may use. */
export interface TemplateContext {
  labels: Labels
  value: number
  timeMs: number
  externalLabels: Labels
  externalUrl: string
  /** Answers an instant query at `timeMs` from memory; throws when it cannot. */
  query(expression: string): TemplateSample[]
}

/** A template that was read once and is expanded at each evaluation. */
export interface Expander {
  expand(context: TemplateContext): string
}

/** As Prometheus does: the short names are variables of the template's own text. */
const prelude =
  '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}' +
  '{{$externalURL := .ExternalURL}}{{$value := .Value}}'

/** Functions that depend on the evaluation get it from here; evaluation is synchronous, so one is enough. */
class Expansion implements Expander {
  readonly #template: Template
  #context: TemplateContext | undefined

  constructor(text: string, name: string) {
    const functions = new Map(textFunctions)
    for (const [word, action] of staticFunctions) functions.set(word, action)
    functions.set('query', (expression) => this.#contextNow().query(textOf(expression)))
    functions.set('now', () => this.#contextNow().timeMs / 1000)
    functions.set('externalURL', () => urlOf(this.#contextNow()))
    functions.set('pathPrefix', () =>
      new URL(urlOf(this.#contextNow())).pathname.replace(/\/$/, ''),
    )
    this.#template = parseTemplate(prelude + text, { name, functions })
  }

  expand(context: TemplateContext): string {
    this.#context = context
    try {
      return this.#template.execute({
        Labels: mapOf(context.labels),
        ExternalLabels: mapOf(context.externalLabels),
        ExternalURL: context.externalUrl,
        Value: context.value,
      })
    } catch (thrown) {
      return `<error expanding template: ${messageOf(thrown)}>`
    } finally {
      this.#context = undefined
    }
  }

  #contextNow(): TemplateContext {
    if (this.#context === undefined) throw new TemplateError('not in an evaluation')
    return this.#context
  }
}

/** The external address; on a bench that names none the functions fail, as promtool's do. */
function urlOf({ externalUrl }: TemplateContext): string {
  if (externalUrl === '') throw new TemplateError('there is no external URL')
  return externalUrl
}

/** Reads a template; text without actions costs nothing later. Throws `TemplateError`. */
export function makeExpander(text: string, name: string): Expander {
  if (!text.includes('{{')) return { expand: () => text }
  return new Expansion(text, name)
}

/** Why a template cannot be read, or `undefined` when it can. */
export function checkTemplate(text: string, name: string): string | undefined {
  try {
    makeExpander(text, name)
    return undefined
  } catch (thrown) {
    return messageOf(thrown)
  }
}

/** Labels as a template's map. */
export function mapOf(labels: Labels): StringMap {
  const map = new StringMap()
  for (let index = 0; index < labels.pairs.length; index += 2) {
    map.set(labels.pairs[index]!, labels.pairs[index + 1]!)
  }
  return map
}

const staticFunctions: [string, TemplateFunction][] = [
  ['first', (samples) => firstOf(samples)],
  ['value', (sample) => sampleOf(sample).Value],
  ['strvalue', (sample) => sampleOf(sample).Labels.get('__value__') ?? ''],
  ['label', (name, sample) => sampleOf(sample).Labels.get(textOf(name)) ?? ''],
  [
    'sortByLabel',
    (name, samples) => {
      const word = textOf(name)
      return [...listOf(samples)].sort((a, b) =>
        compareText(a.Labels.get(word) ?? '', b.Labels.get(word) ?? ''),
      )
    },
  ],
  [
    'args',
    (...args) => new Map(args.map((value, index) => [`arg${index}`, value] as [string, unknown])),
  ],
  ['graphLink', (expression) => makeLink(textOf(expression), 0)],
  ['tableLink', (expression) => makeLink(textOf(expression), 1)],
  ['urlQueryEscape', (text) => escapeQuery(textOf(text))],
  ['stripPort', (address) => stripPort(textOf(address))],
  ['stripDomain', (address) => stripDomain(textOf(address))],
]

/** The address of an expression's graph (tab 0) or table (tab 1), relative to the external address. */
export function makeLink(expression: string, tab: 0 | 1): string {
  return `/graph?g0.expr=${escapeQuery(expression)}&g0.tab=${tab}`
}

function listOf(value: unknown): TemplateSample[] {
  if (!Array.isArray(value)) throw new TemplateError('wrong type of argument; expected a vector')
  return value as TemplateSample[]
}

function firstOf(value: unknown): TemplateSample {
  const sample = listOf(value)[0]
  if (sample === undefined) throw new TemplateError('first() called on vector with no elements')
  return sample
}

function sampleOf(value: unknown): TemplateSample {
  if (typeof value !== 'object' || value === null || !('Labels' in value))
    throw new TemplateError('wrong type of argument; expected a sample')
  return value as TemplateSample
}

/** `host:9100` without the port; brackets of IPv6 addresses go with it. */
function stripPort(address: string): string {
  const bracketed = /^\[([^\]]*)\]:\d*$/.exec(address)
  if (bracketed !== null) return bracketed[1]!
  const parts = address.split(':')
  return parts.length === 2 ? parts[0]! : address
}

/** `host.example.org:80` as `host:80`; IP addresses stay. */
function stripDomain(address: string): string {
  const found = /^([^:[\]]*|\[[^\]]*\]):([^:]*)$/.exec(address)
  const host = (found?.[1] ?? address).replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0) return address
  const short = host.split('.')[0]!
  return found === null || found[2] === '' ? short : `${short}:${found[2]}`
}
