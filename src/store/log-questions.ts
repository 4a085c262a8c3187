/** The questions of `LogQuerier` answered from memory and the engine together. */

import { CodedError } from '../base/error.ts'
import type { LogSelection, LogVolume } from '../model/flow.ts'
import { compareText, type Labels } from '../model/labels.ts'
import type { LogRecord } from '../model/log-line.ts'
import type { Matcher } from '../model/matcher.ts'
import type { EngineLogs, StreamScope } from './column/engine-logs.ts'
import { type LogHead, sortLines } from './head/log-head.ts'

/** Log lines of one store: the newest in memory, the others in the engine. */
export class LogQuestions {
  readonly #head: LogHead
  readonly #engine: EngineLogs

  constructor(head: LogHead, engine: EngineLogs) {
    this.#head = head
    this.#engine = engine
  }

  /** Lines of a selection in its direction. */
  async select(selection: LogSelection): Promise<LogRecord[]> {
    const sequenceEnd = this.#head.firstSequence()
    const recent = this.#head.select(selection)
    const older = await orNone([], this.#engine.select(selection, sequenceEnd))
    return sortLines([...older, ...recent], selection).map((line) => line.record)
  }

  /** Deletes lines of the engine, or counts them. */
  erase(
    scope: StreamScope,
    isDryRun: boolean,
  ): Promise<{ streamCount: number; lineCount: number }> {
    return this.#engine.erase(scope, isDryRun)
  }

  /** Lines per bucket and level. */
  async volume(selection: LogSelection, stepMs: number): Promise<LogVolume[]> {
    const sequenceEnd = this.#head.firstSequence()
    const table = this.#head.volume(selection, stepMs)
    await orNone(undefined, this.#engine.addVolume(selection, stepMs, { table, sequenceEnd }))
    return table.list()
  }

  /** Label sets of streams with lines about start ≤ time < end. */
  async streams(
    matchers: readonly Matcher[],
    startTimeNs: bigint,
    endTimeNs: bigint,
  ): Promise<Labels[]> {
    const found = new Map<string, Labels>()
    for (const labels of this.#head.streams(matchers, startTimeNs, endTimeNs)) {
      found.set(labels.key, labels)
    }
    const older = await orNone(
      new Map<bigint, Labels>(),
      this.#engine.streams({ matchers, startTimeNs, endTimeNs }),
    )
    for (const labels of older.values()) found.set(labels.key, labels)
    return [...found.values()]
  }

  /** Their label names, sorted. */
  async labelNames(startTimeNs: bigint, endTimeNs: bigint): Promise<string[]> {
    const names = new Set<string>()
    for (const labels of await this.streams([], startTimeNs, endTimeNs)) {
      for (let at = 0; at < labels.pairs.length; at += 2) names.add(labels.pairs[at]!)
    }
    return [...names].sort(compareText)
  }

  /** The values of one of their labels, sorted. */
  async labelValues(name: string, startTimeNs: bigint, endTimeNs: bigint): Promise<string[]> {
    const values = new Set<string>()
    for (const labels of await this.streams([], startTimeNs, endTimeNs)) {
      if (labels.has(name)) values.add(labels.get(name))
    }
    return [...values].sort(compareText)
  }
}

/**
 * Without the engine, log lines and label names are answered from memory alone: during trouble half an
 * answer helps more than none. Samples are not, because a gap in a series looks like an outage.
 */
export async function orNone<Value>(none: Value, work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (thrown) {
    if (thrown instanceof CodedError && thrown.code === 'STORE_ENGINE_UNAVAILABLE') return none
    throw thrown
  }
}
