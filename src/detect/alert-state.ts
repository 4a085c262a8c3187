/**
 * The life of the alerts of one rule: inactive, pending, firing, resolved. A pure state machine: it is
 * given an instant and what the expression answered, and keeps time only through these instants.
 *
 * Source: Prometheus rules/alerting.go (Apache-2.0), behaviour re-implemented: one alert for each
 * element; pending until `for` has passed between evaluations; held by keep_firing_for; resolved ones
 * are kept 15 min and sent again. Beyond it: an alert whose data stopped without a word is not
 * resolved but kept, and its `for` stands still meanwhile ("missing is not healthy").
 */

import type { DetectedAlert } from '../model/alert.ts'
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
    const answered = this.#makeAnswered(timeMs, elements, options)
    let isChanged = false
    for (const [key, next] of answered) {
      const alert = this.active.get(key)
      if (alert !== undefined && alert.state !== 'inactive') {
        alert.value = next.value
        alert.annotations = next.annotations
        alert.elementLabels = next.elementLabels
        alert.lastTrueTimeMs = timeMs
        alert.keepFiringSinceTimeMs = undefined
        if (alert.noDataSinceTimeMs !== undefined) isChanged = true
        alert.noDataSinceTimeMs = undefined
      } else {
        this.active.set(key, next)
        isChanged = true
      }
    }
    let liveCount = 0
    for (const [key, alert] of this.active) {
      const before = alert.state
      if (!answered.has(key) && !this.#keep(timeMs, alert, options)) {
        if (this.#end(timeMs, alert)) this.active.delete(key)
        if (alert.state !== before || before === 'pending') isChanged = true
        continue
      }
      liveCount++
      if (alert.state === 'pending' && timeMs - alert.activeTimeMs >= this.rule.holdMs) {
        alert.state = 'firing'
        alert.firedTimeMs = timeMs
      }
      if (alert.state !== before) isChanged = true
    }
    this.lastTimeMs = timeMs
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
      pairs.push('alertname', this.rule.name)
      const labels = labelsFromPairs(pairs)
      if (answered.has(labels.key)) {
        throw detectErrors.DUPLICATE_LABELS({ rule: this.rule.name, labels: String(labels) })
      }
      const annotations: Record<string, string> = Object.create(null)
      for (const [name, expander] of this.#annotations) annotations[name] = expander.expand(context)
      answered.set(labels.key, {
        labels,
        elementLabels,
        annotations: makeLabels(annotations),
        state: 'pending',
        value: element.value,
        activeTimeMs: timeMs,
        firedTimeMs: undefined,
        resolvedTimeMs: undefined,
        keepFiringSinceTimeMs: undefined,
        noDataSinceTimeMs: undefined,
        lastTrueTimeMs: timeMs,
        lastSentTimeMs: undefined,
      })
    }
    return answered
  }

  /** Whether an alert that was not answered stays as it is. */
  #keep(timeMs: number, alert: ActiveAlert, options: JudgeOptions): boolean {
    if (alert.state === 'inactive') return false
    if (options.noDataKeepMs > 0 && options.dataOf(alert) === 'silent') {
      alert.noDataSinceTimeMs ??= timeMs
      if (timeMs - alert.noDataSinceTimeMs < options.noDataKeepMs) {
        // The clock of `for` stands still: what nobody saw does not count.
        if (alert.state === 'pending') alert.activeTimeMs += timeMs - (this.lastTimeMs ?? timeMs)
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
