/**
 * What a rule says beyond Prometheus: levels with thresholds of their own, a separate recovery,
 * damping, and what missing data means. It stands as YAML in the annotation `shipwatch` of an alerting
 * rule, where Prometheus carries it along and does not look. docs/decision/0006 says why there.
 *
 *     expr: error_ratio > 0.01
 *     for: 5m
 *     annotations:
 *       shipwatch: |
 *         strategy: escalating
 *         levels:
 *           - severity: warning
 *           - { severity: critical, when: '> 0.05', for: 1m, until: '< 0.03' }
 *         recovery: { when: '< 0.005', for: 10m }
 *         delay: { up: 0s, down: 5m, multiplier: 1.5, max: 1h }
 *         flapping: { changes: 6, within: 30m }
 *         no_data: alert
 *         service: checkout
 */

import { CodedError } from '../../base/error.ts'
import { type ConfigProblem, checkConfig, parseYaml } from '../../config/config.ts'
import { duration, z } from '../../config/schema.ts'
import { parseNumber } from '../../query/query.ts'
import { findCondition, findMeasuredComparison } from '../condition.ts'
import { type Bound, type BoundOperator, parseBound } from './bound.ts'

/** The annotation that holds it. */
export const strategyAnnotation = 'shipwatch'

/** How an alert comes to fire: as long as its condition lasts, rising from level to level, or once for each time that it came true. */
export type StrategyKind = 'sustained' | 'escalating' | 'single'

/** What becomes of an alert whose data stopped without a word. */
export type NoDataPolicy = 'keep' | 'alert' | 'ok'

/** One level of an alert; the last that holds gives the severity. */
export interface Level {
  /** Empty: as the rule's labels say. */
  severity: string
  /** `undefined`: what the expression itself says. */
  when: Bound | undefined
  holdMs: number
  /** Ends it once reached; `undefined`: it ends with its condition. */
  until: Bound | undefined
}

/** When an alert is over; `undefined`: when no level holds. */
export interface Recovery {
  when: Bound | undefined
  /** Answers the elements that have recovered. */
  expression: string | undefined
  holdMs: number
}

/** Notification delays that grow while an alert keeps changing, as Netdata has them. */
export interface Delay {
  upMs: number
  downMs: number
  multiplier: number
  delayMsMax: number
}

/** When a state that changes too often is called flapping. */
export interface Flapping {
  changeCount: number
  withinMs: number
}

/** All of it. */
export interface Strategy {
  /** As it was written. */
  text: string
  kind: StrategyKind
  /** What is measured, when thresholds are given as data; else `undefined` and the expression decides. */
  measure: string | undefined
  /** At least one, the lowest first. */
  levels: Level[]
  recovery: Recovery | undefined
  delay: Delay | undefined
  flapping: Flapping | undefined
  noData: NoDataPolicy | undefined
  /** How long silence counts; `undefined`: as the policy and the settings say. */
  noDataKeepMs: number | undefined
  /** How long an alert of `single` is shown. */
  lastsMs: number
  owner: string
  service: string
  runbook: string
}

const bound = z
  .union([
    z.string(),
    z.strictObject({
      operator: z.enum(['>', '<', '>=', '<=', '==', '!=', 'outside', 'inside']),
      threshold: z.number(),
      upper: z.number().optional(),
    }),
  ])
  .transform((value, context): Bound => {
    const text =
      typeof value === 'string'
        ? value
        : `${value.operator} ${value.threshold}${value.upper === undefined ? '' : `..${value.upper}`}`
    const found = parseBound(text)
    if (found !== undefined) return found
    const message = `"${text}" is not a comparison; write for example "> 0.05" or "outside 10..20"`
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })

const levelShape = z.strictObject({
  severity: z.string().min(1),
  when: bound.optional(),
  for: duration('How long it must hold.').optional(),
  until: bound.optional(),
})

const shape = z.strictObject({
  strategy: z.enum(['sustained', 'escalating', 'single']).optional(),
  levels: z.array(levelShape).min(1).max(20).optional(),
  recovery: z
    .preprocess(
      (value) => (typeof value === 'string' ? { when: value } : value),
      z.strictObject({
        when: bound.optional(),
        expr: z.string().min(1).optional(),
        for: duration('How long it must be well.').optional(),
      }),
    )
    .optional(),
  delay: z
    .strictObject({
      up: duration('Before it fires.').default(0),
      down: duration('Before it ends.').default(0),
      multiplier: z.number().min(1).max(10).default(1),
      max: duration('Longest delay.').default(3_600_000),
    })
    .optional(),
  flapping: z
    .strictObject({
      changes: z.number().int().min(3).max(1000),
      within: duration('In which time.'),
    })
    .optional(),
  no_data: z.enum(['keep', 'alert', 'ok']).optional(),
  no_data_keep_for: duration('How long silence counts.').optional(),
  lasts: duration('How long a single event is shown.').default(300_000),
  owner: z.string().default(''),
  service: z.string().default(''),
  runbook: z.string().default(''),
})

/** The rule around the annotation, as far as it matters here. */
export interface StrategyPlace {
  expression: string
  holdMs: number
  /** Checks an expression; answers why it is wrong. */
  checkExpression(expression: string): string | undefined
}

/** Reads the annotation's text. Problems have lines that count within the text. */
export function readStrategy(
  text: string,
  rule: StrategyPlace,
): { strategy: Strategy } | { problems: ConfigProblem[] } {
  try {
    const parsed = parseYaml(text, strategyAnnotation)
    const raw = checkConfig(parsed, shape)
    const made = { text, ...makeStrategy(raw, rule) }
    const problems = findMistakes(raw, made, rule).map(([path, message]) => ({
      file: '',
      ...parsed.locate(path),
      path: path.join('.'),
      message,
      lineText: '',
    }))
    return problems.length > 0 ? { problems } : { strategy: made }
  } catch (thrown) {
    if (!(thrown instanceof CodedError) || !Array.isArray(thrown.facts['problems'])) throw thrown
    return { problems: thrown.facts['problems'] as ConfigProblem[] }
  }
}

type RawStrategy = z.output<typeof shape>

function makeStrategy(raw: RawStrategy, rule: StrategyPlace): Omit<Strategy, 'text'> {
  const comparison = findMeasuredComparison(rule.expression)
  const threshold = comparison === undefined ? undefined : parseNumber(comparison.threshold)
  const isMeasured =
    raw.levels?.some((level) => level.when !== undefined || level.until !== undefined) === true ||
    raw.recovery?.when !== undefined ||
    raw.no_data === 'alert'
  const own: Bound | undefined =
    comparison === undefined || threshold === undefined
      ? undefined
      : { operator: comparison.operator as BoundOperator, threshold }
  const levels = (raw.levels ?? [{ severity: '' }]) as NonNullable<RawStrategy['levels']>
  return {
    kind: raw.strategy ?? (levels.length > 1 ? 'escalating' : 'sustained'),
    measure: isMeasured ? findMeasure(rule.expression, own, raw) : undefined,
    levels: levels.map((level) => ({
      severity: level.severity,
      when: level.when ?? (isMeasured ? own : undefined),
      holdMs: level.for ?? rule.holdMs,
      until: level.until,
    })),
    recovery:
      raw.recovery === undefined
        ? undefined
        : {
            when: raw.recovery.when,
            expression: raw.recovery.expr,
            holdMs: raw.recovery.for ?? 0,
          },
    delay:
      raw.delay === undefined
        ? undefined
        : {
            upMs: raw.delay.up,
            downMs: raw.delay.down,
            multiplier: raw.delay.multiplier,
            delayMsMax: raw.delay.max,
          },
    flapping:
      raw.flapping === undefined
        ? undefined
        : { changeCount: raw.flapping.changes, withinMs: raw.flapping.within },
    noData: raw.no_data,
    noDataKeepMs: raw.no_data_keep_for,
    lastsMs: raw.lasts,
    owner: raw.owner,
    service: raw.service,
    runbook: raw.runbook,
  }
}

/** What to measure: what the expression compares, or all of it when each level has its own threshold. */
function findMeasure(
  expression: string,
  own: Bound | undefined,
  raw: RawStrategy,
): string | undefined {
  if (own !== undefined) return findMeasuredComparison(expression)!.expression
  const isBare = findCondition(expression).type === 'leaf'
  const hasAll = raw.levels?.every((level) => level.when !== undefined) === true
  return isBare && hasAll ? expression : undefined
}

type Mistake = [path: PropertyKey[], message: string]

function findMistakes(raw: RawStrategy, made: Strategy, rule: StrategyPlace): Mistake[] {
  const mistakes: Mistake[] = []
  const needsMeasure = (path: PropertyKey[]): void => {
    mistakes.push([
      path,
      'this needs an expression that compares one measure with a number, such as "errors > 5"; or one without a comparison, and "when" at every level',
    ])
  }
  if (made.measure === undefined) {
    for (const [index, level] of (raw.levels ?? []).entries()) {
      if (level.when !== undefined) needsMeasure(['levels', index, 'when'])
      if (level.until !== undefined) needsMeasure(['levels', index, 'until'])
    }
    if (raw.recovery?.when !== undefined) needsMeasure(['recovery'])
    if (raw.no_data === 'alert') needsMeasure(['no_data'])
  }
  if (made.kind !== 'escalating' && made.levels.length > 1)
    mistakes.push([['levels'], `"${made.kind}" has one level; write strategy: escalating`])
  if (made.kind === 'escalating' && made.levels.length < 2)
    mistakes.push([['strategy'], '"escalating" needs at least two levels'])
  const severities = made.levels.map((level) => level.severity)
  if (new Set(severities).size < severities.length)
    mistakes.push([['levels'], 'every level needs a severity of its own'])
  if (made.kind === 'single' && (made.recovery ?? made.delay ?? made.flapping) !== undefined)
    mistakes.push([
      ['strategy'],
      '"single" tells an event once; it has no recovery, delay or flapping',
    ])
  const { recovery, delay } = made
  if (recovery !== undefined) {
    if ((recovery.when === undefined) === (recovery.expression === undefined))
      mistakes.push([['recovery'], 'write either "when" or "expr"'])
    const reason =
      recovery.expression === undefined ? undefined : rule.checkExpression(recovery.expression)
    if (reason !== undefined) mistakes.push([['recovery', 'expr'], reason])
  }
  if (delay !== undefined && Math.max(delay.upMs, delay.downMs) > delay.delayMsMax)
    mistakes.push([['delay', 'max'], 'must not be shorter than "up" and "down"'])
  return mistakes
}
