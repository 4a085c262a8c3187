/**
 * The course of one element under a strategy: which levels hold and since when, whether it has
 * recovered, what damping makes of it. A pure state machine over instants: the same answers at the same
 * instants give the same course, whether a timer or an arrival asked.
 *
 * The delay follows Netdata's `delay: up U down D multiplier M max X` (health reference, GPL-3.0,
 * behaviour re-implemented): while a change is still waiting, each further change lengthens the waits.
 */

import { fulfils } from './bound.ts'
import type { Level, Strategy } from './strategy.ts'

/** What is known of an element at an instant. */
export interface Sighting {
  value: number
  /** Whether the expression answers it. */
  isAnswered: boolean
  /** What a separate recovery expression says; `undefined` when there is none. */
  isRecovered: boolean | undefined
}

/** What an element's course makes of it: nothing, or an alert that waits or is due. */
export interface Verdict {
  levelIndex: number
  isDue: boolean
  sinceTimeMs: number
  /** How many changes made it flapping; 0 when it is not. */
  flapCount: number
}

/** What is kept of an element; plain data, so that it survives a restart. Times are `null` where there is none. */
export interface CourseState {
  /** Since when each level's condition has held. */
  levelSinceTimeMs: (number | null)[]
  isRaised: boolean[]
  /** The level last shown. */
  levelIndex: number
  /** Since when it has been well, while recovery is awaited. */
  wellSinceTimeMs: number | null
  isOn: boolean
  isShown: boolean
  turnTimeMs: number
  /** Changes up to here lengthen the delays. */
  quietUntilTimeMs: number
  upMs: number
  downMs: number
  changeTimesMs: number[]
  isFlapping: boolean
  /** When a single event began. */
  eventTimeMs: number | null
  /** Since when it has been anything but well. */
  sinceTimeMs: number | null
}

/** One element's course. */
export class ElementCourse {
  readonly #strategy: Strategy
  #state: CourseState

  constructor(strategy: Strategy, state?: CourseState) {
    this.#strategy = strategy
    const levelCount = strategy.levels.length
    // A state kept under other levels says nothing about these.
    this.#state =
      state !== undefined && state.isRaised.length === levelCount ? state : freshState(strategy)
  }

  /** The state as plain data. */
  get state(): CourseState {
    return this.#state
  }

  /** Equal as long as nothing happens but time. */
  get mark(): string {
    const { levelSinceTimeMs, isRaised, wellSinceTimeMs, isOn, isShown, isFlapping } = this.#state
    return [levelSinceTimeMs, isRaised, wellSinceTimeMs, isOn, isShown, isFlapping].join()
  }

  /** Whether there is nothing to remember. */
  get isAtRest(): boolean {
    const { levelSinceTimeMs, isShown, isOn, changeTimesMs, eventTimeMs } = this.#state
    return (
      !isShown &&
      !isOn &&
      eventTimeMs === null &&
      changeTimesMs.length === 0 &&
      levelSinceTimeMs.every((since) => since === null)
    )
  }

  /** The same at an instant: a change would lengthen no delay either. */
  isAtRestAt(timeMs: number): boolean {
    return this.isAtRest && timeMs > this.#state.quietUntilTimeMs
  }

  /** Moves all clocks by a time in which nothing was seen: what nobody saw does not count. */
  freeze(spanMs: number): void {
    const state = this.#state
    const move = (timeMs: number | null): number | null =>
      timeMs === null ? null : timeMs + spanMs
    state.levelSinceTimeMs = state.levelSinceTimeMs.map(move)
    state.wellSinceTimeMs = move(state.wellSinceTimeMs)
    if (state.isOn !== state.isShown) state.turnTimeMs += spanMs
  }

  /** Goes on to an instant; answers what the element is now. */
  advance(timeMs: number, sighting: Sighting): Verdict | undefined {
    const state = this.#state
    for (const [index, level] of this.#strategy.levels.entries())
      this.#judgeLevel(timeMs, { index, level, sighting })
    const raisedIndex = state.isRaised.lastIndexOf(true)
    const isWaiting = state.levelSinceTimeMs.some((since) => since !== null)
    if (raisedIndex >= 0 || isWaiting) state.sinceTimeMs ??= timeMs
    if (this.#strategy.kind === 'single') return this.#judgeEvent(timeMs, raisedIndex >= 0)
    if (raisedIndex >= 0) state.levelIndex = raisedIndex
    this.#turn(timeMs, raisedIndex >= 0)
    this.#countChanges(timeMs)
    if (state.isShown || state.isFlapping) return this.#verdict(state.levelIndex, true)
    if (raisedIndex >= 0) return this.#verdict(raisedIndex, false)
    if (isWaiting) {
      const index = state.levelSinceTimeMs.findIndex((since) => since !== null)
      return this.#verdict(index, false)
    }
    state.sinceTimeMs = null
    return undefined
  }

  /** The next instant at which time alone changes something. */
  nextDeadlineMs(): number | undefined {
    const state = this.#state
    const { levels, recovery, kind, lastsMs, flapping } = this.#strategy
    const due: number[] = []
    for (const [index, since] of state.levelSinceTimeMs.entries()) {
      if (since !== null && !state.isRaised[index]!) due.push(since + levels[index]!.holdMs)
    }
    if (state.wellSinceTimeMs !== null) due.push(state.wellSinceTimeMs + (recovery?.holdMs ?? 0))
    if (state.isOn !== state.isShown)
      due.push(state.turnTimeMs + (state.isOn ? state.upMs : state.downMs))
    if (kind === 'single' && state.eventTimeMs !== null) due.push(state.eventTimeMs + lastsMs)
    if (state.isFlapping && flapping !== undefined) {
      // It ends when no more than half as many changes are left.
      const leftCount = Math.floor(flapping.changeCount / 2)
      const last = state.changeTimesMs[state.changeTimesMs.length - leftCount - 1]
      if (last !== undefined) due.push(last + flapping.withinMs + 1)
    }
    return due.length === 0 ? undefined : Math.min(...due)
  }

  #judgeLevel(
    timeMs: number,
    { index, level, sighting }: { index: number; level: Level; sighting: Sighting },
  ): void {
    const state = this.#state
    const { value, isAnswered } = sighting
    const isTrue = isAnswered && (level.when === undefined || fulfils(value, level.when))
    if (!state.isRaised[index]!) {
      if (!isTrue) {
        state.levelSinceTimeMs[index] = null
        return
      }
      const since = state.levelSinceTimeMs[index] ?? timeMs
      state.levelSinceTimeMs[index] = since
      if (timeMs - since >= level.holdMs) state.isRaised[index] = true
      return
    }
    if (!isTrue && this.#isOver(timeMs, { index, level, sighting })) {
      state.isRaised[index] = false
      state.levelSinceTimeMs[index] = null
    } else if (isTrue && index === 0) state.wellSinceTimeMs = null
  }

  /** Whether a raised level whose condition no longer holds has ended. */
  #isOver(
    timeMs: number,
    { index, level, sighting }: { index: number; level: Level; sighting: Sighting },
  ): boolean {
    const state = this.#state
    const { value, isAnswered, isRecovered } = sighting
    if (level.until !== undefined) return !isAnswered || fulfils(value, level.until)
    const { recovery } = this.#strategy
    if (index > 0 || recovery === undefined) return true
    const isWell =
      isRecovered ?? (!isAnswered || recovery.when === undefined || fulfils(value, recovery.when))
    if (!isWell) {
      state.wellSinceTimeMs = null
      return false
    }
    state.wellSinceTimeMs ??= timeMs
    if (timeMs - state.wellSinceTimeMs < recovery.holdMs) return false
    state.wellSinceTimeMs = null
    return true
  }

  /** An event is told once, for each time that its condition came true. */
  #judgeEvent(timeMs: number, isRaised: boolean): Verdict | undefined {
    const state = this.#state
    if (isRaised && !state.isOn) {
      state.eventTimeMs = timeMs
      state.sinceTimeMs = timeMs
    }
    state.isOn = isRaised
    // What fires is not turned by a delay; this keeps the clock of deadlines still.
    state.isShown = isRaised
    if (state.eventTimeMs === null) return undefined
    if (timeMs - state.eventTimeMs < this.#strategy.lastsMs) return this.#verdict(0, true)
    state.eventTimeMs = null
    return undefined
  }

  #turn(timeMs: number, isOn: boolean): void {
    const state = this.#state
    const { delay } = this.#strategy
    const waitMs = (): number => (state.isOn ? state.upMs : state.downMs)
    if (isOn !== state.isOn) {
      if (delay !== undefined) {
        const isWaiting = timeMs <= state.quietUntilTimeMs
        const grow = (base: number, now: number): number =>
          isWaiting ? Math.min(delay.delayMsMax, now * delay.multiplier) : base
        state.upMs = grow(delay.upMs, state.upMs)
        state.downMs = grow(delay.downMs, state.downMs)
      }
      state.isOn = isOn
      state.turnTimeMs = timeMs
      state.quietUntilTimeMs = Math.max(state.quietUntilTimeMs, timeMs + waitMs())
    }
    if (state.isShown !== state.isOn && timeMs - state.turnTimeMs >= waitMs()) {
      state.isShown = state.isOn
      if (this.#strategy.flapping !== undefined) state.changeTimesMs.push(timeMs)
    }
  }

  #countChanges(timeMs: number): void {
    const { flapping } = this.#strategy
    if (flapping === undefined) return
    const state = this.#state
    const { changeCount, withinMs } = flapping
    state.changeTimesMs = state.changeTimesMs
      .filter((changedTimeMs) => timeMs - changedTimeMs <= withinMs)
      .slice(-changeCount)
    // It begins with a change for the worse: that is told anyway, and says it.
    if (state.changeTimesMs.length >= changeCount && state.isShown) state.isFlapping = true
    else if (state.changeTimesMs.length <= changeCount / 2) state.isFlapping = false
  }

  #verdict(levelIndex: number, isDue: boolean): Verdict {
    const { sinceTimeMs, turnTimeMs, isFlapping, changeTimesMs } = this.#state
    return {
      levelIndex,
      isDue,
      sinceTimeMs: sinceTimeMs ?? turnTimeMs,
      flapCount: isFlapping ? changeTimesMs.length : 0,
    }
  }
}

function freshState({ levels, delay }: Strategy): CourseState {
  return {
    levelSinceTimeMs: levels.map(() => null),
    isRaised: levels.map(() => false),
    levelIndex: 0,
    wellSinceTimeMs: null,
    isOn: false,
    isShown: false,
    turnTimeMs: 0,
    quietUntilTimeMs: -1,
    upMs: delay?.upMs ?? 0,
    downMs: delay?.downMs ?? 0,
    changeTimesMs: [],
    isFlapping: false,
    eventTimeMs: null,
    sinceTimeMs: null,
  }
}
