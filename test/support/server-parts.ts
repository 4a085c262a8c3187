/**
 * A server over small parts: a real store in memory, real records in memory, and scripted doubles for
 * the stages above. `calls` tells what the server asked of them. For tests of the server alone; the
 * whole product is started in test/support/serve.ts.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AlertDesk } from '../../src/alert/alert.ts'
import { alertSettings } from '../../src/alert/settings.ts'
import type { AlertView, IncidentSummary, IncidentView } from '../../src/api/api.ts'
import { type Clock, VirtualClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { z } from '../../src/config/schema.ts'
import type { Alert } from '../../src/model/alert.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import type { Incident } from '../../src/model/incident.ts'
import { emptyLabels, makeLabels } from '../../src/model/labels.ts'
import type { LogRecord } from '../../src/model/log-line.ts'
import { makeMatcher } from '../../src/model/matcher.ts'
import { Notifier } from '../../src/notify/notify.ts'
import { notifySettings } from '../../src/notify/settings.ts'
import { OnCall } from '../../src/oncall/oncall.ts'
import { oncallSettings } from '../../src/oncall/settings.ts'
import { RuleDesk } from '../../src/detect/detect.ts'
import { detectSettings } from '../../src/detect/settings.ts'
import { QueryEngine, querySettings } from '../../src/query/query.ts'
import { Server, type ServerParts, serverSettings } from '../../src/server/server.ts'
import { MemoryStore } from '../../src/store/store.ts'
import { MemoryRecords } from './memory-records.ts'

type Instant = ServerParts['engine']['instant']
type Range = ServerParts['engine']['range']

/** What a test can set and see. */
export class ServerBench {
  readonly clock = new VirtualClock(1_700_000_000_000)
  readonly store = new MemoryStore({ clock: this.clock, isTimeChecked: false })
  readonly records = new MemoryRecords()
  readonly dataDir = mkdtempSync(join(tmpdir(), 'shipwatch-server-'))
  /** The real notifier, for pushes and receipts; it has one receiver, who is called over Twilio. */
  readonly notifier = new Notifier({
    settings: {
      ...z.object(notifySettings.top).parse({
        receivers: [
          {
            name: 'phone',
            voice_configs: [
              {
                to: ['+15550001'],
                twilio: { account_sid: 'AC1', auth_token: 'twilio-token', from: '+15550000' },
              },
            ],
          },
        ],
      }),
      global: z.object(notifySettings.global).parse({}),
    },
    records: this.records,
    clock: this.clock,
    log: silentLog,
    random: () => 0.5,
  })
  /** `part.method` with its arguments, in order. */
  readonly calls: { name: string; args: unknown[] }[] = []
  /** Listeners by part, to be fired by the test. */
  readonly listeners = new Map<string, ((value: never) => void)[]>()
  answerInstant: Instant = async ({ timeMs }) => ({
    value: { type: 'scalar', timeMs, value: 2 },
    warnings: [],
    infos: [],
    stats: { sampleCount: 1, seriesCount: 1, elapsedMs: 1 },
  })
  answerRange: Range = async () => ({
    value: { type: 'matrix', series: [] },
    warnings: [],
    infos: [],
    stats: { sampleCount: 0, seriesCount: 0, elapsedMs: 0 },
  })
  /** The real desk of rules over the store; files are edited below the data directory. */
  readonly rules = new RuleDesk({
    engine: new QueryEngine({
      querier: this.store,
      logs: undefined,
      settings: z.object(querySettings.top).parse({}),
      clock: this.clock,
      log: silentLog,
    }),
    querier: this.store,
    people: {
      receiversFor: (labels) => [`team of ${labels.get('alertname')}`],
      pastHoldsWithin: () => () => [
        { kind: 'silence', id: 's1', title: 'known noise', isWhole: true },
      ],
      forecastMessages: (courses) => [
        { receiver: 'team', messageCount: courses.length, firstTimeMs: 1 },
      ],
    },
    settings: {
      ...z.object(querySettings.top).parse({}),
      ...z.object(detectSettings.top).parse({
        rule_editing: { directory: join(this.dataDir, 'rules'), version_count_max: 3 },
      }),
      global: z.object(detectSettings.global).parse({ evaluation_interval: '15s' }),
    },
    clock: this.clock,
    externalUrl: 'http://ship.example',
  })
  /** Takes the place of the scripted engine. */
  engine: ServerParts['engine'] | undefined
  /** Takes the place of the scripted alerting. */
  alerts: ServerParts['alerts'] | undefined
  /** On-call duty of nobody, unless a test gives another. */
  oncall = new OnCall(z.object(oncallSettings.top).parse({}))
  logRecords: LogRecord[] = []
  tail: ((records: LogRecord[]) => void) | undefined
  alertList: Alert[] = []
  pending: AlertView[] = []
  incidentList: IncidentSummary[] = []
  incident: Incident | undefined
  deployment: Deployment | undefined
  groups: ReturnType<ServerParts['detector']['groups']> = []
  targets: ReturnType<ServerParts['collector']['targets']> = []
  sources: ReturnType<ServerParts['collector']['sources']> = []
  receive: ServerParts['collector']['receiveRemoteWrite'] = async () => ({
    status: 204,
    headers: {},
    body: '',
  })
  reload: () => Promise<void> = async () => undefined
  readonly #servers: Server[] = []

  /** Makes a server; `server` holds keys of the section "server" of the configuration. */
  makeServer(
    options: {
      server?: Record<string, unknown>
      isAuthRequired?: boolean
      host?: string
      port?: number
      externalUrl?: string
      webDir?: string
      clock?: Clock
    } = {},
  ): Server {
    const settings = z
      .object(serverSettings.top)
      .parse(options.server === undefined ? {} : { server: options.server })
    const server = new Server({
      ...this.#parts(),
      settings,
      clock: options.clock ?? this.clock,
      listen: { host: options.host ?? '127.0.0.1', port: options.port ?? 0 },
      externalUrl: options.externalUrl ?? 'http://127.0.0.1:9595',
      isAuthRequired: options.isAuthRequired ?? true,
      webDir: options.webDir ?? join(this.dataDir, 'no-web'),
    })
    this.#servers.push(server)
    return server
  }

  /** Closes what was made. */
  async close(): Promise<void> {
    for (const server of this.#servers) await server.close()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  /** Tells the listeners of a part. */
  fire(part: string, value: unknown): void {
    for (const listener of this.listeners.get(part) ?? []) listener(value as never)
  }

  /** The real rooms of alerting beside its scripted lists, over nobody to tell. */
  paging(): Pick<
    AlertDesk,
    'pages' | 'maintenance' | 'heartbeats' | 'duty' | 'acknowledgeSettings'
  > {
    const all = { ...alertSettings.top, ...oncallSettings.top }
    const desk = new AlertDesk({
      notifier: { has: () => true, receivers: () => [], channels: () => [] } as unknown as Notifier,
      oncall: this.oncall,
      records: this.records,
      settings: {
        ...z.object(all).parse({}),
        global: z.object(alertSettings.global).parse({}),
      },
      clock: this.clock,
      log: silentLog,
      externalUrl: 'http://127.0.0.1:9595',
    })
    const { pages, maintenance, heartbeats, duty } = desk
    return {
      pages,
      maintenance,
      heartbeats,
      duty,
      acknowledgeSettings: () => desk.acknowledgeSettings(),
    }
  }

  #parts(): Omit<
    ServerParts,
    'settings' | 'clock' | 'listen' | 'externalUrl' | 'isAuthRequired' | 'webDir'
  > {
    const note =
      <Answer>(name: string, answer: (...args: never[]) => Answer) =>
      (...args: unknown[]): Answer => {
        this.calls.push({ name, args })
        return answer(...(args as never[]))
      }
    const listen = (part: string) => (listener: (value: never) => void) => {
      const list = this.listeners.get(part) ?? []
      this.listeners.set(part, [...list, listener])
      return () => {
        this.listeners.set(
          part,
          (this.listeners.get(part) ?? []).filter((other) => other !== listener),
        )
      }
    }
    const act = (name: string) =>
      note(name, async (id: string) => (id === this.incident?.id ? this.incident : undefined))
    const decision = {
      timeMs: 0,
      question: 'rollback',
      verdict: 'yes' as const,
      reason: 'asked-by-person',
      message: 'A person asked for it.',
      facts: {},
    }
    const store = this.store
    return {
      store: Object.assign(Object.create(store) as MemoryStore, {
        select: store.select.bind(store),
        selectRecent: store.selectRecent.bind(store),
        series: store.series.bind(store),
        labelNames: store.labelNames.bind(store),
        labelValues: store.labelValues.bind(store),
        labelStatistics: store.labelStatistics.bind(store),
        metadata: store.metadata.bind(store),
        selectExemplars: store.selectExemplars.bind(store),
        selectLogs: store.selectLogs.bind(store),
        logVolume: store.logVolume.bind(store),
        logLabelNames: store.logLabelNames.bind(store),
        logLabelValues: store.logLabelValues.bind(store),
        logStreams: store.logStreams.bind(store),
        subscribeLogs: store.subscribeLogs.bind(store),
        stats: () => ({
          seriesCount: store.seriesCount,
          chunkCount: store.seriesCount,
          journalBytes: 1,
          engineBytes: 2,
          retentionMs: 1_296_000_000,
          oldestTimeMs: undefined,
        }),
        flush: note('store.flush', async () => undefined),
        countSeries: note('store.countSeries', async () => 2),
        deleteSeries: note('store.deleteSeries', async () => ({
          done: Promise.resolve({ seriesCount: 2, memorySampleCount: 3, engineSampleCount: 4 }),
        })),
        deleteLogs: note('store.deleteLogs', async () => ({ streamCount: 1, lineCount: 2 })),
        finishDeleting: note('store.finishDeleting', async () => undefined),
        openBackup: note('store.openBackup', async () => ({
          sizeBytes: 4,
          fileCount: 1,
          engine: 'included' as const,
          read: async function* () {
            yield Buffer.from('data')
          },
          close: () => undefined,
        })),
      }),
      collector: {
        receiveRemoteWrite: note('collector.receiveRemoteWrite', (request: never) =>
          this.receive(request),
        ),
        receiveTextImport: note('collector.receiveTextImport', (request: never) =>
          this.receive(request),
        ),
        receivePush: note('collector.receivePush', (request: never) => this.receive(request)),
        receiveInflux: note('collector.receiveInflux', (request: never) => this.receive(request)),
        receiveOtlpMetrics: note('collector.receiveOtlpMetrics', (request: never) =>
          this.receive(request),
        ),
        receiveLokiPush: note('collector.receiveLokiPush', (request: never) =>
          this.receive(request),
        ),
        externalLabels: () => makeLabels({ cluster: 'eu' }),
        sources: () => this.sources,
        drops: () => [{ source: 'remote write', reason: 'too-old', count: 3 }],
        sourceSeries: () => [
          {
            source: 'shop',
            seriesCount: 5,
            seriesCountMax: 5,
            refusedCount: 2,
            message: 'too many',
          },
        ],
        sourceCensus: (source: string) =>
          source === 'shop'
            ? {
                source,
                seriesCount: 5,
                examinedCount: 5,
                labels: [{ name: 'id', valueCount: 5, examples: ['1'] }],
                metrics: [{ name: 'orders_total', seriesCount: 5 }],
              }
            : undefined,
        targets: () => this.targets,
        relabelSteps: (job, labels) =>
          job === 'b'
            ? [{ rule: { action: 'labeldrop' }, output: labels.toObject(), keep: true }]
            : undefined,
        droppedTargets: () => ({
          targets: [{ discoveredLabels: { __address__: 'gone:1' }, scrapePool: 'b' }],
          counts: { a: 0, b: 7 },
        }),
        onChange: listen('sources'),
      },
      engine: this.engine ?? {
        instant: note('engine.instant', (query: never) => this.answerInstant(query)),
        range: note('engine.range', (query: never) => this.answerRange(query)),
        parseSelector: (text) => {
          const name = /^[a-z_]+$/.exec(text)?.[0]
          if (name === undefined) return [makeMatcher('__name__', '=~', '.*')]
          return [makeMatcher('__name__', '=', name)]
        },
        explain: () => Promise.reject(new Error('not scripted')),
        prepare: () => {
          throw new Error('not scripted')
        },
        limits: () => ({ timeoutMs: 1, lookbackMs: 2, sampleCountMax: 3, concurrencyMax: 4 }),
        features: () => ({ promql: {}, promql_functions: {} }),
        running: () => [],
        stop: () => false,
        format: (expression) => expression,
        describe: (expression) => ({ expression }),
        selectLogs: note('engine.selectLogs', async () => this.logRecords),
        logVolume: note('engine.logVolume', async () => [
          { timeMs: 60_000, level: 'error' as const, count: 4 },
        ]),
        tailLogs: (_expression, listener) => {
          this.tail = listener
          return () => {
            this.tail = undefined
          }
        },
      },
      detector: {
        groups: () => this.groups,
        status: () => ({ ruleCount: 7, lastEvaluationTimeMs: 5 }),
        pendingAlerts: () => this.pending,
        health: () => [],
      },
      rules: this.rules,
      alerts: this.alerts ?? {
        list: () => this.alertList,
        onChange: listen('alerts'),
        receive: note('alerts.receive', async () => undefined),
        holdersOf: () => ({ silencedBy: [], inhibitedBy: [], pausedBy: [], maintainedBy: [] }),
        routeTree: () => undefined,
        previewRoutes: () => ({
          routes: [],
          verdicts: [],
          holders: { silencedBy: [], inhibitedBy: [], pausedBy: [], maintainedBy: [] },
        }),
        groups: () => [],
        silences: () => [],
        findSilence: () => undefined,
        setSilence: () => Promise.reject(new Error('not scripted')),
        expireSilence: async () => undefined,
        previewSilence: () => [],
        ...this.paging(),
      },
      oncall: this.oncall,
      notifier: {
        onAttempt: listen('notifications'),
        receivers: () => ['default'],
        status: () => [
          {
            name: 'default',
            channels: [{ key: 'webhook[0]', kind: 'webhook', sendsResolved: true }],
            language: 'en',
            fallback: [],
            heldCount: 0,
            last: undefined,
          },
        ],
        test: note('notifier.test', async () => ({ isDelivered: true, failures: [] })),
        resend: note('notifier.resend', async () => ({ isDelivered: false, failures: ['no'] })),
        pushes: this.notifier.pushes,
        receipts: this.notifier.receipts,
        isTwilioCall: (call) => this.notifier.isTwilioCall(call),
        chart: async (token) => (token === 'known' ? Buffer.from('png') : undefined),
        dismiss: note('notifier.dismiss', async () => undefined),
        deadLetters: (filter) => this.records.deadLetters.list(filter),
      },
      incidents: {
        list: note('incidents.list', async () => this.incidentList),
        view: note('incidents.view', async (id: string) =>
          id === this.incident?.id
            ? ({ incident: this.incident } as unknown as IncidentView)
            : undefined,
        ),
        acknowledge: act('incidents.acknowledge'),
        comment: act('incidents.comment'),
        resolve: act('incidents.resolve'),
        savePostMortem: act('incidents.savePostMortem'),
        onChange: (listener) =>
          listen('incidents')((incident: Incident) => listener(incident, 'updated')),
      },
      deliveries: {
        record: note('deliveries.record', async () => this.deployment!),
        list: note('deliveries.list', async () =>
          this.deployment === undefined ? [] : [this.deployment],
        ),
        view: note('deliveries.view', async (id: string) =>
          id === this.deployment?.id ? ({ deployment: this.deployment } as never) : undefined,
        ),
        rollback: note('deliveries.rollback', async () => decision),
        hold: note('deliveries.hold', async () => decision),
        services: async () => [],
        onChange: listen('deployments'),
      },
      records: this.records,
      log: silentLog,
      dataDir: this.dataDir,
      version: '1.2.3',
      configView: () => ({
        file: 'shipwatch.yml',
        yaml: 'password: <secret>\n',
        lastReload: { timeMs: 1, isSuccess: true, message: '' },
      }),
      reload: () => this.reload(),
      startedTimeMs: 1_700_000_000_000,
      quit: note('quit', () => undefined),
    }
  }
}

/** A firing alert. */
export function makeAlert(labels: Record<string, string>): Alert {
  const set = makeLabels(labels)
  return {
    labels: set,
    annotations: emptyLabels,
    state: 'firing',
    firedTimeMs: 2,
    activeTimeMs: 1,
    endTimeMs: 10,
    value: 3,
    generatorUrl: '',
    rule: { group: 'g', name: set.get('alertname'), expression: 'up == 0' },
    fingerprint: set.fingerprint(),
    updatedTimeMs: 2,
    held: undefined,
    receivers: ['default'],
  }
}

/** An open incident. */
export function makeIncident(id: string, alerts: string[]): Incident {
  return {
    id,
    number: 1,
    title: 'checkout fails',
    service: 'checkout',
    environment: 'production',
    state: 'open',
    health: 'critical',
    openedTimeMs: 1,
    onsetTimeMs: undefined,
    resolvedTimeMs: undefined,
    acknowledgedBy: '',
    causes: [],
    alerts,
    postMortem: '',
  }
}
