/** Back-tests that run beside everything else: a few at a time, watched by their progress, stopped when asked. */

import type { BackTestView } from '../../api/rules.ts'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { BackTestReport, BackTestWatch } from '../back-test/back-test.ts'
import { detectErrors } from '../errors.ts'

/** How many run at the same time. */
const runningCountMax = 2
/** How many results are kept. */
const keptCountMax = 20
const keepMs = 3_600_000
/** A test that takes longer is stopped. */
const runMsMax = 10 * 60_000

interface Job {
  id: string
  state: BackTestView['state']
  progressRatio: number
  error: string
  startTimeMs: number
  endTimeMs: number
  startedTimeMs: number
  startedMs: number
  elapsedMs: number
  report: BackTestReport | undefined
  stop: AbortController
}

/** What a test covers. */
export interface JobSpan {
  startTimeMs: number
  endTimeMs: number
}

/** The tests of this process. */
export class BackTestJobs {
  readonly #clock: Clock
  readonly #jobs = new Map<string, Job>()
  #lastNumber = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Starts a test; answers its id. Throws `DETECT_BACK_TESTS_BUSY`. */
  start(span: JobSpan, run: (watch: BackTestWatch) => Promise<BackTestReport>): string {
    this.#sweep()
    const running = [...this.#jobs.values()].filter((job) => job.state === 'running')
    if (running.length >= runningCountMax)
      throw detectErrors.BACK_TESTS_BUSY({ limit: runningCountMax })
    const id = String(++this.#lastNumber)
    const job: Job = {
      id,
      state: 'running',
      progressRatio: 0,
      error: '',
      ...span,
      startedTimeMs: this.#clock.nowTimeMs(),
      startedMs: this.#clock.monotonicMs(),
      elapsedMs: 0,
      report: undefined,
      stop: new AbortController(),
    }
    this.#jobs.set(id, job)
    void this.#run(job, run)
    return id
  }

  /** How a test stands; `report` once it is done. Throws `DETECT_BACK_TEST_UNKNOWN`. */
  get(id: string): Omit<Job, 'stop' | 'startedTimeMs' | 'startedMs'> {
    const job = this.#jobs.get(id)
    if (job === undefined) throw detectErrors.BACK_TEST_UNKNOWN({ id })
    const elapsedMs =
      job.state === 'running' ? this.#clock.monotonicMs() - job.startedMs : job.elapsedMs
    const { state, progressRatio, error, startTimeMs, endTimeMs, report } = job
    return { id, state, progressRatio, error, startTimeMs, endTimeMs, elapsedMs, report }
  }

  /** Stops a test and forgets it. Throws `DETECT_BACK_TEST_UNKNOWN`. */
  remove(id: string): void {
    const job = this.#jobs.get(id)
    if (job === undefined) throw detectErrors.BACK_TEST_UNKNOWN({ id })
    job.stop.abort(new Error('stopped'))
    this.#jobs.delete(id)
  }

  /** Stops all. */
  stop(): void {
    for (const job of this.#jobs.values()) job.stop.abort(new Error('the server stops'))
  }

  async #run(job: Job, run: (watch: BackTestWatch) => Promise<BackTestReport>): Promise<void> {
    const limit = this.#clock.after(runMsMax, () =>
      job.stop.abort(new Error('the test took longer than ten minutes; take a shorter time')),
    )
    try {
      job.report = await run({
        signal: job.stop.signal,
        onProgress: (ratio) => {
          job.progressRatio = ratio
        },
      })
      job.state = 'done'
      job.progressRatio = 1
    } catch (thrown) {
      job.state = 'failed'
      job.error = messageOf(thrown)
    } finally {
      limit.cancel()
      job.elapsedMs = this.#clock.monotonicMs() - job.startedMs
    }
  }

  #sweep(): void {
    const oldest = this.#clock.nowTimeMs() - keepMs
    for (const [id, job] of this.#jobs) {
      const isOver = job.state !== 'running'
      if (isOver && (job.startedTimeMs < oldest || this.#jobs.size >= keptCountMax))
        this.#jobs.delete(id)
    }
  }
}
