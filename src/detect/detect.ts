/**
 * The door of detection: rules in, verdicts out. Rules are evaluated by the clock of their group and,
 * within milliseconds, when a sample arrives that they read; the verdict is the one that the clock
 * would have given at that instant. Work is cut into slices, each rule takes its turn in the order in
 * which it was touched; how often one may be asked is in `allowance.ts`, how much all may take in `pace.ts`.
 */

import type { AlertView } from '../api/api.ts'
import type { RuleGroupStatus } from '../api/rules.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { DetectedAlert } from '../model/alert.ts'
import type { AlertSink, Appender, ArrivalFeed } from '../model/flow.ts'
import { makeLabels } from '../model/labels.ts'
import type { QueryEngine } from '../query/query.ts'
import type { Records } from '../store/store.ts'
import { ArrivalIndex } from './arrival.ts'
import { ArrivalQueue } from './arrival-queue.ts'
import { GroupRunner } from './group-runner.ts'
import { loadGroups } from './load-groups.ts'
import { recordFailuresTotal, ruleCount } from './metrics.ts'
import { Pace } from './pace.ts'
import type { RuleGroup } from './rule-file.ts'
import { RuleMemory } from './rule-memory.ts'
import { RuleRunner, type RuleSurroundings } from './rule-runner.ts'
import { type RuleGroupView, viewGroup, viewPending } from './rule-view.ts'
import type { DetectSettings } from './settings.ts'
import { SharedAnswers } from './shared-answers.ts'
import { viewGroupHealth } from './view-health.ts'

export { formatGroups } from './format-groups.ts'
export { loadGroups } from './load-groups.ts'
export type {
  AlertingRuleView,
  RecordingRuleView,
  RuleAlertView,
  RuleGroupView,
  RuleView,
} from './rule-view.ts'
export { parseRuleFile, type RuleGroup } from './rule-file.ts'
export { RuleDesk } from './rule-desk/rule-desk.ts'
export { findRuleNotes } from './rule-desk/find-rule-notes.ts'
export { RuleBench } from './rule-test/rule-bench.ts'
export { runRuleTests } from './rule-test/run-rule-tests.ts'
export type { DetectSettings } from './settings.ts'
export { parseSloFile } from './slo/slo-file.ts'

/** What detection is connected to. */
export interface DetectorParts {
  engine: QueryEngine
  feed: ArrivalFeed
  appender: Appender
  sink: AlertSink
  records: Records
  settings: DetectSettings
  clock: Clock
  log: Log
  externalUrl: string
  /** Where relative `rule_files` start; the working directory unless given. */
  baseDir?: string
}

/** Evaluates rules. */
export class Detector {
  readonly #parts: DetectorParts
  readonly #memory: RuleMemory
  readonly #pace: Pace
  #settings: DetectSettings
  #groups: GroupRunner[] = []
  #rules: RuleRunner[] = []
  #index = new ArrivalIndex([], () => undefined)
  #unsubscribe: (() => void) | undefined
  #queue: ArrivalQueue | undefined

  constructor(parts: DetectorParts) {
    this.#parts = parts
    this.#settings = parts.settings
    this.#pace = new Pace(parts.clock)
    this.#memory = new RuleMemory(parts)
  }

  /** Loads the rules, brings back their alerts and begins. Throws `CONFIG_INVALID` for bad rule files. */
  async start(): Promise<void> {
    const groups = loadGroups(this.#settings, this.#parts)
    const kept = await this.#memory.load(this.#settings.rule_alerts.for_outage_tolerance)
    this.#install(groups)
    for (const rule of this.#rules) {
      const found = kept.get(rule.key)
      if (found !== undefined) rule.restore(found)
      kept.delete(rule.key)
    }
    await this.#memory.forget(kept.keys())
    this.#memory.startHeartbeat()
    for (const group of this.#groups) group.start()
  }

  /** Stops evaluating; alerts are kept for the next start. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#queue?.stop()
    for (const group of this.#groups) group.stop()
    await this.#memory.stop()
  }

  /** Takes new settings and reads the rule files again. Throws `CONFIG_INVALID` and changes nothing when one is bad. */
  async reload(settings: DetectSettings): Promise<void> {
    const groups = loadGroups(settings, this.#parts)
    const oldGroups = this.#groups
    const oldRules = new Map(this.#rules.map((rule) => [rule.key, rule]))
    this.#settings = settings
    for (const group of oldGroups) group.stop()
    this.#install(groups)
    for (const rule of this.#rules) {
      const old = oldRules.get(rule.key)
      if (old !== undefined) rule.restore(old.kept)
      oldRules.delete(rule.key)
    }
    for (const group of this.#groups) group.start()
    for (const rule of oldRules.values()) await rule.end(this.#parts.clock.nowTimeMs())
    await this.#memory.forget(oldRules.keys())
  }

  /** All groups with their rules and live alerts. */
  groups(): RuleGroupView[] {
    return this.#groups.map((group) =>
      viewGroup(group, group.group.queryOffsetMs ?? this.#settings.global.rule_query_offset),
    )
  }

  /** The same with how well they run; `editNameOf` tells by which name a file is edited. */
  health(editNameOf: (file: string) => string | undefined): RuleGroupStatus[] {
    return this.#groups.map((group) => {
      const queryOffsetMs = group.group.queryOffsetMs ?? this.#settings.global.rule_query_offset
      return viewGroupHealth(group, { queryOffsetMs, editNameOf })
    })
  }

  /** How many rules there are and when one last ran. */
  status(): { ruleCount: number; lastEvaluationTimeMs: number | undefined } {
    let lastEvaluationTimeMs: number | undefined
    for (const rule of this.#rules) {
      const timeMs = rule.lastEvaluationTimeMs
      if (timeMs !== undefined && timeMs > (lastEvaluationTimeMs ?? 0))
        lastEvaluationTimeMs = timeMs
    }
    return { ruleCount: this.#rules.length, lastEvaluationTimeMs }
  }

  /** Alerts whose `for` has not passed yet. */
  pendingAlerts(): AlertView[] {
    const views: AlertView[] = []
    for (const rule of this.#rules) {
      for (const alert of rule.alerts?.listLive() ?? []) {
        if (alert.state === 'pending') views.push(viewPending(rule, alert))
      }
    }
    return views
  }

  #install(groups: readonly RuleGroup[]): void {
    const { engine, appender, clock, log, externalUrl } = this.#parts
    const answers = new SharedAnswers(engine, this.#pace)
    const around: RuleSurroundings = {
      engine,
      answers,
      pace: this.#pace,
      appender,
      clock,
      log,
      externalUrl,
      index: () => this.#index,
      externalLabels: makeLabels(this.#settings.global.external_labels),
      noDataKeepMs: this.#settings.no_data === 'keep' ? this.#settings.no_data_keep_for : 0,
      noDataKeepForMs: this.#settings.no_data_keep_for,
      resendDelayMs: this.#settings.rule_alerts.resend_delay,
      forGraceMs: this.#settings.rule_alerts.for_grace_period,
      send: (alerts) => this.#send(alerts),
      noteChanged: (runner) => this.#memory.note(runner),
      noteDue: (runner) => this.#queue?.add(runner),
    }
    this.#rules = []
    this.#groups = groups.map((group) => {
      const intervalMs = group.intervalMs ?? this.#settings.global.evaluation_interval
      const offsetMs = group.queryOffsetMs ?? this.#settings.global.rule_query_offset
      const rules = group.rules.map((rule) => {
        const runner = new RuleRunner({
          rule,
          group,
          ruleIndex: this.#rules.length,
          intervalMs,
          offsetMs,
          around,
        })
        this.#rules.push(runner)
        return runner
      })
      return new GroupRunner({ group, intervalMs, rules, clock, pace: this.#pace })
    })
    connectRules(this.#groups, this.#rules)
    this.#listen(answers)
    ruleCount.set({ kind: 'alerting' }, this.#rules.filter((rule) => rule.alerts).length)
    ruleCount.set({ kind: 'recording' }, this.#rules.filter((rule) => !rule.alerts).length)
  }

  #listen(answers: SharedAnswers): void {
    this.#unsubscribe?.()
    this.#queue?.stop()
    const { clock } = this.#parts
    const queue = new ArrivalQueue({ rules: this.#rules, clock, pace: this.#pace })
    this.#queue = queue
    const before = this.#index
    const index = new ArrivalIndex(this.#rules, (ruleIndex, arrival) =>
      queue.touch(ruleIndex, arrival),
    )
    this.#index = index
    this.#unsubscribe = this.#parts.feed.subscribe({
      onSeries: (seriesId, labels) => index.onSeries(seriesId, labels),
      onSamples: (batch, arrivedTimeMs) => {
        answers.forget()
        index.onSamples(batch, arrivedTimeMs)
      },
    })
    index.takeOver(before)
  }

  #send(alerts: DetectedAlert[]): void {
    this.#parts.sink.publish(alerts).catch((thrown: unknown) => {
      recordFailuresTotal.inc()
      this.#parts.log.error({ error: messageOf(thrown) }, 'alerts could not be handed over')
    })
  }
}

/**
 * Finds which recordings each rule reads inside its group, and which rules arrival evaluates: alerts,
 * and the recordings that lead to one. Rules with a query offset look at the past on purpose: the
 * clock alone evaluates them.
 */
function connectRules(groups: readonly GroupRunner[], rules: readonly RuleRunner[]): void {
  const recordings = new Map<string, RuleRunner[]>()
  for (const rule of rules) {
    if (rule.alerts !== undefined) continue
    recordings.set(rule.rule.name, [...(recordings.get(rule.rule.name) ?? []), rule])
  }
  for (const group of groups) {
    for (const [place, rule] of group.rules.entries()) {
      const earlier = new Set(group.rules.slice(0, place))
      rule.dependencies = listRead(rule, recordings).filter((other) => earlier.has(other))
    }
  }
  const reached = new Set(rules.filter((rule) => rule.alerts !== undefined))
  // A set is walked in the order of insertion, what is added meanwhile included.
  for (const rule of reached) {
    rule.isOnArrival = !rule.hasQueryOffset
    if (rule.isOnArrival) for (const other of listRead(rule, recordings)) reached.add(other)
  }
}

/** The recordings whose series a rule may read. */
function listRead(rule: RuleRunner, recordings: ReadonlyMap<string, RuleRunner[]>): RuleRunner[] {
  const found: RuleRunner[] = []
  for (const { matchers } of rule.selectors) {
    const names = matchers.filter((matcher) => matcher.name === '__name__')
    const exact = names.find((matcher) => matcher.operator === '=')
    if (exact !== undefined) found.push(...(recordings.get(exact.value) ?? []))
    else {
      for (const [name, rules] of recordings)
        if (names.every((matcher) => matcher.matches(name))) found.push(...rules)
    }
  }
  return found
}
