/**
 * The door of `collect/`: everything that brings data in. Scrapes targets and our own pages, takes
 * remote write and Loki pushes, follows log files, watches the machine; hands batches to the store;
 * says for each source how it fares and what was dropped.
 */

import { hostname } from 'node:os'
import { join } from 'node:path'
import type { SourceCensusView, SourceSeriesView, SourceView } from '../api/api.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { Health } from '../model/health.ts'
import type { Appender } from '../model/flow.ts'
import { type Labels, makeLabels } from '../model/labels.ts'
import type { LogBatch } from '../model/log-line.ts'
import { HostAgent } from './agent/host.ts'
import { Tailer } from './agent/tail.ts'
import { type Drop, DropLedger } from './drops.ts'
import { IngestAppender, type SeriesLimits } from './ingest-appender.ts'
import { LogCounter } from './log-counter.ts'
import { collectLines } from './metrics.ts'
import type { ReceivedRequest, ReceiverReply } from './receive/body.ts'
import { InfluxReceiver } from './receive/influx.ts'
import { HaTracker } from './receive/ha-tracker.ts'
import { LokiPushReceiver } from './receive/loki-push.ts'
import type { Caller, OtlpGrpcServer } from './receive/otlp/grpc-server.ts'
import { OtlpMetricReceiver } from './receive/otlp/otlp.ts'
import { PushGroupFiles } from './receive/push-group-files.ts'
import { PushgatewayReceiver } from './receive/pushgateway.ts'
import { RemoteWriteReceiver } from './receive/remote-write.ts'
import { StatsdReceiver } from './receive/statsd.ts'
import { type AddressedRequest, TextImportReceiver } from './receive/text-import.ts'
import { ReceiverList } from './receivers.ts'
import type { ScrapeLoop } from './scrape/loop.ts'
import {
  type DroppedTarget,
  type PrometheusTarget,
  type RelabelStep,
  Scraper,
} from './scrape/scrape.ts'
import { resolvePaths } from './resolve-paths.ts'
import type { CollectSettings } from './settings.ts'

export type { ReceivedRequest, ReceiverReply } from './receive/body.ts'
export type { PrometheusTarget } from './scrape/scrape.ts'
export { readMetricJson } from './receive/otlp/metric-json.ts'
export type { OtlpMetric, OtlpPoint } from './receive/otlp/metric-request.ts'
export { formatOtlpFailure } from './receive/otlp/otlp.ts'
export type { AddressedRequest } from './receive/text-import.ts'
export { ExpositionReader } from './scrape/exposition.ts'
export { parseExposition } from './scrape/exposition-page.ts'
export { readScrapeConfigFiles } from './scrape-config-files.ts'
export { collectSettings } from './settings.ts'

/** Time from reading to reading of our own metrics. */
const ownPageIntervalMs = 15_000
/** Patience with scrapes that run when we stop: the whole product has 5 s. */
const stopPatienceMs = 2000

/** Brings everything in. */
export class Collector {
  readonly #appender: IngestAppender
  readonly #clock: Clock
  readonly #log: Log
  readonly #drops = new DropLedger()
  readonly #scraper: Scraper
  readonly #tailer: Tailer
  readonly #logCounter: LogCounter
  readonly #remoteWrite: RemoteWriteReceiver
  readonly #lokiPush: LokiPushReceiver
  readonly #otlp: OtlpMetricReceiver
  readonly #textImport: TextImportReceiver
  readonly #pushgateway: PushgatewayReceiver
  readonly #influx: InfluxReceiver
  readonly #statsd: StatsdReceiver
  readonly #admitIngest: ((caller: Caller) => Promise<void>) | undefined
  #otlpGrpc: OtlpGrpcServer | undefined
  readonly #listeners = new Set<() => void>()
  readonly #pages: { job: string; instance: string; render: () => Promise<string> }[] = []
  readonly #receivers: ReceiverList
  readonly #baseDir: string
  #settings: CollectSettings
  #isStarted = false

  constructor(parts: {
    appender: Appender
    settings: CollectSettings
    clock: Clock
    log: Log
    dataDir: string
    version: string
    /** Where relative paths of the settings start; the working directory unless given. */
    baseDir?: string
    /** Whether a caller over gRPC may send: rejects when not. Without it that port stays closed. */
    admitIngest?: (caller: Caller) => Promise<void>
  }) {
    const { clock, log, dataDir, version } = parts
    const drops = this.#drops
    const appender = new IngestAppender({
      store: parts.appender,
      limits: seriesLimitsOf(parts.settings),
      settings: parts.settings,
      clock,
      log,
      drops,
    })
    appender.hasLegacyNames = hasLegacyNames(parts.settings)
    this.#appender = appender
    this.#clock = clock
    this.#log = log
    this.#baseDir = parts.baseDir ?? process.cwd()
    this.#settings = resolvePaths(parts.settings, this.#baseDir)
    const onChange = (): void => this.#tellChange()
    const receivers = new ReceiverList({ clock, onChange })
    this.#receivers = receivers
    this.#scraper = new Scraper({ appender, clock, log, drops, version, onChange })
    this.#logCounter = new LogCounter({ appender, clock, log, drops })
    this.#tailer = new Tailer({
      clock,
      log,
      drops,
      dataDir,
      append: (batch) => this.#keepLogs(batch, 'file'),
      onChange,
    })
    const noteRemoteWrite = receivers.add('remote-write', {
      name: 'Prometheus remote write',
      address: '/api/v1/write',
      isAlwaysListed: true,
    })
    this.#remoteWrite = new RemoteWriteReceiver({
      appender,
      drops,
      log,
      onReceived: (samples) => noteRemoteWrite({ samples }),
      ha: new HaTracker(parts.settings.ha_tracker, clock),
    })
    const noteLokiPush = receivers.add('loki-push', {
      name: 'Loki push',
      address: '/loki/api/v1/push',
      isAlwaysListed: true,
    })
    this.#lokiPush = new LokiPushReceiver({
      clock,
      drops,
      append: (batch) => this.#keepLogs(batch, 'loki-push'),
      onReceived: (lines) => noteLokiPush({ lines }),
    })
    const noteOtlp = receivers.add('otlp', { name: 'OpenTelemetry', address: '/v1/metrics' })
    this.#otlp = new OtlpMetricReceiver({
      appender,
      drops,
      log,
      settings: parts.settings.otlp,
      onReceived: (samples) => noteOtlp({ samples }),
    })
    const pushed = { appender, drops, clock, log }
    const noteImport = receivers.add('text-import', {
      name: 'Prometheus text import',
      address: '/api/v1/import/prometheus',
    })
    this.#textImport = new TextImportReceiver({
      ...pushed,
      onReceived: (samples) => noteImport({ samples }),
    })
    const notePush = receivers.add('pushgateway', {
      name: 'Pushgateway',
      address: '/metrics/job',
    })
    this.#pushgateway = new PushgatewayReceiver({
      ...pushed,
      files: new PushGroupFiles(join(dataDir, 'push-groups'), log),
      onReceived: (samples) => notePush({ samples }),
    })
    const noteInflux = receivers.add('influx', { name: 'Influx line protocol', address: '/write' })
    this.#influx = new InfluxReceiver({
      ...pushed,
      onReceived: (samples) => noteInflux({ samples }),
    })
    const noteStatsd = receivers.add('statsd', { name: 'StatsD', address: 'statsd.listen' })
    this.#statsd = new StatsdReceiver({
      ...pushed,
      onReceived: (samples) => noteStatsd({ samples }),
    })
    this.#admitIngest = parts.admitIngest
  }

  /** Adds a page of our own process in text format 0.0.4, read every 15 s under this job and instance. */
  addPage(job: string, instance: string, render: () => Promise<string>): void {
    const page = { job, instance, render }
    this.#pages.push(page)
    if (this.#isStarted) this.#startPage(page)
  }

  /** Begins to scrape, follow and watch. */
  async start(): Promise<void> {
    this.#isStarted = true
    this.#appender.start()
    for (const page of this.#pages) this.#startPage(page)
    this.#startHostAgent()
    this.#logCounter.start()
    await this.#listenGrpc()
    await this.#pushgateway.start()
    await this.#statsd.start(this.#settings.statsd)
    await this.#tailer.start(this.#settings.logs.files)
    await this.#scraper.configure(this.#settings)
  }

  /** Takes other settings; targets that stay as they were keep their rhythm. */
  async reload(given: CollectSettings): Promise<void> {
    const settings = resolvePaths(given, this.#baseDir)
    const before = JSON.stringify(this.#settings.host_agent)
    const grpcBefore = this.#settings.otlp.grpc_listen
    const statsdBefore = JSON.stringify(this.#settings.statsd)
    this.#settings = settings
    this.#otlp.reload(settings.otlp)
    this.#remoteWrite.reload(settings.ha_tracker)
    this.#appender.reload(seriesLimitsOf(settings), settings)
    this.#appender.hasLegacyNames = hasLegacyNames(settings)
    if (!this.#isStarted) return
    if (settings.otlp.grpc_listen !== grpcBefore) {
      this.#otlpGrpc?.close()
      await this.#listenGrpc()
    }
    if (JSON.stringify(settings.statsd) !== statsdBefore) {
      await this.#statsd.stop()
      await this.#statsd.start(settings.statsd)
    }
    if (JSON.stringify(settings.host_agent) !== before) {
      this.#scraper.removeOwn('node', hostname())
      this.#startHostAgent()
    }
    this.#tailer.configure(settings.logs.files)
    await this.#scraper.configure(settings)
  }

  /** Ends what runs, within 2 s plus the store's own time; writes the last counts and positions. */
  async stop(): Promise<void> {
    if (!this.#isStarted) return
    this.#isStarted = false
    this.#appender.stop()
    this.#otlpGrpc?.close()
    await this.#pushgateway.stop()
    await Promise.race([this.#scraper.stop(), this.#clock.sleep(stopPatienceMs)])
    await this.#tailer.stop()
    await this.#statsd.stop()
    try {
      await this.#logCounter.stop()
    } catch (thrown) {
      this.#log.warn(
        { reason: messageOf(thrown) },
        'The last counts of log lines were not written.',
      )
    }
  }

  /** Answers a Prometheus remote write request; never rejects. */
  receiveRemoteWrite(request: ReceivedRequest): Promise<ReceiverReply> {
    return this.#remoteWrite.receive(request)
  }

  /** Answers a Loki push request; never rejects. */
  receiveLokiPush(request: ReceivedRequest): Promise<ReceiverReply> {
    return this.#lokiPush.receive(request)
  }

  /** Answers an OTLP request of metrics, protobuf or JSON; never rejects. */
  receiveOtlpMetrics(request: ReceivedRequest): Promise<ReceiverReply> {
    return this.#otlp.receive(request)
  }

  /** Answers an import of an exposition page; never rejects. */
  receiveTextImport(request: AddressedRequest): Promise<ReceiverReply> {
    return this.#textImport.receive(request)
  }

  /** Answers PUT, POST and DELETE on the Pushgateway's paths; never rejects. */
  receivePush(request: AddressedRequest): Promise<ReceiverReply> {
    return this.#pushgateway.receive(request)
  }

  /** Answers a request in Influx line protocol; never rejects. */
  receiveInflux(request: AddressedRequest): Promise<ReceiverReply> {
    return this.#influx.receive(request)
  }

  /** Keeps log lines and counts them by level. Rejects as the store does. */
  appendLogs(batch: LogBatch): Promise<void> {
    return this.#keepLogs(batch, 'api')
  }

  /** Every place where data comes from, and how it fares. */
  sources(): SourceView[] {
    const rows: SourceView[] = []
    for (const { kind, loop } of this.#scraper.list()) rows.push(viewLoop(kind, loop))
    for (const { job, message } of this.#scraper.problems()) {
      rows.push({
        ...emptySource,
        id: `discovery:${job}:${rows.length}`,
        kind: 'scrape',
        name: job,
        health: 'warning',
        lastError: message,
        labels: { job },
      })
    }
    for (const { source, message } of this.#appender.refusals()) {
      rows.push({
        ...emptySource,
        id: `series:${source}`,
        kind: isJob(this.#settings, source) ? 'scrape' : 'receiver',
        name: source,
        health: 'warning',
        lastError: message,
        labels: {},
      })
    }
    rows.push(...this.#receivers.list())
    for (const { path, labels, lineCount, lastTimeMs, lastError } of this.#tailer.list()) {
      rows.push({
        ...emptySource,
        id: `file:${path}`,
        kind: 'file',
        name: labels.get('service_name'),
        address: path,
        health: lastError === '' ? 'ok' : 'critical',
        lastError,
        lastTimeMs,
        lineCount,
        labels: labels.toObject(),
      })
    }
    return rows
  }

  /** How many series each source has brought, of how many it may. */
  sourceSeries(): SourceSeriesView[] {
    return this.#appender.sourceSeries().map(({ source, series }) => ({ source, ...series }))
  }

  /** Which labels and metrics make a source's series many; `undefined` when the source is not known. */
  sourceCensus(source: string): SourceCensusView | undefined {
    const census = this.#appender.takeCensus(source)
    return census && { source, ...census }
  }

  /** What was not kept since the start. */
  drops(): Drop[] {
    return this.#drops.list()
  }

  /** Labels that name this installation to others. */
  externalLabels(): Labels {
    return makeLabels(this.#settings.global.external_labels)
  }

  /** Active targets as `/api/v1/targets` shows them. */
  targets(): PrometheusTarget[] {
    return this.#scraper.targets()
  }

  /** What each relabeling rule of a job makes of discovered labels; `undefined` when there is no such job. */
  relabelSteps(jobName: string, discovered: Labels): RelabelStep[] | undefined {
    return this.#scraper.relabelSteps(jobName, discovered)
  }

  /** Targets that relabeling dropped, as `/api/v1/targets` shows them, and how many there are by job. */
  droppedTargets(): { targets: DroppedTarget[]; counts: Record<string, number> } {
    return this.#scraper.droppedTargets()
  }

  /** Calls `listener` when a source appeared, left or changed its health; gives the call that ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #listenGrpc(): Promise<void> {
    const { grpc_listen: address } = this.#settings.otlp
    const admit = this.#admitIngest
    if (address === '' || admit === undefined) return
    // Loaded when needed: the package takes 18 MB and every command would wait for it.
    const { OtlpGrpcServer } = await import('./receive/otlp/grpc-server.ts')
    this.#otlpGrpc = new OtlpGrpcServer({
      log: this.#log,
      receive: (message) => this.#otlp.receiveMessage(message),
      admit,
    })
    await this.#otlpGrpc.listen(address)
  }

  #startPage(page: { job: string; instance: string; render: () => Promise<string> }): void {
    this.#scraper.addOwn({
      job: page.job,
      instance: page.instance,
      intervalMs: ownPageIntervalMs,
      source: async () => ({ body: Buffer.from(await page.render()), format: 'text' }),
    })
  }

  #startHostAgent(): void {
    const { enabled: isEnabled, interval: intervalMs, process_count } = this.#settings.host_agent
    if (!isEnabled) return
    const agent = new HostAgent({
      clock: this.#clock,
      log: this.#log,
      processCount: process_count,
    })
    this.#scraper.addOwn({
      job: 'node',
      instance: hostname(),
      intervalMs,
      source: async () => ({ body: Buffer.from(await agent.render()), format: 'text' }),
    })
  }

  async #keepLogs(batch: LogBatch, source: string): Promise<void> {
    await this.#appender.appendLogs(batch)
    collectLines.inc({ source }, batch.count)
    this.#logCounter.count(batch)
  }

  #tellChange(): void {
    for (const listener of this.#listeners) listener()
  }
}

function seriesLimitsOf(settings: CollectSettings): SeriesLimits {
  const bySource = new Map<string, number>()
  for (const { job_name: job, series_limit: countMax } of settings.scrape_configs) {
    if (countMax !== undefined) bySource.set(job, countMax)
  }
  return { default: settings.series_limit, bySource }
}

function hasLegacyNames(settings: CollectSettings): boolean {
  return settings.global.metric_name_validation_scheme === 'legacy'
}

function isJob(settings: CollectSettings, source: string): boolean {
  return settings.scrape_configs.some(({ job_name: job }) => job === source)
}

const emptySource = {
  address: '',
  lastError: '',
  lastTimeMs: undefined,
  lastDurationMs: undefined,
  sampleCount: 0,
  lineCount: 0,
  intervalMs: undefined,
}

const healthOfState: Record<'up' | 'down' | 'unknown', Health> = {
  up: 'ok',
  down: 'critical',
  unknown: 'unknown',
}

function viewLoop(kind: 'own' | 'http', loop: ScrapeLoop): SourceView {
  const { target, state } = loop
  const isHost = kind === 'own' && target.job === 'node'
  return {
    id: `${isHost ? 'host' : 'scrape'}:${target.job}:${target.labels.get('instance')}:${target.url}`,
    kind: isHost ? 'host' : 'scrape',
    name: target.job,
    address: isHost ? target.labels.get('instance') : target.url,
    health: healthOfState[state.health],
    lastError: state.lastError,
    lastTimeMs: state.lastTimeMs,
    lastDurationMs: state.lastDurationMs,
    sampleCount: state.sampleCount,
    lineCount: 0,
    labels: target.labels.toObject(),
    intervalMs: target.intervalMs,
  }
}
