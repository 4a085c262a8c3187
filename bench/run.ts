/**
 * `npm run bench`: ingest, query and arrival-to-webhook latency, ours beside Debian's Prometheus and
 * VictoriaMetrics in the same run, one after the other on the same machine, printed with ratios.
 *
 *   npm run bench                                   about two minutes
 *   npm run bench -- --full                         more series, more trials
 *   npm run bench -- --only ingest --peer prometheus
 *   npm run bench -- --only busy                    the latency beside 10,000 rules and 50,000 samples/s
 *   npm run bench -- --out FILE                     the figures as JSON too
 *
 * The machine is shared: ratios within one run say more than figures across runs.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type IngestFigures, measureIngest } from './ingest.ts'
import { type LatencyFigures, measureLatency, WebhookSink } from './latency.ts'
import { formatNumber, formatTable } from './load/figures.ts'
import { writeFleetRules } from './load/rules.ts'
import { SteadyLoad } from './load/steady-load.ts'
import { type PreparedLoad, prepareLoad } from './load/remote-write.ts'
import { type PeerKind, RunningPeer } from './peer/peer.ts'
import { prometheus } from './peer/prometheus.ts'
import { shipwatch } from './peer/shipwatch.ts'
import { victoriaMetrics } from './peer/victoria-metrics.ts'
import { isSameAnswer, measureQueries, type QueryFigures } from './query.ts'

/** What one server did. */
interface PeerFigures {
  name: string
  ingest?: IngestFigures
  queries?: QueryFigures[]
  latency?: LatencyFigures
  busy?: BusyFigures
}

/** The latency while others are at work. */
interface BusyFigures extends LatencyFigures {
  cores: number
  delayMs: number
}

const suites = ['ingest', 'query', 'latency', 'busy'] as const
/** The last one takes minutes. */
const suitesAtFirst = ['ingest', 'query', 'latency']
const peers: readonly PeerKind[] = [shipwatch, prometheus, victoriaMetrics]

const { values: options } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    only: { type: 'string', default: suitesAtFirst.join(',') },
    peer: { type: 'string', default: peers.map((peer) => peer.name).join(',') },
    out: { type: 'string' },
  },
})
const only = options.only.split(',')
const wanted = options.peer.split(',')
const wrong =
  only.find((name) => !suites.some((suite) => suite === name)) ??
  wanted.find((name) => !peers.some((peer) => peer.name === name))
if (wrong !== undefined) {
  process.stderr.write(`There is no suite or peer called "${wrong}".\n`)
  process.exit(2)
}

const size = options.full
  ? { hostCount: 1000, stepCount: 120, roundCount: 10, trialCount: 60 }
  : { hostCount: 100, stepCount: 200, roundCount: 5, trialCount: 12 }
const busySize = { hostCount: 1000, ruleCount: 10_000, samplesPerSecond: 50_000, trialCount: 100 }
const laneCount = 4
const stepMs = 15_000

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

const folder = mkdtempSync(join(tmpdir(), 'shipwatch-bench-'))
const results: PeerFigures[] = []
try {
  say(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`)
  for (const kind of peers) {
    if (!wanted.includes(kind.name)) continue
    const missing = kind.commands.find((command) => !isInstalled(command))
    if (missing === undefined) results.push(await measurePeer(kind))
    else say(`${kind.name}: left out, because ${missing} is not installed.`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
printResults(results)
if (options.out !== undefined) {
  const plain = results.map(({ queries, ...rest }) => ({
    ...rest,
    queries: queries?.map(({ name, medianMs }) => ({ name, medianMs })),
  }))
  writeFileSync(options.out, `${JSON.stringify(plain, null, 2)}\n`)
}

async function measurePeer(kind: PeerKind): Promise<PeerFigures> {
  const figures: PeerFigures = { name: kind.name }
  if (only.includes('ingest') || only.includes('query')) {
    // Times end now, so each server gets its own; the values and labels are the same.
    const load: PreparedLoad = prepareLoad({
      ...size,
      stepMs,
      laneCount,
      endTimeMs: Math.floor(Date.now() / stepMs) * stepMs,
    })
    const needs = { folder: join(folder, kind.name), webhook: undefined }
    const peer = await RunningPeer.start(kind, needs)
    try {
      say(`${kind.name}: ingest of ${formatNumber(load.sampleCount)} samples ...`)
      figures.ingest = await measureIngest(peer, load)
      if (only.includes('query')) {
        say(`${kind.name}: queries ...`)
        figures.queries = await measureQueries(peer, load, size.roundCount)
      }
    } finally {
      await peer.stop()
    }
  }
  if (only.includes('latency')) {
    const sink = new WebhookSink()
    await sink.listen()
    const needs = { folder: join(folder, `${kind.name}-latency`), webhook: sink.url }
    const peer = await RunningPeer.start(kind, needs)
    try {
      say(`${kind.name}: ${size.trialCount} alerts ...`)
      figures.latency = await measureLatency(peer, sink, size.trialCount)
    } finally {
      await peer.stop()
      sink.close()
    }
  }
  if (only.includes('busy')) figures.busy = await measureBusy(kind)
  return figures
}

/** The latency again, beside a large installation's rules and samples. */
async function measureBusy(kind: PeerKind): Promise<BusyFigures> {
  const sink = new WebhookSink()
  await sink.listen()
  const rules = writeFleetRules(busySize.ruleCount, busySize.hostCount)
  const needs = { folder: join(folder, `${kind.name}-busy`), webhook: sink.url, rules }
  const peer = await RunningPeer.start(kind, needs)
  const load = new SteadyLoad(peer.plan.writeUrl, busySize)
  try {
    say(`${kind.name}: ${busySize.trialCount} alerts beside ${busySize.ruleCount} rules ...`)
    await load.warm()
    const [cpuSeconds, startMs] = [peer.cpuSeconds(), performance.now()]
    const latency = await measureLatency(peer, sink, busySize.trialCount)
    const cores = ((peer.cpuSeconds() - cpuSeconds) * 1000) / (performance.now() - startMs)
    return { ...latency, cores, delayMs: await load.stop() }
  } finally {
    await load.stop()
    await peer.stop()
    sink.close()
  }
}

function isInstalled(command: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((path) => existsSync(join(path, command)))
}

/** Ours first, then each peer with the factor by which we are better; below 1 they are. */
function printResults(all: PeerFigures[]): void {
  const ours = all.find((figures) => figures.name === shipwatch.name)
  const heads = ['', ...all.map((figures) => figures.name)]
  for (const peer of all) if (peer !== ours) heads.push(`× ${peer.name}`)
  const row = (
    name: string,
    read: (figures: PeerFigures) => number | undefined,
    better: 'more' | 'less',
  ): string[] => {
    const own = ours === undefined ? undefined : read(ours)
    const cells = all.map((figures) => formatNumber(read(figures) ?? Number.NaN))
    for (const peer of all) {
      if (peer === ours) continue
      const other = read(peer)
      const factor =
        better === 'more' ? (own ?? NaN) / (other ?? NaN) : (other ?? NaN) / (own ?? NaN)
      cells.push(Number.isFinite(factor) ? factor.toFixed(2) : '-')
    }
    return [name, ...cells]
  }
  say('\nThe last columns say how many times better Shipwatch is; below 1 the peer is.')
  if (only.includes('ingest') || only.includes('query')) {
    say(`\nIngest, ${formatNumber(size.hostCount * 100)} series`)
    const rows = [
      row('samples/s', (it) => it.ingest?.samplesPerSecond, 'more'),
      row('samples per CPU second', (it) => it.ingest?.samplesPerCpuSecond, 'more'),
      row('acknowledged p50, ms', (it) => it.ingest?.ackP50Ms, 'less'),
      row('acknowledged p99, ms', (it) => it.ingest?.ackP99Ms, 'less'),
      row('resident after, MB', (it) => it.ingest?.residentMb, 'less'),
    ]
    say(formatTable(heads, rows))
  }
  if (only.includes('query')) {
    say('\nQuery, median ms')
    const names = all[0]?.queries?.map((query) => query.name) ?? []
    const rows = names.map((name) =>
      row(name, (it) => it.queries?.find((query) => query.name === name)?.medianMs, 'less'),
    )
    say(formatTable(heads, rows))
    printAgreement(ours, all)
  }
  if (only.includes('latency')) {
    say('\nFrom sample to webhook, ms')
    const rows = [
      row('p50', (it) => it.latency?.p50Ms, 'less'),
      row('p99', (it) => it.latency?.p99Ms, 'less'),
    ]
    say(formatTable(heads, rows))
    for (const { name, latency } of all) {
      if ((latency?.missedCount ?? 0) > 0) say(`  ${name} missed ${latency!.missedCount} alerts.`)
    }
  }
  if (only.includes('busy')) printBusy(heads, all, row)
}

function printBusy(
  heads: string[],
  all: PeerFigures[],
  row: (
    name: string,
    read: (figures: PeerFigures) => number | undefined,
    better: 'more' | 'less',
  ) => string[],
): void {
  const { ruleCount, samplesPerSecond } = busySize
  say(
    `\nFrom sample to webhook beside ${formatNumber(ruleCount)} rules and ${formatNumber(samplesPerSecond)} samples/s, ms`,
  )
  const rows = [
    row('p50', (it) => it.busy?.p50Ms, 'less'),
    row('p99', (it) => it.busy?.p99Ms, 'less'),
    row('cores', (it) => it.busy?.cores, 'less'),
    row('the last samples were late by', (it) => it.busy?.delayMs, 'less'),
  ]
  say(formatTable(heads, rows))
  for (const { name, busy } of all) {
    if ((busy?.missedCount ?? 0) > 0) say(`  ${name} missed ${busy!.missedCount} alerts.`)
  }
}

/** A fast answer is worth nothing when it is another one: says which of ours equal Prometheus's. */
function printAgreement(ours: PeerFigures | undefined, all: PeerFigures[]): void {
  const theirs = all.find((figures) => figures.name === prometheus.name)?.queries
  if (ours?.queries === undefined || theirs === undefined) return
  const differing = ours.queries.filter((query) => {
    const other = theirs.find((candidate) => candidate.name === query.name)
    return other === undefined || !isSameAnswer(alignTimes(query.answer), alignTimes(other.answer))
  })
  const count = ours.queries.length
  say(`  ${count - differing.length} of ${count} answers equal Prometheus's.`)
  for (const query of differing) say(`  Another answer: ${query.name}`)
}

/** The runs end at different times of the clock; what counts is the place within the answer. */
function alignTimes(answer: Map<string, number>): Map<string, number> {
  const times = [...answer.keys()].map((key) => Number(key.slice(key.lastIndexOf(' ') + 1)))
  const lastTime = Math.max(...times)
  return new Map(
    [...answer].map(([key, value]) => {
      const space = key.lastIndexOf(' ')
      return [`${key.slice(0, space)} ${lastTime - Number(key.slice(space + 1))}`, value]
    }),
  )
}
