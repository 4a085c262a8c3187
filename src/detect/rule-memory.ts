/**
 * The alerts of rules over restarts: kept in the records within a moment of each change, by the
 * rule's key, and brought back at start. What nobody watched does not count: the `for` of pending
 * alerts is moved by the time that we were down, as Prometheus does; pending alerts from before a
 * longer gap are forgotten, firing ones are not.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { Labels } from '../model/labels.ts'
import type { Records } from '../store/store.ts'
import type { ActiveAlert } from './alert-state.ts'
import { recordFailuresTotal } from './metrics.ts'
import type { KeptRule, RuleRunner } from './rule-runner.ts'
import type { SavedCourse } from './strategy/strategy-judge.ts'

const rulePrefix = 'detect.rule.'
const heartbeatName = 'detect.heartbeat'
/** Changes are collected this long before they are written. */
const saveDelayMs = 50
const heartbeatIntervalMs = 15_000

/** An alert as JSON. */
interface SavedAlert
  extends Omit<ActiveAlert, 'labels' | 'elementLabels' | 'annotations' | 'value'> {
  labels: readonly string[]
  elementLabels: readonly string[]
  annotations: readonly string[]
  /** As text: JSON has no NaN and no infinity. */
  value: string
}

/** A rule as JSON; of plain rules the alerts alone. */
type SavedRule = SavedAlert[] | { alerts: SavedAlert[]; courses: SavedCourse[] }

/** Keeps and restores. */
export class RuleMemory {
  readonly #records: Records
  readonly #clock: Clock
  readonly #log: Log
  readonly #changed = new Set<RuleRunner>()
  #saveTimer: Timer | undefined
  #heartbeat: Timer | undefined
  #saving: Promise<void> = Promise.resolve()

  constructor(parts: { records: Records; clock: Clock; log: Log }) {
    this.#records = parts.records
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /**
   * Reads what was kept, by rule key, with the gap already taken into account. After a gap longer
   * than `toleranceMs` pending alerts start anew.
   */
  async load(toleranceMs: number): Promise<Map<string, KeptRule>> {
    const found = new Map<string, KeptRule>()
    try {
      const nowTimeMs = this.#clock.nowTimeMs()
      const beat = await this.#records.states.find(heartbeatName)
      const gapMs = typeof beat === 'number' ? Math.max(0, nowTimeMs - beat) : 0
      for (const { name, value } of await this.#records.states.list(rulePrefix)) {
        const saved = value as SavedRule
        const isPlain = Array.isArray(saved)
        const isForgiven = gapMs <= toleranceMs
        const alerts = (isPlain ? saved : saved.alerts)
          .map((alert) => revive(alert, gapMs))
          .filter((alert) => alert.state !== 'pending' || isForgiven)
        const courses = (isPlain ? [] : saved.courses).filter(
          ({ course }) => course.isShown || isForgiven,
        )
        found.set(name.slice(rulePrefix.length), { alerts, courses, gapMs })
      }
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.warn(
        { error: messageOf(thrown) },
        'the state of the rules could not be restored; they start anew',
      )
    }
    return found
  }

  /** Forgets rules that are no more. */
  async forget(keys: Iterable<string>): Promise<void> {
    await this.#attempt(async () => {
      for (const key of keys) await this.#records.states.remove(rulePrefix + key)
    })
  }

  /** A rule's alerts changed. */
  note(runner: RuleRunner): void {
    this.#changed.add(runner)
    this.#saveTimer ??= this.#clock.after(saveDelayMs, () => {
      this.#saveTimer = undefined
      void this.save()
    })
  }

  /** Says regularly that we watch, so that the next start knows the gap. */
  startHeartbeat(): void {
    const beat = (): void => {
      void this.#attempt(() => this.#records.states.set(heartbeatName, this.#clock.nowTimeMs()))
      this.#heartbeat = this.#clock.after(heartbeatIntervalMs, beat)
    }
    beat()
  }

  /** Writes what changed, one write after the other. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      const runners = [...this.#changed]
      this.#changed.clear()
      for (const runner of runners) {
        const { alerts, courses } = runner.kept
        const name = rulePrefix + runner.key
        const saved = alerts.map(reduce)
        const isKept = await this.#attempt(() =>
          alerts.length + courses.length === 0
            ? this.#records.states.remove(name)
            : this.#records.states.set(
                name,
                courses.length === 0 ? saved : { alerts: saved, courses },
              ),
        )
        // Tried again with the next change or at the end.
        if (!isKept) this.#changed.add(runner)
      }
    })
    return this.#saving
  }

  /** Writes everything and stops. */
  async stop(): Promise<void> {
    this.#saveTimer?.cancel()
    this.#saveTimer = undefined
    this.#heartbeat?.cancel()
    await this.save()
    await this.#attempt(() => this.#records.states.set(heartbeatName, this.#clock.nowTimeMs()))
  }

  async #attempt(action: () => Promise<void>): Promise<boolean> {
    try {
      await action()
      return true
    } catch (thrown) {
      recordFailuresTotal.inc()
      this.#log.warn({ error: messageOf(thrown) }, 'the state of rules could not be kept')
      return false
    }
  }
}

function reduce(alert: ActiveAlert): SavedAlert {
  return {
    ...alert,
    labels: alert.labels.pairs,
    elementLabels: alert.elementLabels.pairs,
    annotations: alert.annotations.pairs,
    value: String(alert.value),
  }
}

function revive(saved: SavedAlert, gapMs: number): ActiveAlert {
  return {
    labels: new Labels(saved.labels),
    elementLabels: new Labels(saved.elementLabels),
    annotations: new Labels(saved.annotations),
    state: saved.state,
    value: Number(saved.value),
    activeTimeMs: saved.state === 'pending' ? saved.activeTimeMs + gapMs : saved.activeTimeMs,
    firedTimeMs: saved.firedTimeMs,
    resolvedTimeMs: saved.resolvedTimeMs,
    keepFiringSinceTimeMs: saved.keepFiringSinceTimeMs,
    noDataSinceTimeMs: saved.noDataSinceTimeMs,
    lastTrueTimeMs: saved.lastTrueTimeMs,
    lastSentTimeMs: saved.lastSentTimeMs,
  }
}
