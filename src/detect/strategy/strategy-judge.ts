/**
 * Judges what a rule's expression answers by the rule's strategy: for each element its course, and for
 * those that fell silent what the rule wants of missing data. What comes out goes to the alerts of the
 * rule (`../alert-state.ts`), which know no strategy.
 */

import { Labels } from '../../model/labels.ts'
import type { DataState, Element } from '../alert-state.ts'
import { untrackedElementsTotal } from '../metrics.ts'
import { fits } from '../no-data.ts'
import { fulfils } from './bound.ts'
import { type CourseState, ElementCourse, type Verdict } from './element-course.ts'
import type { Strategy } from './strategy.ts'

/** What is asked beside the answer. */
export interface StrategySurroundings {
  dataOf(element: { labels: Labels; lastTrueTimeMs: number }): DataState
  /** How long silence keeps an element. */
  noDataKeepMs: number
  /** What a separate recovery expression answers; `undefined` when there is none. */
  recovered: readonly Element[] | undefined
}

/** What is kept of one element over a restart. */
export interface SavedCourse {
  labels: readonly string[]
  /** As text: JSON has no NaN and no infinity. */
  value: string
  seenTimeMs: number
  silentSinceTimeMs: number | null
  course: CourseState
}

interface Tracked {
  labels: Labels
  value: number
  /** When it was last seen with data. */
  seenTimeMs: number
  silentSinceTimeMs: number | undefined
  course: ElementCourse
}

/** Healthy elements that a rule remembers, to notice their silence. */
const trackedCountMax = 20_000

/** The courses of all elements of a rule. */
export class StrategyJudge {
  readonly strategy: Strategy
  /** Whether the last judgement changed anything that must survive a restart. */
  isChanged = false
  readonly #tracked = new Map<string, Tracked>()
  #lastTimeMs: number | undefined

  constructor(strategy: Strategy) {
    this.strategy = strategy
  }

  /** The elements that are alerts at `timeMs`, each with its verdict. */
  judge(timeMs: number, answered: readonly Element[], around: StrategySurroundings): Element[] {
    this.isChanged = false
    const found: Element[] = []
    const seen = new Set<string>()
    for (const element of answered) {
      const { key } = element.labels
      seen.add(key)
      let tracked = this.#tracked.get(key)
      const isIdle = tracked === undefined ? !this.#tracksAll : tracked.course.isAtRestAt(timeMs)
      if (isIdle && this.#isWell(element.value)) {
        // Most elements at most instants: nothing is wrong and nothing was.
        if (tracked !== undefined) noteSeen(tracked, timeMs, element.value)
        continue
      }
      if (tracked === undefined) {
        const course = new ElementCourse(this.strategy)
        tracked = { ...element, seenTimeMs: timeMs, silentSinceTimeMs: undefined, course }
      }
      noteSeen(tracked, timeMs, element.value)
      this.#advance(timeMs, tracked, { isAnswered: true, around, found })
      this.#keepOrForget(timeMs, key, tracked)
    }
    for (const [key, tracked] of this.#tracked) {
      if (seen.has(key)) continue
      const { labels, seenTimeMs } = tracked
      const data = around.dataOf({ labels, lastTrueTimeMs: seenTimeMs })
      if (data === 'silent') this.#judgeSilent(timeMs, tracked, { key, around, found })
      else if (data === 'present') {
        tracked.silentSinceTimeMs = undefined
        this.#advance(timeMs, tracked, { isAnswered: false, around, found })
        if (tracked.course.isAtRestAt(timeMs)) this.#tracked.delete(key)
      } else this.#tracked.delete(key)
    }
    this.#lastTimeMs = timeMs
    return found
  }

  /** The next instant at which time alone changes something. */
  nextDeadlineMs(): number | undefined {
    let next: number | undefined
    for (const { course, silentSinceTimeMs } of this.#tracked.values()) {
      if (silentSinceTimeMs !== undefined) continue
      const dueMs = course.nextDeadlineMs()
      if (dueMs !== undefined && (next === undefined || dueMs < next)) next = dueMs
    }
    return next
  }

  /** Whether nothing is remembered. */
  get isAtRest(): boolean {
    return this.#tracked.size === 0
  }

  /** What must survive a restart. */
  save(): SavedCourse[] {
    const saved: SavedCourse[] = []
    for (const { labels, value, seenTimeMs, silentSinceTimeMs, course } of this.#tracked.values()) {
      if (course.isAtRest && silentSinceTimeMs === undefined) continue
      saved.push({
        labels: labels.pairs,
        value: String(value),
        seenTimeMs,
        silentSinceTimeMs: silentSinceTimeMs ?? null,
        course: course.state,
      })
    }
    return saved
  }

  /** Takes back what was kept; `gapMs` is the time in which nobody watched. */
  restore(saved: readonly SavedCourse[], gapMs: number): void {
    for (const row of saved) {
      const labels = new Labels(row.labels)
      const course = new ElementCourse(this.strategy, structuredClone(row.course))
      course.freeze(gapMs)
      this.#tracked.set(labels.key, {
        labels,
        value: Number(row.value),
        seenTimeMs: row.seenTimeMs,
        silentSinceTimeMs: row.silentSinceTimeMs ?? undefined,
        course,
      })
    }
  }

  /** Whether healthy elements are remembered, so that their silence is noticed. */
  get #tracksAll(): boolean {
    return this.strategy.noData === 'alert'
  }

  /** Whether no level's condition holds; unknown to rules whose expression decides. */
  #isWell(value: number): boolean {
    return this.strategy.levels.every(({ when }) => when !== undefined && !fulfils(value, when))
  }

  #advance(
    timeMs: number,
    tracked: Tracked,
    how: { isAnswered: boolean; around: StrategySurroundings; found: Element[] },
  ): void {
    const { recovered } = how.around
    const { labels, value } = tracked
    const isRecovered = recovered?.some((element) => fits(element.labels, labels))
    const before = tracked.course.mark
    const verdict = tracked.course.advance(timeMs, {
      value,
      isAnswered: how.isAnswered,
      isRecovered,
    })
    if (tracked.course.mark !== before) this.isChanged = true
    if (verdict !== undefined) how.found.push(this.#toElement(tracked, verdict))
  }

  #judgeSilent(
    timeMs: number,
    tracked: Tracked,
    { key, around, found }: { key: string; around: StrategySurroundings; found: Element[] },
  ): void {
    if (tracked.silentSinceTimeMs === undefined) this.isChanged = true
    const silentSinceTimeMs = tracked.silentSinceTimeMs ?? timeMs
    tracked.silentSinceTimeMs = silentSinceTimeMs
    tracked.course.freeze(timeMs - (this.#lastTimeMs ?? timeMs))
    const isTooLong = timeMs - silentSinceTimeMs >= around.noDataKeepMs
    if (this.strategy.noData === 'ok' || isTooLong) {
      this.#tracked.delete(key)
      return
    }
    // With "keep" nothing is said: the alerts themselves hold what was firing or pending.
    if (this.strategy.noData !== 'alert') return
    const { isShown, levelIndex } = tracked.course.state
    const level = isShown ? levelIndex : 0
    const isDue = isShown || timeMs - silentSinceTimeMs >= this.strategy.levels[0]!.holdMs
    const verdict = { levelIndex: level, isDue, sinceTimeMs: silentSinceTimeMs, flapCount: 0 }
    found.push({ ...this.#toElement(tracked, verdict), noDataSinceTimeMs: silentSinceTimeMs })
  }

  #toElement({ labels, value }: Tracked, verdict: Verdict): Element {
    const { levelIndex, isDue, sinceTimeMs, flapCount } = verdict
    const { severity } = this.strategy.levels[levelIndex]!
    return { labels, value, verdict: { severity, isDue, sinceTimeMs, flapCount } }
  }

  #keepOrForget(timeMs: number, key: string, tracked: Tracked): void {
    if (!tracked.course.isAtRestAt(timeMs)) {
      this.#tracked.set(key, tracked)
      return
    }
    if (!this.#tracksAll) this.#tracked.delete(key)
    else if (this.#tracked.has(key) || this.#tracked.size < trackedCountMax)
      this.#tracked.set(key, tracked)
    else untrackedElementsTotal.inc()
  }
}

function noteSeen(tracked: Tracked, timeMs: number, value: number): void {
  tracked.value = value
  tracked.seenTimeMs = timeMs
  tracked.silentSinceTimeMs = undefined
}
