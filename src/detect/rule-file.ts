/**
 * Rule files in Prometheus's format: groups of alerting and recording rules. Read strictly: every
 * unknown key, bad expression, bad template and bad name is named with its line and column, all at
 * once. The same groups are also read from `PrometheusRule` objects, as they are written for Kubernetes.
 * Sources: prometheus model/rulefmt (Apache-2.0), behaviour re-implemented; prometheus-operator's API
 * reference, monitoring.coreos.com/v1.
 */

import { messageOf } from '../base/error.ts'
import {
  type ConfigProblem,
  checkConfig,
  makeConfigError,
  type ParsedYaml,
  parseYaml,
  problemAt,
} from '../config/config.ts'
import { duration, labelMap, z } from '../config/schema.ts'
import { isLegacyMetricName } from '../model/labels.ts'
import type { PreparedQuery } from '../query/query.ts'
import { splitDocuments } from './documents.ts'
import { dropUnknown } from './drop-unknown.ts'
import type { SloSummary } from './slo/slo.ts'
import { readStrategy, type Strategy, strategyAnnotation } from './strategy/strategy.ts'
import { checkTemplate } from './template.ts'

/** A group: rules that are evaluated one after the other at the same instant. */
export interface RuleGroup {
  name: string
  file: string
  /** `undefined`: the global interval. */
  intervalMs: number | undefined
  /** `undefined`: the global offset. */
  queryOffsetMs: number | undefined
  /** Most results of one rule; 0 is no limit. */
  limit: number
  rules: Rule[]
  /** The objective that they watch, when they were made from one. */
  slo?: SloSummary
}

/** An alerting or a recording rule. */
export type Rule = AlertingRule | RecordingRule

/** A rule whose every result is an alert. */
export interface AlertingRule {
  kind: 'alerting'
  name: string
  expression: string
  holdMs: number
  keepFiringMs: number
  /** Templates, those of the group included. */
  labels: Map<string, string>
  annotations: Map<string, string>
  /** What it says beyond Prometheus, in the annotation `shipwatch`; absent in plain rules. */
  strategy?: Strategy
}

/** A rule whose results are appended as a series. */
export interface RecordingRule {
  kind: 'recording'
  name: string
  expression: string
  labels: Map<string, string>
}

/** What checks expressions: the query engine, or anything that parses PromQL. */
export interface ExpressionParser {
  prepare(expression: string): Pick<PreparedQuery, 'valueType'>
}

const ruleShape = z.strictObject({
  record: z.string().optional(),
  alert: z.string().optional(),
  expr: z.union([z.string(), z.number()], 'must be a PromQL expression').transform(String),
  for: duration('How long the expression must hold.').optional(),
  keep_firing_for: duration('How long to keep firing afterwards.').optional(),
  labels: labelMap('Labels to add.').nullish(),
  annotations: labelMap('Annotations of the alert.').nullish(),
})

const groupShape = z.strictObject({
  name: z.string(),
  interval: duration('How often to evaluate.').optional(),
  query_offset: duration('How far in the past to look.').optional(),
  limit: z.number().int().min(0).nullish(),
  labels: labelMap('Labels of every rule.').nullish(),
  rules: z.array(ruleShape).nullish(),
})

const fileShape = z.strictObject({ groups: z.array(groupShape).nullish() })

/** Of the object's own fields only the groups concern us; Thanos's strategy is allowed and not used. */
const objectShape = z.looseObject({
  kind: z.literal('PrometheusRule'),
  spec: z.strictObject({
    groups: z
      .array(groupShape.extend({ partial_response_strategy: z.string().optional() }))
      .nullish(),
  }),
})

type RawRule = z.output<typeof ruleShape>
type RawGroup = z.output<typeof groupShape>

/** How a rule file is read. */
export interface RuleFileReading {
  /** Checks the expressions; without one they are taken as they are. */
  parser?: ExpressionParser
  /** Unknown keys are skipped instead of refused. */
  ignoresUnknown?: boolean
}

/**
 * Reads a rule file, all of its YAML documents. Throws `CONFIG_INVALID` with the place of every
 * mistake.
 */
export function parseRuleFile(text: string, file: string, how: RuleFileReading = {}): RuleGroup[] {
  const { parser } = how
  const names = new Set<string>()
  const problems: ConfigProblem[] = []
  const groups: RuleGroup[] = []
  for (const document of splitDocuments(text)) {
    const read = parseYaml(document, file)
    const isObject = isRuleObject(read.value)
    const parsed = how.ignoresUnknown ? dropUnknown(read, isObject ? objectShape : fileShape) : read
    // Each object becomes a file of its own where it is deployed.
    if (isObject) names.clear()
    const found = isObject
      ? checkConfig(parsed, objectShape).spec.groups
      : checkConfig({ ...parsed, value: parsed.value ?? {} }, fileShape).groups
    for (const [index, group] of (found ?? []).entries()) {
      const path = [...(isObject ? ['spec', 'groups'] : ['groups']), index]
      const add = (message: string): void => {
        problems.push(problemAt(parsed, [...path, 'name'], message))
      }
      if (group.name === '') add('must not be empty')
      else if (names.has(group.name)) add(`"${group.name}" is repeated in the same file`)
      names.add(group.name)
      checkLabels(group.labels ?? {}, { parsed, path: [...path, 'labels'], problems })
      groups.push(makeGroup(group, { file, path, parsed, parser, problems }))
    }
  }
  if (problems.length > 0) throw makeConfigError(problems)
  return groups
}

function isRuleObject(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'PrometheusRule'
  )
}

interface GroupPlace {
  file: string
  path: PropertyKey[]
  parsed: ParsedYaml
  parser: ExpressionParser | undefined
  problems: ConfigProblem[]
}

function makeGroup(raw: RawGroup, place: GroupPlace): RuleGroup {
  const rules: Rule[] = []
  for (const [index, rule] of (raw.rules ?? []).entries()) {
    const path = [...place.path, 'rules', index]
    checkRule(rule, { ...place, path })
    const labels = new Map(Object.entries({ ...raw.labels, ...rule.labels }))
    if (rule.alert !== undefined) {
      const annotations = new Map(Object.entries(rule.annotations ?? {}))
      const strategy = takeStrategy(rule, annotations, { ...place, path })
      rules.push({
        kind: 'alerting',
        name: rule.alert,
        expression: rule.expr,
        holdMs: rule.for ?? 0,
        keepFiringMs: rule.keep_firing_for ?? 0,
        labels,
        annotations,
        ...(strategy === undefined ? {} : { strategy }),
      })
    } else if (rule.record !== undefined) {
      rules.push({ kind: 'recording', name: rule.record, expression: rule.expr, labels })
    }
  }
  return {
    name: raw.name,
    file: place.file,
    intervalMs: raw.interval === undefined || raw.interval === 0 ? undefined : raw.interval,
    queryOffsetMs: raw.query_offset,
    limit: raw.limit ?? 0,
    rules,
  }
}

/** Takes what concerns us alone out of the annotations; its mistakes are named at their line. */
function takeStrategy(
  rule: RawRule,
  annotations: Map<string, string>,
  place: GroupPlace,
): Strategy | undefined {
  const text = annotations.get(strategyAnnotation)
  if (text === undefined) return undefined
  annotations.delete(strategyAnnotation)
  const found = readStrategy(text, {
    expression: rule.expr,
    holdMs: rule.for ?? 0,
    checkExpression: (expression) => reasonAgainst(expression, place.parser),
  })
  if ('strategy' in found) return found.strategy
  const { file, lineOffset, text: whole } = placeOfBlock(place)
  for (const problem of found.problems) {
    const line = lineOffset(problem.line)
    const lineText = whole.split('\n', line)[line - 1] ?? ''
    const path = `${strategyAnnotation}${problem.path === '' ? '' : `.${problem.path}`}`
    place.problems.push({ ...problem, file, line, path, lineText })
  }
  return undefined
}

/** Where the lines of a block of text under `annotations` stand in the file. */
function placeOfBlock({ parsed, path }: GroupPlace) {
  const { line } = parsed.locate([...path, 'annotations', strategyAnnotation])
  const head = parsed.text.split('\n', line)[line - 1] ?? ''
  const isBlock = /:\s*[|>][-+\d]*\s*(#.*)?$/.test(head)
  const lineOffset = (inner: number): number => (isBlock ? line + Math.max(1, inner) : line)
  return { file: parsed.file, lineOffset, text: parsed.text }
}

function checkRule(rule: RawRule, place: GroupPlace): void {
  const { path, parsed, problems } = place
  const add = (key: string, message: string): void => {
    problems.push(problemAt(parsed, [...path, key], message))
  }
  if (rule.record !== undefined && rule.alert !== undefined) {
    add('alert', 'a rule has either "record" or "alert", not both')
  } else if (!rule.record && !rule.alert) {
    problems.push(problemAt(parsed, path, 'a rule needs "record" or "alert" with a name'))
  }
  if (rule.expr.trim() === '') add('expr', 'must not be empty')
  else checkExpression(rule.expr, place)
  if (rule.record !== undefined) {
    for (const key of ['for', 'keep_firing_for', 'annotations'] as const) {
      if (rule[key] !== undefined) add(key, `"${key}" belongs to alerts, not to a recording rule`)
    }
    if (!isLegacyMetricName(rule.record)) add('record', `"${rule.record}" is not a metric name`)
  }
  checkLabels(rule.labels ?? {}, { parsed, path: [...path, 'labels'], problems })
  if (rule.alert === undefined) return
  for (const key of ['labels', 'annotations'] as const) {
    for (const [name, template] of Object.entries(rule[key] ?? {})) {
      if (key === 'annotations' && name === '') add(key, 'an annotation needs a name')
      if (key === 'annotations' && name === strategyAnnotation) continue
      const reason = checkTemplate(template, `__alert_${rule.alert}`)
      if (reason !== undefined)
        problems.push(problemAt(parsed, [...path, key, name], `bad template: ${reason}`))
    }
  }
}

function checkExpression(expression: string, place: GroupPlace): void {
  const reason = reasonAgainst(expression, place.parser)
  if (reason !== undefined)
    place.problems.push(problemAt(place.parsed, [...place.path, 'expr'], reason))
}

/** Why an expression cannot be a rule's. */
export function reasonAgainst(
  expression: string,
  parser: ExpressionParser | undefined,
): string | undefined {
  if (parser === undefined) return undefined
  try {
    const { valueType } = parser.prepare(expression)
    const isUsable = valueType === 'vector' || valueType === 'scalar'
    return isUsable ? undefined : `answers a ${valueType}; a rule needs a vector or a scalar`
  } catch (thrown) {
    return `could not parse expression: ${messageOf(thrown)}`
  }
}

function checkLabels(
  labels: Record<string, string>,
  place: { parsed: ParsedYaml; path: PropertyKey[]; problems: ConfigProblem[] },
): void {
  for (const name of Object.keys(labels)) {
    if (name === '' || name === '__name__') {
      place.problems.push(
        problemAt(place.parsed, [...place.path, name], `"${name}" cannot be set as a label`),
      )
    }
  }
}
