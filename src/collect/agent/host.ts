/**
 * The host agent: this machine as a page in node_exporter's words, so that dashboards and rules made
 * for node_exporter work unchanged. The page is read by the scraper like any other, which gives it
 * `up`, stale markers and metadata.
 */

import { platform, uptime } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { findPageBytes, type HostSource, linuxCollectors } from './host-linux.ts'
import { portableCollectors } from './host-portable.ts'
import { PageWriter } from './page-writer.ts'
import { ProcessWatch } from './processes.ts'

/** Makes the page of this machine. */
export class HostAgent {
  readonly #clock: Clock
  readonly #log: Log
  readonly #processCount: number
  readonly #processes = new ProcessWatch()
  readonly #stuckMounts = new Set<string>()
  readonly #failing = new Set<string>()

  constructor(parts: { clock: Clock; log: Log; processCount: number }) {
    this.#clock = parts.clock
    this.#log = parts.log
    this.#processCount = parts.processCount
  }

  /** The page in text format 0.0.4. A collector that fails is said to have failed, and the others go on. */
  async render(): Promise<string> {
    const isLinux = platform() === 'linux'
    const page = new PageWriter()
    const source: HostSource = { page, clock: this.#clock, stuckMounts: this.#stuckMounts }
    const collectors = [...(isLinux ? linuxCollectors : portableCollectors)]
    if (isLinux && this.#processCount > 0) {
      collectors.push({ name: 'processes', read: () => this.#writeProcesses(page) })
    }
    for (const collector of collectors) {
      const startMs = this.#clock.monotonicMs()
      let isSuccess = true
      try {
        await collector.read(source)
        this.#failing.delete(collector.name)
      } catch (thrown) {
        isSuccess = false
        this.#noteFailure(collector.name, messageOf(thrown))
      }
      const labels = ['collector', collector.name]
      const durationMs = this.#clock.monotonicMs() - startMs
      page.add(durationFamily, durationMs / 1000, labels)
      page.add(successFamily, isSuccess ? 1 : 0, labels)
    }
    return page.toString()
  }

  async #writeProcesses(page: PageWriter): Promise<void> {
    await this.#processes.write(page, {
      groupCountMax: this.#processCount,
      bootTimeSeconds: Math.round(this.#clock.nowTimeMs() / 1000 - uptime()),
      pageBytes: findPageBytes(),
    })
  }

  /** Kernels without pressure or connection tracking are no trouble: told once. */
  #noteFailure(name: string, reason: string): void {
    if (this.#failing.has(name)) return
    this.#failing.add(name)
    this.#log.debug({ collector: name, reason }, 'A part of the host agent has nothing to read.')
  }
}

const durationFamily = {
  name: 'node_scrape_collector_duration_seconds',
  type: 'gauge' as const,
  help: 'Duration of a collector scrape.',
}
const successFamily = {
  name: 'node_scrape_collector_success',
  type: 'gauge' as const,
  help: 'Whether a collector succeeded.',
}
