/**
 * The life of the alerts of one rule: inactive, pending, firing, resolved. A pure state machine: it is
 * given an instant and what the expression answered, and keeps time only through these instants.
 *
 * Source: Prometheus rules/alerting.go (Apache-2.0), behaviour re-implemented: one alert for each
 * element; pending until `for` has passed between evaluations; held by keep_firing_for; resolved ones
 * are kept 15 min and sent again. Beyond it: an alert whose data stopped without a word is not
 * resolved but kept, and its `for` stands still meanwhile ("missing is not healthy").
 */

import { formatDuration } from '../base/duration.ts'
import type { DetectedAlert } from '../model/alert.ts'
import type { Histogram } from '../model/histogram.ts'
import { compareLabels, type Labels, labelsFromPairs, makeLabels } from '../model/labels.ts'
import { detectErrors } from './errors.ts'
import type { AlertingRule } from './rule-file.ts'
import { type Expander, makeExpander, type TemplateContext } from './template.ts'

/** One alert of a rule. */
export interface ActiveAlert {
  /** What is sent: the element's labels, the rule's, and `alertname`. */
  labels: Labels
  /** The labels as the expression answered them, without the name. */
  elementLabels: Labels
  annotations: Labels
  state: 'pending' | 'firing' | 'inactive'
  value: number
  activeTimeMs: number
  firedTimeMs: number | undefined
  resolvedTimeMs: number | undefined
  keepFiringSinceTimeMs: number | undefined
  /** Since when it is kept without data. */
  noDataSinceTimeMs: number | undefined
  /** When the expression last answered it. */
  lastTrueTimeMs: number
  lastSentTimeMs: number | undefined
}

/** One element of the expression's answer. */
export interface Element {
  labels: Labels
  value: number
  /** A native histogram, instead of the value. */
  histogram?: Histogram
  /** What the rule's strategy makes of it; without one it is an alert and `for` decides when it fires. */
  verdict?: ElementVerdict
  /** Since when its data is missing, when that is why it is an alert. */
  noDataSinceTimeMs?: number
}

/** The judgement of a strategy. */
export interface ElementVerdict {
  /** Empty: as the rule's labels say. */
  severity: string
  /** Whether it fires now; else it is pending. */
  isDue: boolean
  sinceTimeMs: number
  /** How many changes made it flapping; 0 when it is not. */
  flapCount: number
}

/** What became of an element that the expression no longer answers. */
export type DataState = 'present' | 'silent' | 'ended'

/** What an evaluation needs beside the answer. */
export interface JudgeOptions {
  limit: number
  /** Called for alerts that were not answered; "silent" keeps them. */
  dataOf(alert: ActiveAlert): DataState
  /** How long silence keeps an alert; 0 never. */
  noDataKeepMs: number
  template: Omit<TemplateContext, 'labels' | 'value' | 'timeMs'>
}

/** How long a resolved alert is kept and sent again. */
const resolvedKeepMs = 15 * 60_000

/** The alerts of one rule. */
export class AlertState {
  readonly rule: AlertingRule
  /** By the key of the final labels. */
  readonly active = new Map<string, ActiveAlert>()
  lastTimeMs: number | undefined
  /** Of the last answer, by the key of the final labels. */
  readonly #verdicts = new Map<string, ElementVerdict>()
  readonly #labels: [string, Expander][]
  readonly #annotations: [string, Expander][]

  constructor(rule: AlertingRule) {
    this.rule = rule
    const name = `__alert_${rule.name}`
    const read = (templates: Map<string, string>): [string, Expander][] =>
      [...templates].map(([label, text]) => [label, makeExpander(text, name)])
    this.#labels = read(rule.labels)
    this.#annotations = read(rule.annotations)
  }

  /**
   * Judges the answer at `timeMs`; answers whether the state of any alert changed. Throws
   * `DETECT_DUPLICATE_LABELS` and changes nothing, or `DETECT_LIMIT_EXCEEDED` and clears all.
   */
  judge(timeMs: number, elements: readonly Element[], options: JudgeOptions): boolean {
    if (elements.length === 0 && this.active.size === 0) {
      this.lastTimeMs = timeMs
      return false
    }
    const answered = this.#makeAnswered(timeMs, elements, options)
    return this.#judgeAnswered(timeMs, answered, { ...options, only: undefined })
  }

  /**
   * Judges a part of the answer: that of the label sets with these keys; all other alerts stay as they
   * are. Answers `undefined` and changes nothing when the whole answer must be judged. Throws as `judge`.
   */
  judgePart(
    timeMs: number,
    elements: readonly Element[],
    options: JudgeOptions & { only: ReadonlySet<string> },
  ): boolean | undefined {
    const { only } = options
    const answered = this.#makeAnswered(timeMs, elements, options)
    for (const [key, next] of answered) {
      const known = this.active.get(key)
      // Perhaps two elements now make the same alert.
      if (known !== undefined && known.state !== 'inactive' && !hasSameElement(known, next))
        return undefined
    }
    for (const [key, alert] of this.active) {
      if (answered.has(key) || !only.has(alert.elementLabels.key)) continue
      // Clocks that stand still are the whole judgement's.
      if (alert.state !== 'inactive' && options.dataOf(alert) === 'silent') return undefined
    }
    return this.#judgeAnswered(timeMs, answered, options)
  }

  #judgeAnswered(
    timeMs: number,
    answered: Map<string, ActiveAlert>,
    options: JudgeOptions & { only: ReadonlySet<string> | undefined },
  ): boolean {
    const { only } = options
    let isChanged = false
    for (const [key, next] of answered) {
      const alert = this.active.get(key)
      if (alert !== undefined && alert.state !== 'inactive') {
        alert.value = next.value
        alert.annotations = next.annotations
        alert.elementLabels = next.elementLabels
        alert.lastTrueTimeMs = timeMs
        alert.keepFiringSinceTimeMs = undefined
        if (alert.noDataSinceTimeMs !== next.noDataSinceTimeMs) isChanged = true
        alert.noDataSinceTimeMs = next.noDataSinceTimeMs
      } else {
        this.active.set(key, next)
        isChanged = true
      }
    }
    let liveCount = 0
    const verdicts = this.#verdicts
    // An element has one severity at a time; nothing keeps the one that it had.
    const movedKeys =
      this.rule.strategy === undefined
        ? undefined
        : new Set([...answered.values()].map(({ elementLabels }) => elementLabels.key))
    for (const [key, alert] of this.active) {
      const before = alert.state
      if (only !== undefined && !only.has(alert.elementLabels.key)) {
        if (before !== 'inactive') liveCount++
        continue
      }
      const isMoved = movedKeys?.has(alert.elementLabels.key) === true
      if (!answered.has(key) && (isMoved || !this.#keep(timeMs, alert, options))) {
        if (this.#end(timeMs, alert)) this.active.delete(key)
        if (alert.state !== before) this.#noteMove(alert, verdicts)
        if (alert.state !== before || before === 'pending') isChanged = true
        continue
      }
      liveCount++
      const isDue = verdicts.get(key)?.isDue ?? this.#hasHeld(timeMs, alert)
      if (alert.state === 'pending' && isDue) {
        alert.state = 'firing'
        alert.firedTimeMs = timeMs
      }
      if (alert.state !== before) isChanged = true
    }
    if (only === undefined) this.lastTimeMs = timeMs
    if (options.limit > 0 && liveCount > options.limit) {
      this.active.clear()
      throw detectErrors.LIMIT_EXCEEDED({
        rule: this.rule.name,
        limit: options.limit,
        count: liveCount,
      })
    }
    return isChanged
  }

  /** The next instant at which time alone changes something, or `undefined`. */
  nextDeadlineMs(): number | undefined {
    let next: number | undefined
    for (const alert of this.active.values()) {
      let dueMs: number | undefined
      if (alert.noDataSinceTimeMs !== undefined) continue
      // A strategy knows its own deadlines.
      if (alert.state === 'pending' && this.rule.strategy !== undefined) continue
      if (alert.state === 'pending') dueMs = alert.activeTimeMs + this.rule.holdMs
      else if (alert.state === 'firing' && alert.keepFiringSinceTimeMs !== undefined)
        dueMs = alert.keepFiringSinceTimeMs + this.rule.keepFiringMs
      if (dueMs !== undefined && (next === undefined || dueMs < next)) next = dueMs
    }
    return next
  }

  /** Alerts that are due to be sent at `timeMs`; marks them sent. */
  takeDue(timeMs: number, resendMs: number): ActiveAlert[] {
    const due: ActiveAlert[] = []
    for (const alert of this.active.values()) {
      if (alert.state === 'pending') continue
      const sentMs = alert.lastSentTimeMs
      const isNews =
        sentMs === undefined ||
        (alert.resolvedTimeMs !== undefined && alert.resolvedTimeMs > sentMs) ||
        (alert.state === 'firing' && alert.firedTimeMs !== undefined && alert.firedTimeMs > sentMs)
      if (!isNews && timeMs - sentMs < resendMs) continue
      alert.lastSentTimeMs = timeMs
      due.push(alert)
    }
    return due
  }

  /** "firing" if any alert is, else "pending" if any is, else "inactive". */
  worst(): 'firing' | 'pending' | 'inactive' {
    let worst: 'pending' | 'inactive' = 'inactive'
    for (const alert of this.active.values()) {
      if (alert.state === 'firing') return 'firing'
      if (alert.state === 'pending') worst = 'pending'
    }
    return worst
  }

  /** Pending and firing alerts, sorted by labels. */
  listLive(): ActiveAlert[] {
    return [...this.active.values()]
      .filter((alert) => alert.state !== 'inactive')
      .sort((a, b) => compareLabels(a.labels, b.labels))
  }

  #makeAnswered(
    timeMs: number,
    elements: readonly Element[],
    options: JudgeOptions,
  ): Map<string, ActiveAlert> {
    const answered = new Map<string, ActiveAlert>()
    if (this.#verdicts.size > 0) this.#verdicts.clear()
    for (const element of elements) {
      const context: TemplateContext = {
        ...options.template,
        labels: element.labels,
        value: element.value,
        timeMs,
      }
      const elementLabels = element.labels.with('__name__', '')
      const pairs = [...elementLabels.pairs]
      for (const [name, expander] of this.#labels) pairs.push(name, expander.expand(context))
      const { verdict } = element
      if (verdict !== undefined && verdict.severity !== '') pairs.push('severity', verdict.severity)
      pairs.push('alertname', this.rule.name)
      const labels = this.#withDefaults(labelsFromPairs(pairs))
      if (answered.has(labels.key)) {
        throw detectErrors.DUPLICATE_LABELS({ rule: this.rule.name, labels: String(labels) })
      }
      const annotations: Record<string, string> = Object.create(null)
      for (const [name, expander] of this.#annotations) annotations[name] = expander.expand(context)
      if (verdict !== undefined) this.#verdicts.set(labels.key, verdict)
      addStrategyAnnotations(annotations, this.rule, element)
      answered.set(labels.key, {
        labels,
        elementLabels,
        annotations: makeLabels(annotations),
        state: 'pending',
        value: element.value,
        activeTimeMs: verdict?.sinceTimeMs ?? timeMs,
        firedTimeMs: undefined,
        resolvedTimeMs: undefined,
        keepFiringSinceTimeMs: undefined,
        noDataSinceTimeMs: element.noDataSinceTimeMs,
        lastTrueTimeMs: timeMs,
        lastSentTimeMs: undefined,
      })
    }
    return answered
  }

  #hasHeld(timeMs: number, alert: ActiveAlert): boolean {
    return this.rule.strategy === undefined && timeMs - alert.activeTimeMs >= this.rule.holdMs
  }

  /** Service and owner are labels, so that routes can use them; what is there already stays. */
  #withDefaults(labels: Labels): Labels {
    const { strategy } = this.rule
    if (strategy === undefined) return labels
    let all = labels
    for (const name of ['service', 'owner'] as const) {
      if (strategy[name] !== '' && !all.has(name)) all = all.with(name, strategy[name])
    }
    return all
  }

  /** An alert that ended because the same element has another severity now says so. */
  #noteMove(alert: ActiveAlert, verdicts: ReadonlyMap<string, ElementVerdict>): void {
    for (const [key, { severity }] of verdicts) {
      if (severity === '' || alert.labels.with('severity', severity).key !== key) continue
      alert.annotations = alert.annotations.with('moved_to', severity)
    }
  }

  /** Whether an alert that was not answered stays as it is. */
  #keep(timeMs: number, alert: ActiveAlert, options: JudgeOptions): boolean {
    if (alert.state === 'inactive') return false
    if (options.noDataKeepMs > 0 && options.dataOf(alert) === 'silent') {
      alert.noDataSinceTimeMs ??= timeMs
      if (timeMs - alert.noDataSinceTimeMs < options.noDataKeepMs) {
        // The clock of `for` stands still: what nobody saw does not count.
        const seenTimeMs = Math.max(this.lastTimeMs ?? timeMs, alert.lastTrueTimeMs)
        if (alert.state === 'pending') alert.activeTimeMs += timeMs - seenTimeMs
        return true
      }
    } else alert.noDataSinceTimeMs = undefined
    if (alert.state !== 'firing' || this.rule.keepFiringMs === 0) return false
    alert.keepFiringSinceTimeMs ??= timeMs
    return timeMs - alert.keepFiringSinceTimeMs < this.rule.keepFiringMs
  }

  /** Ends an alert; answers whether it can be forgotten. */
  #end(timeMs: number, alert: ActiveAlert): boolean {
    if (alert.state === 'pending') return true
    if (alert.state === 'firing') {
      alert.state = 'inactive'
      alert.resolvedTimeMs = timeMs
      return false
    }
    return alert.resolvedTimeMs !== undefined && timeMs - alert.resolvedTimeMs > resolvedKeepMs
  }
}

function hasSameElement(a: ActiveAlert, b: ActiveAlert): boolean {
  return a.elementLabels.key === b.elementLabels.key
}

/** What a strategy adds to what a person reads. */
function addStrategyAnnotations(
  annotations: Record<string, string>,
  { strategy }: AlertingRule,
  { verdict, noDataSinceTimeMs }: Element,
): void {
  if (strategy === undefined) return
  const { runbook, flapping } = strategy
  const runbookName = /^https?:/.test(runbook) ? 'runbook_url' : 'runbook'
  if (runbook !== '') annotations[runbookName] ??= runbook
  if (verdict !== undefined && verdict.flapCount > 0 && flapping !== undefined)
    annotations['flapping'] =
      `changed ${verdict.flapCount} times within ${formatDuration(flapping.withinMs)}`
  if (noDataSinceTimeMs !== undefined)
    annotations['no_data'] = `no data since ${new Date(noDataSinceTimeMs).toISOString()}`
}

/** What is sent of an alert. `validMs`: how long a firing one counts without news. */
export function toDetected(
  alert: ActiveAlert,
  sending: { rule: AlertingRule; group: string; timeMs: number; validMs: number } & {
    externalLabels: Labels
    generatorUrl: string
    arrivedTimeMs: number | undefined
  },
): DetectedAlert {
  let labels = alert.labels
  const extra = sending.externalLabels.pairs
  for (let index = 0; index < extra.length; index += 2) {
    if (!labels.has(extra[index]!)) labels = labels.with(extra[index]!, extra[index + 1]!)
  }
  const isResolved = alert.state === 'inactive'
  return {
    labels,
    annotations: alert.annotations,
    state: isResolved ? 'resolved' : 'firing',
    firedTimeMs: alert.firedTimeMs ?? alert.activeTimeMs,
    activeTimeMs: alert.activeTimeMs,
    endTimeMs: isResolved
      ? (alert.resolvedTimeMs ?? sending.timeMs)
      : sending.timeMs + sending.validMs,
    value: alert.value,
    generatorUrl: sending.generatorUrl,
    rule: {
      group: sending.group,
      name: sending.rule.name,
      expression: sending.rule.expression,
    },
    ...(sending.arrivedTimeMs === undefined ? {} : { arrivedTimeMs: sending.arrivedTimeMs }),
    ...(alert.noDataSinceTimeMs === undefined
      ? {}
      : { noDataSinceTimeMs: alert.noDataSinceTimeMs }),
  }
}
