/** The questions of `Querier` answered from memory and the engine together. */

import type { Selection, SeriesColumns, SeriesVisitor } from '../model/flow.ts'
import { compareText, type Labels } from '../model/labels.ts'
import { visitAll } from '../model/visit-all.ts'
import type { ColumnPair } from './column/column-pool.ts'
import type { EngineQuerier } from './column/engine-querier.ts'
import type { Eraser } from './eraser.ts'
import type { Head } from './head/head.ts'
import {
  labelNamesFromHead,
  labelValuesFromHead,
  selectFromHead,
  seriesFromHead,
} from './head/head-querier.ts'
import { orNone } from './log-questions.ts'

/** Samples of one store: the newest in memory, the others in the engine, without what is being deleted. */
export class SampleQuestions {
  readonly #head: Head
  readonly #engine: EngineQuerier
  readonly #eraser: Eraser

  constructor(head: Head, engine: EngineQuerier, eraser: Eraser) {
    this.#head = head
    this.#engine = engine
    this.#eraser = eraser
  }

  /** Samples, from memory alone; `undefined` when it does not cover the range. */
  selectRecent(selection: Selection): SeriesColumns[] | undefined {
    if (selection.startTimeMs < this.#head.coveredTimeMs) return undefined
    return selectFromHead(this.#head, selection)
  }

  /** Samples of the series that fulfil a selection. */
  async select(selection: Selection): Promise<SeriesColumns[]> {
    const { recent, older } = this.#splitSamples(selection)
    const newest = selectFromHead(this.#head, recent)
    if (older === undefined) return newest
    return this.#eraser.filter(await this.#engine.select(older, newest))
  }

  /** The same series in the same order, one by one. */
  async visit(selection: Selection, visitor: SeriesVisitor): Promise<void> {
    // What is being deleted is taken out of whole answers.
    if (this.#eraser.hasOrders) return await visitAll(await this.select(selection), visitor)
    const { recent, older } = this.#splitSamples(selection)
    const { pool } = this.#engine
    const lent: ColumnPair[] = []
    const newest = selectFromHead(this.#head, recent, (rowCount) => {
      const pair = pool.take(rowCount)
      lent.push(pair)
      return pair
    })
    if (older === undefined) await visitAll(newest, visitor)
    else await this.#engine.visit(older, newest, visitor)
    for (const pair of lent) pool.give(pair)
  }

  /** Label sets with samples in a range. */
  async series(selection: Selection): Promise<Labels[]> {
    const split = this.#split(selection)
    const found = new Map<string, Labels>()
    for (const labels of seriesFromHead(this.#head, split.recent)) found.set(labels.key, labels)
    if (split.older !== undefined) {
      for (const labels of await this.#olderSeries(split.older)) {
        if (!found.has(labels.key)) found.set(labels.key, labels)
      }
    }
    return [...found.values()]
  }

  /** Their label names, sorted. */
  async labelNames(selection: Selection): Promise<string[]> {
    const split = this.#split(selection)
    const names = new Set(labelNamesFromHead(this.#head, split.recent))
    if (split.older !== undefined) {
      for (const labels of await this.#olderSeries(split.older)) {
        for (let at = 0; at < labels.pairs.length; at += 2) names.add(labels.pairs[at]!)
      }
    }
    return [...names].sort(compareText)
  }

  /** The values of one of their labels, sorted. */
  async labelValues(name: string, selection: Selection): Promise<string[]> {
    const split = this.#split(selection)
    const values = new Set(labelValuesFromHead(this.#head, name, split.recent))
    if (split.older !== undefined) {
      for (const labels of await this.#olderSeries(split.older)) values.add(labels.get(name))
    }
    values.delete('')
    return [...values].sort(compareText)
  }

  async #olderSeries(selection: Selection): Promise<Labels[]> {
    const found = await orNone([], this.#engine.series(selection))
    return this.#eraser.filterLabels(found, selection)
  }

  /** The parts of a range; the older one may be read from rollups where these tell all. */
  #splitSamples(selection: Selection): { recent: Selection; older: Selection | undefined } {
    const split = this.#split(selection)
    if (split.older === undefined) return split
    const { buckets, ...older } = split.older
    // Rollups have what is being deleted, in their ordinals too, and lack what only memory has.
    const isBehind = split.recent.startTimeMs < this.#head.coveredTimeMs
    const isWhole = buckets === undefined || isBehind || this.#eraser.hasOrders
    return { recent: split.recent, older: isWhole ? older : split.older }
  }

  /**
   * Which part of a range memory answers, and which the engine. Samples that came when their time had
   * passed are in memory only, until the next flush: then both answer the older part.
   */
  #split(selection: Selection): { recent: Selection; older: Selection | undefined } {
    const covered = this.#head.coveredTimeMs
    if (selection.startTimeMs >= covered) return { recent: selection, older: undefined }
    const startTimeMs = Math.min(covered, this.#head.behindTimeMs)
    return {
      recent: { ...selection, startTimeMs: Math.max(selection.startTimeMs, startTimeMs) },
      older: { ...selection, endTimeMs: Math.min(selection.endTimeMs, covered - 1) },
    }
  }
}
