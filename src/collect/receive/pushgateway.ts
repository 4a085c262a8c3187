/**
 * The Pushgateway's paths, for jobs that end before anybody can scrape them:
 *
 *   PUT    /metrics/job/<job>{/<label>/<value>}   the group is now exactly this page
 *   POST   …                                      metrics of these names are replaced in the group
 *   DELETE …                                      the group ends
 *
 * A label written `name@base64` has its value in URL-safe base64, `=` alone being the empty value. As in
 * the Pushgateway a group stays until it is replaced or deleted: its samples are written when they come
 * and again every 15 s; what leaves the group gets the stale marker. `push_time_seconds` and
 * `push_failure_time_seconds` say when a group was pushed last and when that last failed. Groups are in
 * memory and in files, so that a restart goes on with them.
 * Source: prometheus/pushgateway README.md (API).
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { Appender, MetricMetadata } from '../../model/flow.ts'
import { type Labels, labelsFromPairs, metricNameLabel } from '../../model/labels.ts'
import type { DropLedger } from '../drops.ts'
import { collectErrors } from '../errors.ts'
import { judgeLabels } from '../ingest-appender.ts'
import { collectPushGroups } from '../metrics.ts'
import { handleReceived, type ReceiverReply } from './body.ts'
import type { PushGroup, PushGroupFiles } from './push-group-files.ts'
import { type ReceiverParts, SampleIntake } from './sample-intake.ts'
import { type AddressedRequest, readPushedPage } from './text-import.ts'

/** Time from writing to writing of what is held. */
const repeatMs = 15_000
/** Groups and their series held at most; what would exceed them is refused. */
const groupCountMax = 10_000
const seriesCountMax = 200_000

const sourceName = 'pushgateway'

/** Samples of a group by series, each with its name for POST. */
type Samples = PushGroup['samples']

/** Written for every group, and not to be pushed. */
const pushTimeName = 'push_time_seconds'
const failureTimeName = 'push_failure_time_seconds'

/** Takes pushes of short-lived jobs and keeps them alive. */
export class PushgatewayReceiver {
  readonly #appender: Appender
  readonly #drops: DropLedger
  readonly #clock: Clock
  readonly #log: Log
  readonly #onReceived: (sampleCount: number) => void
  readonly #files: PushGroupFiles | undefined
  readonly #groups = new Map<string, { grouping: Labels; group: PushGroup }>()
  #seriesCount = 0
  #lastTimeMs = 0
  #timer: Timer | undefined
  /** Writing happens one after another: a repeated value must not overtake a new one. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    parts: ReceiverParts & {
      /** Where groups are kept over a restart; nowhere unless given. */
      files?: PushGroupFiles
    },
  ) {
    this.#appender = parts.appender
    this.#drops = parts.drops
    this.#clock = parts.clock
    this.#log = parts.log
    this.#onReceived = parts.onReceived
    this.#files = parts.files
  }

  /** Goes on with the groups of before the restart. */
  async start(): Promise<void> {
    for (const { grouping, group } of (await this.#files?.load()) ?? []) {
      if (this.#groups.has(grouping.key)) continue
      const seriesCount = this.#seriesCount + group.samples.size
      if (this.#groups.size >= groupCountMax || seriesCount > seriesCountMax) break
      this.#groups.set(grouping.key, { grouping, group })
      this.#seriesCount = seriesCount
    }
    collectPushGroups.set(this.#groups.size)
    if (this.#groups.size > 0) this.#schedule()
  }

  /** Answers one request below `/metrics/`; never rejects. */
  receive(request: AddressedRequest): Promise<ReceiverReply> {
    return handleReceived(sourceName, async () => {
      const grouping = parseGrouping(request.path)
      if (request.method === 'DELETE') {
        await this.#inTurn(() => this.#change(grouping, undefined, []))
        return { status: 202, headers: {}, body: '' }
      }
      const { samples, metadata } = await this.#readGroup(request, grouping).catch(
        (thrown: unknown) => this.#noteFailure(grouping, thrown),
      )
      await this.#inTurn(() => {
        const isWhole = request.method === 'PUT'
        const before = this.#groups.get(grouping.key)?.group
        const merged = isWhole || before === undefined ? samples : merge(before.samples, samples)
        const pushTimeMs = this.#clock.nowTimeMs()
        const group = { samples: merged, pushTimeMs, failureTimeMs: before?.failureTimeMs ?? 0 }
        return this.#change(grouping, group, metadata)
      })
      return { status: 200, headers: {}, body: '' }
    })
  }

  /** No more repetition; waits for the files. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#files?.close()
  }

  /** A page that is wrong leaves the group as it is, and says when; also one that never was pushed rightly. */
  async #noteFailure(grouping: Labels, thrown: unknown): Promise<never> {
    await this.#inTurn(() => {
      const known = this.#groups.get(grouping.key)?.group
      const failureTimeMs = this.#clock.nowTimeMs()
      const { samples = new Map(), pushTimeMs = 0 } = known ?? {}
      return this.#change(grouping, { samples, pushTimeMs, failureTimeMs }, [])
    })
    throw thrown
  }

  #readGroup(request: AddressedRequest, grouping: Labels): ReturnType<typeof readGroup> {
    return readGroup(request, grouping, (labels) => judgeLabels(this.#appender, labels)?.message)
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(action)
    // The next turn comes whatever became of this one; its caller hears of the failure.
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Makes a group what it is from now on, or ends it; it stays as it was when the store does not take it. */
  async #change(
    grouping: Labels,
    group: PushGroup | undefined,
    metadata: readonly [string, MetricMetadata][],
  ): Promise<void> {
    const before = this.#groups.get(grouping.key)?.group
    const grownBy = (group?.samples.size ?? 0) - (before?.samples.size ?? 0)
    if (group !== undefined) this.#checkRoom(this.#seriesCount + grownBy, before === undefined)
    const rows = this.#makeIntake()
    const timeMs = this.#nextTimeMs()
    if (group !== undefined) addGroup(rows, grouping, group, timeMs)
    for (const [key, { labels }] of before?.samples ?? []) {
      if (group?.samples.has(key) !== true) rows.add(labels, timeMs, undefined)
    }
    if (group === undefined && before !== undefined) {
      for (const name of [pushTimeName, failureTimeName]) {
        rows.add(grouping.with(metricNameLabel, name), timeMs, undefined)
      }
    }
    for (const [metric, about] of metadata) rows.describe(metric, about)
    const { acceptedCount, rejectedCount, texts } = await rows.commit()
    if (rejectedCount > 0) this.#log.debug({ texts }, 'Pushed samples were not kept.')
    this.#seriesCount += grownBy
    if (group === undefined) this.#groups.delete(grouping.key)
    else this.#groups.set(grouping.key, { grouping, group })
    if (group !== undefined || before !== undefined) this.#files?.save(grouping, group)
    collectPushGroups.set(this.#groups.size)
    this.#onReceived(acceptedCount)
    if (this.#groups.size > 0) this.#schedule()
  }

  #checkRoom(seriesCount: number, isNew: boolean): void {
    if (seriesCount > seriesCountMax) {
      throw collectErrors.PUSH_GROUPS_FULL({ what: 'series', countMax: seriesCountMax })
    }
    if (isNew && this.#groups.size >= groupCountMax) {
      throw collectErrors.PUSH_GROUPS_FULL({ what: 'groups', countMax: groupCountMax })
    }
  }

  #schedule(): void {
    this.#timer ??= this.#clock.after(repeatMs, () => {
      this.#timer = undefined
      this.#inTurn(() => this.#repeat()).catch((thrown: unknown) => {
        const reason = messageOf(thrown)
        this.#log.warn({ reason }, 'Pushed groups were not written again; the next turn tries.')
        this.#schedule()
      })
    })
  }

  async #repeat(): Promise<void> {
    const rows = this.#makeIntake()
    const timeMs = this.#nextTimeMs()
    for (const { grouping, group } of this.#groups.values()) {
      addGroup(rows, grouping, group, timeMs)
    }
    if (rows.count === 0) return
    await rows.commit()
    this.#schedule()
  }

  /** Now, but never a time that was used: a series has one value at a time, its end included. */
  #nextTimeMs(): number {
    this.#lastTimeMs = Math.max(this.#clock.nowTimeMs(), this.#lastTimeMs + 1)
    return this.#lastTimeMs
  }

  #makeIntake(): SampleIntake {
    return new SampleIntake({ appender: this.#appender, drops: this.#drops, source: sourceName })
  }
}

/** The labels that a path names; throws `COLLECT_BODY_INVALID`. */
export function parseGrouping(path: string): Labels {
  const parts = path.replace(/^\/metrics\//, '').split('/')
  const fail = (reason: string): never => {
    throw collectErrors.BODY_INVALID({
      reason: `the path ${JSON.stringify(path.slice(0, 200))} ${reason}`,
    })
  }
  if (parts.length % 2 === 1) fail('has a label without a value')
  const pairs: string[] = []
  for (let index = 0; index < parts.length; index += 2) {
    let value = ''
    let name = ''
    try {
      name = decodeURIComponent(parts[index]!)
      value = decodeURIComponent(parts[index + 1]!)
    } catch {
      fail('has a wrong % escape')
    }
    if (name.endsWith('@base64')) {
      name = name.slice(0, -7)
      if (!/^[A-Za-z0-9_-]*={0,2}$/.test(value)) fail(`has a value of ${name} that is not base64`)
      value = Buffer.from(value, 'base64url').toString('utf8')
    }
    if (index === 0 && (name !== 'job' || value === ''))
      fail('does not begin with a job and its name')
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name === metricNameLabel) {
      fail(`has the label name ${JSON.stringify(name.slice(0, 100))}, which is none`)
    }
    if (pairs.some((text, place) => place % 2 === 0 && text === name)) fail(`names ${name} twice`)
    pairs.push(name, value)
  }
  return labelsFromPairs(pairs)
}

async function readGroup(
  request: AddressedRequest,
  grouping: Labels,
  judge: (labels: Labels) => string | undefined,
): Promise<{ samples: Samples; metadata: [string, MetricMetadata][] }> {
  const samples: Samples = new Map()
  const metadata: [string, MetricMetadata][] = []
  await readPushedPage(request, sourceName, {
    sample: (pairs, value, { timeMs }) => {
      const labels = labelsFromPairs([...pairs, ...grouping.pairs])
      const verdict = judge(labels)
      const fault =
        timeMs !== undefined
          ? 'pushed metrics must not have timestamps'
          : samples.has(labels.key)
            ? 'the series is given twice'
            : isOwnName(labels)
              ? 'the name is of what is written about groups'
              : verdict
      if (fault !== undefined) {
        throw collectErrors.BODY_INVALID({ reason: `${fault}: ${String(labels).slice(0, 300)}` })
      }
      if (samples.size >= seriesCountMax) {
        throw collectErrors.PUSH_GROUPS_FULL({ what: 'series', countMax: seriesCountMax })
      }
      samples.set(labels.key, { labels, value })
    },
    metadata: (metric, about) => metadata.push([metric, about]),
  })
  return { samples, metadata }
}

function isOwnName(labels: Labels): boolean {
  const name = labels.get(metricNameLabel)
  return name === pushTimeName || name === failureTimeName
}

function addGroup(rows: SampleIntake, grouping: Labels, group: PushGroup, timeMs: number): void {
  for (const { labels, value } of group.samples.values()) rows.add(labels, timeMs, value)
  rows.add(grouping.with(metricNameLabel, pushTimeName), timeMs, group.pushTimeMs / 1000)
  rows.add(grouping.with(metricNameLabel, failureTimeName), timeMs, group.failureTimeMs / 1000)
}

/** POST: metrics of the same names are replaced, the others stay. */
function merge(before: Samples, pushed: Samples): Samples {
  const names = new Set([...pushed.values()].map(({ labels }) => familyOf(labels)))
  const kept = [...before].filter(([, { labels }]) => !names.has(familyOf(labels)))
  return new Map([...kept, ...pushed])
}

function familyOf(labels: Labels): string {
  return labels.get(metricNameLabel).replace(/_(?:bucket|count|sum)$/, '')
}
