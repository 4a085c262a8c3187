/**
 * Failed scrapes as lines of JSON in a file (`scrape_failure_log_file`): for those who look for a target
 * that fails now and then. Written in the background; a file that cannot be written is told once and
 * never keeps a scrape waiting. A full file is put aside as `<file>.1`, so that there are two at most.
 */

import { appendFile, rename, stat } from 'node:fs/promises'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { collectFailureLinesDropped } from '../metrics.ts'

/** A file is put aside when it has this many bytes. */
const fileBytesMax = 100 * 1024 * 1024
/** Lines that wait for the disk at most; further ones are dropped and counted. */
const waitingLinesMax = 10_000

/** One failed scrape. */
export interface ScrapeFailure {
  job: string
  url: string
  reason: string
}

/** Writes one file. */
export class FailureLog {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Log
  #lines: string[] = []
  #writing: Promise<void> | undefined
  #isTold = false

  constructor(path: string, parts: { clock: Clock; log: Log }) {
    this.#path = path
    this.#clock = parts.clock
    this.#log = parts.log
  }

  /** Adds a line; never throws and never waits. */
  add(failure: ScrapeFailure): void {
    if (this.#lines.length >= waitingLinesMax) {
      collectFailureLinesDropped.inc({ reason: 'too-many-waiting' })
      return
    }
    const { job: job_name, url: target, reason: msg } = failure
    const time = new Date(this.#clock.nowTimeMs()).toISOString()
    this.#lines.push(`${JSON.stringify({ time, level: 'ERROR', msg, job_name, target })}\n`)
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
    while (this.#lines.length > 0) {
      const lines = this.#lines
      this.#lines = []
      try {
        await this.#putAside()
        await appendFile(this.#path, lines.join(''), { mode: 0o640 })
        this.#isTold = false
      } catch (thrown) {
        collectFailureLinesDropped.inc({ reason: 'not-writable' }, lines.length)
        this.#tell(messageOf(thrown))
      }
    }
  }

  async #putAside(): Promise<void> {
    const found = await stat(this.#path).catch(() => undefined)
    if (found !== undefined && found.size >= fileBytesMax) {
      await rename(this.#path, `${this.#path}.1`)
    }
  }

  #tell(reason: string): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#log.warn({ file: this.#path, reason }, 'Failed scrapes cannot be written to their file.')
  }
}
