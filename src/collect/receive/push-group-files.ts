/**
 * Pushed groups on disk, a file for each, so that they are there again after a restart. Written in the
 * background, only the last state of a group, and renamed into place; a file that cannot be read is told
 * and left where it is.
 */

import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { Histogram } from '../../model/histogram.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'

/** A group of the largest size has about 30 MB. */
const fileBytesMax = 64 * 1024 * 1024

/** A pushed group: its samples by the key of their series, and when it was pushed and failed to be. */
export interface PushGroup {
  samples: Map<string, { labels: Labels; value: number | Histogram }>
  pushTimeMs: number
  failureTimeMs: number
}

interface SavedGroup {
  grouping: string[]
  pushTimeMs: number
  failureTimeMs: number
  /** Labels as `[name, value, …]`, and the value as text, since JSON has no NaN; or a histogram. */
  samples: [string[], string | SavedHistogram][]
}

type SavedHistogram = Omit<Histogram, 'sum'> & { sum: string }

/** Keeps groups in a folder. */
export class PushGroupFiles {
  readonly #folder: string
  readonly #log: Log
  /** Groups to write, `undefined` to remove; the last state counts. */
  readonly #waiting = new Map<string, { grouping: Labels; group: PushGroup | undefined }>()
  #writing: Promise<void> | undefined

  constructor(folder: string, log: Log) {
    this.#folder = folder
    this.#log = log
  }

  /** Every group that can be read; never rejects. */
  async load(): Promise<{ grouping: Labels; group: PushGroup }[]> {
    const found: { grouping: Labels; group: PushGroup }[] = []
    const names = await readdir(this.#folder).catch(() => [])
    for (const name of names.filter((one) => one.endsWith('.json'))) {
      const path = join(this.#folder, name)
      try {
        const { size } = await stat(path)
        if (size > fileBytesMax) throw new Error(`it has ${size} bytes`)
        found.push(readSaved(JSON.parse(await readFile(path, 'utf8')) as SavedGroup))
      } catch (thrown) {
        const reason = messageOf(thrown)
        this.#log.warn({ path, reason }, 'A pushed group of before the restart cannot be read.')
      }
    }
    return found
  }

  /** The group is now this, or gone. */
  save(grouping: Labels, group: PushGroup | undefined): void {
    this.#waiting.set(grouping.key, { grouping, group })
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#writing
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    for (;;) {
      const [key] = this.#waiting.keys()
      if (key === undefined) return
      const { grouping, group } = this.#waiting.get(key)!
      this.#waiting.delete(key)
      const name = createHash('sha256').update(key).digest('hex').slice(0, 32)
      const path = join(this.#folder, `${name}.json`)
      try {
        if (group === undefined) await rm(path, { force: true })
        else {
          await mkdir(this.#folder, { recursive: true, mode: 0o700 })
          await writeFile(`${path}.tmp`, formatSaved(grouping, group), { mode: 0o600 })
          await rename(`${path}.tmp`, path)
        }
      } catch (thrown) {
        const reason = messageOf(thrown)
        this.#log.warn({ path, reason }, 'A pushed group was not written; a restart would lose it.')
      }
    }
  }
}

function formatSaved(grouping: Labels, group: PushGroup): string {
  const saved: SavedGroup = {
    grouping: [...grouping.pairs],
    pushTimeMs: group.pushTimeMs,
    failureTimeMs: group.failureTimeMs,
    samples: [...group.samples.values()].map(({ labels, value }) => [
      [...labels.pairs],
      typeof value === 'number' ? formatNumber(value) : { ...value, sum: formatNumber(value.sum) },
    ]),
  }
  return JSON.stringify(saved)
}

function readSaved(saved: SavedGroup): { grouping: Labels; group: PushGroup } {
  const samples: PushGroup['samples'] = new Map()
  for (const [pairs, text] of saved.samples) {
    const labels = labelsFromPairs(readTexts(pairs))
    const value = typeof text === 'string' ? Number(text) : readHistogram(text)
    samples.set(labels.key, { labels, value })
  }
  const { pushTimeMs, failureTimeMs } = saved
  const group = { samples, pushTimeMs: Number(pushTimeMs), failureTimeMs: Number(failureTimeMs) }
  return { grouping: labelsFromPairs(readTexts(saved.grouping)), group }
}

function formatNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function readHistogram(saved: SavedHistogram): Histogram {
  const lists = [saved.positive.index, saved.positive.count, saved.negative.index]
  const isRight = [...lists, saved.negative.count, saved.customBounds].every(
    (list) => Array.isArray(list) && list.every((one) => typeof one === 'number'),
  )
  if (!isRight || typeof saved.schema !== 'number') throw new Error('it holds no histogram')
  return { ...saved, sum: Number(saved.sum) }
}

function readTexts(list: unknown): string[] {
  const isRight = Array.isArray(list) && list.length % 2 === 0
  if (!isRight || !list.every((text) => typeof text === 'string')) {
    throw new Error('it does not hold labels')
  }
  return list as string[]
}
