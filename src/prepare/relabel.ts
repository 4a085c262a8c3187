/**
 * Relabeling as in Prometheus: rules that rename, set, drop and keep, in order, over one label set.
 * Expressions are RE2, anchored at both ends; `$1`, `${1}`, `${name}`, `$$` expand as Go's
 * `Regexp.Expand` does. hashmod is bytes 8..15 of the MD5 sum, big-endian, modulo `modulus`: sharded
 * scrapers must agree on it bit for bit.
 * Source: prometheus/prometheus model/relabel/relabel.go (Apache-2.0), behaviour re-implemented.
 */

import { createHash } from 'node:crypto'
import { compilePattern, type Pattern, type PatternGroups } from '../base/regexp.ts'
import { z } from '../config/schema.ts'
import { type Labels, labelsFromPairs } from '../model/labels.ts'

/** The actions of a relabel rule. */
const relabelActions = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const
/** One of `relabelActions`. */
type RelabelAction = (typeof relabelActions)[number]

const defaultRegex = '(.*)'

/** One entry of `relabel_configs`, as written. */
export const relabelConfig = z
  .strictObject({
    source_labels: z
      .array(z.string())
      .default([])
      .meta({ description: 'Labels whose values are joined and matched.', typeText: 'list' }),
    separator: z
      .string()
      .default(';')
      .meta({ description: 'Put between the joined values.', defaultText: ';' }),
    regex: z
      .string()
      .default(defaultRegex)
      .meta({ description: 'RE2 expression, anchored at both ends.', defaultText: defaultRegex }),
    modulus: z
      .number()
      .int()
      .nonnegative()
      .default(0)
      .meta({ description: 'Divisor of hashmod.', defaultText: '0' }),
    target_label: z
      .string()
      .default('')
      .meta({ description: 'Label that replace, hashmod, lowercase and uppercase write.' }),
    replacement: z.string().default('$1').meta({
      description: 'Value written by replace and name written by labelmap.',
      defaultText: '$1',
    }),
    action: z
      .preprocess(
        (value) => (typeof value === 'string' ? value.toLowerCase() : value),
        z.enum(relabelActions),
      )
      .default('replace')
      .meta({ description: 'What the rule does.', defaultText: 'replace' }),
  })
  .superRefine((config, context) => {
    for (const { path, message } of findRelabelMistakes(config)) {
      context.addIssue({ code: 'custom', path: [path], message })
    }
  })

/** A checked entry of `relabel_configs`. */
export type RelabelConfig = z.output<typeof relabelConfig>

/** A compiled rule. */
export interface RelabelRule extends RelabelConfig {
  pattern: Pattern
}

interface RelabelMistake {
  path: string
  message: string
}

function findRelabelMistakes(config: {
  action: RelabelAction
  regex: string
  modulus: number
  target_label: string
  replacement: string
  source_labels: string[]
  separator: string
}): RelabelMistake[] {
  const mistakes: RelabelMistake[] = []
  const { action } = config
  try {
    compilePattern(config.regex)
  } catch (thrown) {
    mistakes.push({
      path: 'regex',
      message: `"${config.regex}" is not an RE2 expression: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    })
  }
  const needsTarget = /^(replace|hashmod|lowercase|uppercase|keepequal|dropequal)$/.test(action)
  if (needsTarget && config.target_label === '') {
    mistakes.push({
      path: 'target_label',
      message: `the relabel action ${action} requires target_label`,
    })
  }
  if (action === 'hashmod' && config.modulus === 0) {
    mistakes.push({ path: 'modulus', message: 'the relabel action hashmod requires modulus ≥ 1' })
  }
  if (/^label(drop|keep)$/.test(action)) {
    if (
      config.source_labels.length > 0 ||
      config.target_label !== '' ||
      config.modulus !== 0 ||
      config.separator !== ';' ||
      config.replacement !== '$1'
    ) {
      mistakes.push({
        path: 'action',
        message: `the relabel action ${action} takes only regex, and no other field`,
      })
    }
  }
  if (/^(keep|drop)equal$/.test(action)) {
    if (
      config.regex !== defaultRegex ||
      config.modulus !== 0 ||
      config.separator !== ';' ||
      config.replacement !== '$1'
    ) {
      mistakes.push({
        path: 'action',
        message: `the relabel action ${action} takes only source_labels and target_label, and no other field`,
      })
    }
  }
  return mistakes
}

/** Compiles checked entries. */
export function compileRelabel(configs: readonly RelabelConfig[]): RelabelRule[] {
  return configs.map((config) => ({ ...config, pattern: compilePattern(config.regex) }))
}

/** Applies the rules in order; `undefined` when a rule drops the label set. */
export function relabel(labels: Labels, rules: readonly RelabelRule[]): Labels | undefined {
  if (rules.length === 0) return labels
  const map = new Map<string, string>()
  for (let index = 0; index < labels.pairs.length; index += 2) {
    map.set(labels.pairs[index]!, labels.pairs[index + 1]!)
  }
  for (const rule of rules) {
    if (!applyRule(map, rule)) return undefined
  }
  const pairs: string[] = []
  for (const [name, value] of map) pairs.push(name, value)
  return labelsFromPairs(pairs)
}

/** False when the rule drops the set. */
function applyRule(map: Map<string, string>, rule: RelabelRule): boolean {
  const value = rule.source_labels.map((name) => map.get(name) ?? '').join(rule.separator)
  switch (rule.action) {
    case 'keep':
      return testPattern(rule, value)
    case 'drop':
      return !testPattern(rule, value)
    case 'keepequal':
      return (map.get(rule.target_label) ?? '') === value
    case 'dropequal':
      return (map.get(rule.target_label) ?? '') !== value
    case 'lowercase':
      setLabel(map, rule.target_label, value.toLowerCase())
      return true
    case 'uppercase':
      setLabel(map, rule.target_label, value.toUpperCase())
      return true
    case 'hashmod':
      setLabel(map, rule.target_label, hashModulo(value, rule.modulus))
      return true
    case 'labeldrop':
      for (const name of [...map.keys()]) if (testPattern(rule, name)) map.delete(name)
      return true
    case 'labelkeep':
      for (const name of [...map.keys()]) if (!testPattern(rule, name)) map.delete(name)
      return true
    case 'labelmap':
      for (const [name, old] of [...map]) {
        const groups = rule.pattern.groups(name)
        if (groups !== undefined) setLabel(map, expandTemplate(rule.replacement, groups), old)
      }
      return true
    case 'replace':
      replaceLabel(map, rule, value)
      return true
  }
}

function replaceLabel(map: Map<string, string>, rule: RelabelRule, value: string): void {
  const groups: PatternGroups | undefined =
    rule.regex === defaultRegex
      ? { byIndex: [value, value], byName: noNames }
      : rule.pattern.groups(value)
  if (groups === undefined) return
  const target = expandTemplate(rule.target_label, groups)
  if (target === '') return
  setLabel(map, target, expandTemplate(rule.replacement, groups))
}

const noNames: ReadonlyMap<string, string> = new Map()

function testPattern(rule: RelabelRule, value: string): boolean {
  return rule.regex === defaultRegex || rule.pattern.test(value)
}

function setLabel(map: Map<string, string>, name: string, value: string): void {
  if (name === '') return
  if (value === '') map.delete(name)
  else map.set(name, value)
}

/** `md5(value)`, bytes 8..15 as a big-endian unsigned integer, modulo `modulus`. */
function hashModulo(value: string, modulus: number): string {
  const sum = createHash('md5').update(value).digest()
  return String(sum.readBigUInt64BE(8) % BigInt(modulus))
}

/** Go's `Regexp.Expand`: `$name` takes the longest run of letters, digits, `_`; unknown names give nothing. */
function expandTemplate(template: string, groups: PatternGroups): string {
  if (!template.includes('$')) return template
  let text = ''
  let index = 0
  while (index < template.length) {
    const dollar = template.indexOf('$', index)
    if (dollar < 0) return text + template.slice(index)
    text += template.slice(index, dollar)
    if (template[dollar + 1] === '$') {
      text += '$'
      index = dollar + 2
      continue
    }
    const match = /^(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/u.exec(template.slice(dollar + 1))
    if (match === null) {
      // A lone `$` stands for itself.
      text += '$'
      index = dollar + 1
      continue
    }
    const name = match[1] ?? match[2]!
    text += (/^\d+$/.test(name) ? groups.byIndex[Number(name)] : groups.byName.get(name)) ?? ''
    index = dollar + 1 + match[0].length
  }
  return text
}
