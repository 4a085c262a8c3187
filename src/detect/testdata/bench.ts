/**
 * A detector at work for tests: real rules and engine, a store in memory, under a clock that stands
 * still until the test moves it.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { MemoryRecords } from '../../../test/support/memory-records.ts'
import { VirtualClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { z } from '../../config/schema.ts'
import type { DetectedAlert } from '../../model/alert.ts'
import { makeLabels } from '../../model/labels.ts'
import { SampleBatchBuilder } from '../../model/sample.ts'
import { QueryEngine } from '../../query/query.ts'
import { querySettings } from '../../query/settings.ts'
import { MemoryStore } from '../../store/store.ts'
import { Detector, type RuleView } from '../detect.ts'
import { detectSettings } from '../settings.ts'

const second = 1000
const startTimeMs = 1_700_000_000_000

/** Settings of detection without the built-in rules. */
export function settingsOf(values: Record<string, unknown>) {
  const { global, ...top } = values
  return {
    ...z.object(detectSettings.top).parse({ default_rules: false, ...top }),
    global: z.object(detectSettings.global).parse(global ?? {}),
  }
}

/** A detector over a real engine and a store in memory, under a clock that stands still. */
export class Bench {
  readonly clock: VirtualClock
  readonly store: MemoryStore
  readonly engine: QueryEngine
  readonly records: MemoryRecords
  readonly sent: DetectedAlert[] = []
  readonly dir: string
  detector: Detector

  constructor(
    rules: string,
    options: { settings?: Record<string, unknown>; from?: Bench; dir?: string } = {},
  ) {
    this.clock = options.from?.clock ?? new VirtualClock(startTimeMs)
    this.store = options.from?.store ?? new MemoryStore({ clock: this.clock })
    this.records = options.from?.records ?? new MemoryRecords()
    this.engine = new QueryEngine({
      querier: this.store,
      logs: undefined,
      settings: z.object(querySettings.top).parse({}),
      clock: this.clock,
      log: silentLog,
    })
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'detect-'))
    writeFileSync(join(this.dir, 'rules.yml'), rules)
    this.detector = new Detector({
      engine: this.engine,
      feed: this.store,
      appender: this.store,
      sink: { publish: async (alerts) => void this.sent.push(...alerts) },
      records: this.records,
      settings: settingsOf({ rule_files: ['rules.yml'], ...options.settings }),
      clock: this.clock,
      log: silentLog,
      externalUrl: 'http://ship.example:9595',
      baseDir: this.dir,
    })
  }

  async start(t: TestContext): Promise<this> {
    await this.detector.start()
    t.after(async () => {
      await this.detector.stop()
      rmSync(this.dir, { recursive: true, force: true })
    })
    return this
  }

  /** Appends samples at the present instant; `undefined` is the stale marker. */
  feed(samples: Record<string, number | undefined>): void {
    const builder = new SampleBatchBuilder()
    for (const [text, value] of Object.entries(samples)) {
      const [, name, inner] = /^(\w+)(?:\{(.*)\})?$/.exec(text)!
      const pairs = (inner ?? '')
        .split(',')
        .filter((pair) => pair !== '')
        .map((pair) => pair.split('=') as [string, string])
      const id = this.store.seriesId(makeLabels({ __name__: name!, ...Object.fromEntries(pairs) }))
      if (value === undefined) builder.addStale(id, this.clock.nowTimeMs())
      else builder.add(id, this.clock.nowTimeMs(), value)
    }
    this.store.appendNow(builder.batch)
  }

  /** Feeds the same every 15 s for a while. */
  async feedFor(spanMs: number, samples: Record<string, number | undefined>): Promise<void> {
    for (let passedMs = 0; passedMs < spanMs; passedMs += 15 * second) {
      this.feed(samples)
      await this.clock.advance(15 * second)
    }
  }

  rule(name: string): RuleView {
    return this.detector
      .groups()
      .flatMap((group) => group.rules)
      .find((rule) => rule.name === name)!
  }

  stateOf(name: string): string {
    const rule = this.rule(name)
    return rule.type === 'alerting' ? rule.state : rule.type
  }

  async ask(expression: string): Promise<string[]> {
    const { value } = await this.engine.instant({ expression, timeMs: this.clock.nowTimeMs() })
    assert.ok(value.type === 'vector')
    return value.elements.map((element) => `${element.labels} ${element.value}`).sort()
  }
}
