/**
 * Every part made and connected, by hand, in reading order: store, collect, query, notify, alert,
 * detect, incident, deliver, server. Starting goes down the list, stopping up, each in bounded time.
 */

import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { AlertDesk } from '../alert/alert.ts'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { collectProcessMetrics, renderMetrics } from '../base/metrics.ts'
import { systemRandom } from '../base/random.ts'
import { Collector } from '../collect/collect.ts'
import { redactYaml } from '../config/redact.ts'
import { DeliveryDesk } from '../deliver/deliver.ts'
import { Detector, RuleDesk } from '../detect/detect.ts'
import { IncidentDesk } from '../incident/incident.ts'
import { Notifier } from '../notify/notify.ts'
import { OnCall } from '../oncall/oncall.ts'
import { QueryEngine } from '../query/query.ts'
import { Server } from '../server/server.ts'
import { Store } from '../store/store.ts'
import { type DataDir, takeDataDir } from './data-dir.ts'
import { appErrors } from './errors.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'
import { configReloads } from './metrics.ts'
import { SelfLog } from './self-log.ts'
import { version } from './version.ts'

/** What serve was told. */
export interface AppOptions {
  configFile: string | undefined
  dataDir: string
  overrides: readonly string[]
  port?: number
  host?: string
  isAuthRequired: boolean
  log: Log
}

/** How the last reading of the configuration went. */
interface ReloadOutcome {
  timeMs: number
  isSuccess: boolean
  message: string
}

/** The longest that stopping may take, in all. */
const stopMsMax = 5_000
/** Rules that rest for so long, or three times their interval, have stalled. */
const stallMsMin = 300_000

interface Parts {
  store: Store
  collector: Collector
  engine: QueryEngine
  notifier: Notifier
  alerts: AlertDesk
  detector: Detector
  rules: RuleDesk
  incidents: IncidentDesk
  deliveries: DeliveryDesk
  server: Server
}

/** The running product. */
export class App {
  readonly #options: AppOptions
  readonly #dataDir: DataDir
  readonly #log: SelfLog
  readonly #parts: Parts
  readonly #address: string
  #loaded: LoadedConfig
  #lastReload: ReloadOutcome
  #quit: (() => void) | undefined

  /** Starts everything; throws coded errors for what the user can mend. */
  static async start(options: AppOptions): Promise<App> {
    const loaded = loadConfig({
      file: options.configFile,
      overrides: options.overrides,
      log: options.log,
    })
    const listen = await resolveListen(loaded.config.server.listen, options)
    const dataDir = takeDataDir(options.dataDir)
    let store: Store | undefined
    try {
      const log = new SelfLog(options.log)
      store = await Store.open({
        dataDir: dataDir.path,
        settings: loaded.config,
        clock: systemClock,
        log: log.child({ part: 'store' }),
      })
      const app = new App({ options, loaded, listen, dataDir, log, store })
      await app.#start()
      return app
    } catch (thrown) {
      // The directory is free for others only when nothing of ours writes there any more.
      await store?.close()
      dataDir.release()
      throw thrown
    }
  }

  private constructor(made: {
    options: AppOptions
    loaded: LoadedConfig
    listen: { host: string; port: number }
    dataDir: DataDir
    log: SelfLog
    store: Store
  }) {
    const { options, loaded, listen, dataDir, log, store } = made
    this.#options = options
    this.#loaded = loaded
    this.#dataDir = dataDir
    this.#log = log
    const startedTimeMs = systemClock.nowTimeMs()
    this.#lastReload = { timeMs: startedTimeMs, isSuccess: true, message: 'Read at start.' }
    const settings = loaded.config
    const shownHost = ['0.0.0.0', '::'].includes(listen.host) ? hostname() : listen.host
    const shownAddress = `http://${shownHost.includes(':') ? `[${shownHost}]` : shownHost}:${listen.port}`
    const externalUrl = (settings.server.external_url ?? shownAddress).replace(/\/$/, '')
    this.#address = externalUrl
    const clock = systemClock
    const { records } = store
    const part = (name: string): Log => log.child({ part: name })

    const collector = new Collector({
      appender: store,
      settings,
      clock,
      log: part('collect'),
      dataDir: dataDir.path,
      version,
      baseDir: loaded.baseDir,
      admitIngest: (caller) => this.#parts.server.admitIngest(caller),
    })
    collector.addPage('shipwatch', `${hostname()}:${listen.port}`, renderMetrics)
    const engine = new QueryEngine({
      querier: store,
      logs: store,
      settings,
      clock,
      log: part('query'),
    })
    const notifier = new Notifier({
      settings,
      records,
      clock,
      log: part('notify'),
      random: systemRandom,
      baseDir: loaded.baseDir,
      externalUrl,
    })
    const oncall = new OnCall(settings)
    const alerts = new AlertDesk({
      notifier,
      oncall,
      records,
      settings,
      clock,
      log: part('alert'),
      externalUrl,
      baseDir: loaded.baseDir,
    })
    const detector = new Detector({
      engine,
      feed: store,
      appender: store,
      sink: alerts,
      records,
      settings,
      clock,
      log: part('detect'),
      externalUrl,
      baseDir: loaded.baseDir,
    })
    const rules = new RuleDesk({
      engine,
      querier: store,
      people: alerts,
      settings,
      clock,
      externalUrl,
      baseDir: loaded.baseDir,
    })
    const incidents = new IncidentDesk({
      alerts,
      engine,
      records,
      settings,
      clock,
      log: part('incident'),
      externalUrl,
    })
    const deliveries = new DeliveryDesk({
      incidents,
      alerts,
      engine,
      records,
      settings,
      clock,
      log: part('deliver'),
    })
    const server = new Server({
      store,
      collector,
      engine,
      detector,
      rules,
      alerts,
      oncall,
      notifier,
      incidents,
      deliveries,
      records,
      settings,
      clock,
      log: part('server'),
      dataDir: dataDir.path,
      version,
      listen,
      externalUrl,
      isAuthRequired: options.isAuthRequired,
      startedTimeMs,
      configView: () => ({
        file: this.#loaded.file,
        yaml: redactYaml(this.#loaded.yaml),
        lastReload: this.#lastReload,
      }),
      reload: () => this.reload(),
      quit: () => this.#quit?.(),
    })
    this.#parts = {
      store,
      collector,
      engine,
      notifier,
      alerts,
      detector,
      rules,
      incidents,
      deliveries,
      server,
    }
  }

  async #start(): Promise<void> {
    const { collector, notifier, alerts, detector, incidents, deliveries, server } = this.#parts
    collectProcessMetrics()
    alerts.setContext(incidents)
    notifier.setCharts(incidents)
    notifier.setWatch(() => findStall(detector, systemClock.nowTimeMs()))
    notifier.onAttempt((attempt) => void incidents.noteNotification(attempt))
    notifier.receipts.onLost((lost) => void alerts.pages.noteLost(lost))
    alerts.pages.onEvent((page, events) => void incidents.notePage(page.alerts, events))
    incidents.onChange((incident, change) => {
      if (change === 'acknowledged') void alerts.pages.noteIncident(incident)
    })
    this.#log.connect((batch) => collector.appendLogs(batch))
    await notifier.start()
    await alerts.start()
    await incidents.start()
    await deliveries.start()
    await detector.start()
    await server.listen()
    await collector.start()
    this.#log.info({ version, address: this.#address }, 'Shipwatch is ready.')
  }

  /** What a person reads at the terminal after the start. */
  greeting(): string {
    const { server, collector } = this.#parts
    const watched = collector.sources().map((source) => `${source.kind} ${source.name}`)
    const shown =
      watched.length > 6 ? [...watched.slice(0, 6), `and ${watched.length - 6} more`] : watched
    const config =
      this.#loaded.file === '' ? 'built-in defaults (no shipwatch.yml here)' : this.#loaded.file
    const signIn = this.#options.isAuthRequired
      ? `  Sign in    ${server.signInLink()}\n             (once, within an hour; a restart prints a new one)\n`
      : '  Sign in    not needed: --no-auth, loopback only\n'
    return `Shipwatch ${version} is ready.
  Address    ${this.#address}
${signIn}  Watching   ${shown.length === 0 ? 'nothing yet; see the Sources page' : shown.join(', ')}
  Rules      ${this.#loaded.ruleCount}
  Config     ${config}
  Data       ${this.#dataDir.path}
`
  }

  /** Reads the configuration again; on a mistake throws it and everything stays as it was. */
  async reload(): Promise<void> {
    const timeMs = systemClock.nowTimeMs()
    try {
      const loaded = loadConfig({
        file: this.#options.configFile,
        overrides: this.#options.overrides,
      })
      await this.#apply(loaded.config)
      this.#loaded = loaded
      this.#lastReload = { timeMs, isSuccess: true, message: 'Read again.' }
      configReloads.inc({ outcome: 'success' })
      this.#log.info(
        { file: loaded.file, ruleCount: loaded.ruleCount },
        'The configuration was read again.',
      )
    } catch (thrown) {
      this.#lastReload = { timeMs, isSuccess: false, message: messageOf(thrown) }
      configReloads.inc({ outcome: 'refused' })
      this.#log.warn(
        { error: messageOf(thrown) },
        'The configuration was refused; the old one keeps running.',
      )
      throw thrown
    }
  }

  /** Gives every part its settings; when one refuses, those before it get the old ones back. */
  async #apply(config: LoadedConfig['config']): Promise<void> {
    const { store, collector, engine, notifier, alerts, detector, rules, incidents, deliveries } =
      this.#parts
    // Those that read files of their own first: templates, then rules. The rest cannot refuse.
    const parts = [
      notifier,
      detector,
      rules,
      store,
      engine,
      alerts,
      incidents,
      deliveries,
      collector,
    ]
    const changed: typeof parts = []
    try {
      for (const part of parts) {
        await part.reload(config)
        changed.push(part)
      }
    } catch (thrown) {
      for (const part of changed) {
        try {
          await part.reload(this.#loaded.config)
        } catch (again) {
          this.#log.error({ error: messageOf(again) }, 'A part could not take its old settings.')
        }
      }
      throw thrown
    }
  }

  /** Calls back when somebody asked over HTTP to quit. */
  onQuit(action: () => void): void {
    this.#quit = action
  }

  /** Drains and stops everything within five seconds; later parts are stopped even if earlier ones fail. */
  async stop(): Promise<void> {
    const { store, collector, notifier, alerts, detector, rules, incidents, deliveries, server } =
      this.#parts
    this.#log.info({}, 'Stopping.')
    const deadline = systemClock.sleep(stopMsMax - 500).then(() => 'late' as const)
    const end = systemClock.sleep(stopMsMax - 100).then(() => 'late' as const)
    const steps: [string, () => Promise<void> | void][] = [
      ['server', () => server.close()],
      ['collect', () => collector.stop()],
      ['rules', () => rules.stop()],
      ['detect', () => detector.stop()],
      ['deliver', () => deliveries.stop()],
      ['incident', () => incidents.stop()],
      ['alert', () => alerts.stop()],
      ['notify', () => notifier.stop()],
    ]
    for (const [name, step] of steps) {
      try {
        const outcome = await Promise.race([Promise.resolve(step()), deadline])
        if (outcome === 'late') this.#log.warn({ part: name }, 'Did not stop in time.')
      } catch (thrown) {
        this.#log.warn({ part: name, error: messageOf(thrown) }, 'Did not stop cleanly.')
      }
    }
    this.#log.connect(undefined)
    // A flush may be under way. What it brings in stands in the journal until it is done.
    if ((await Promise.race([store.close(), end])) === 'late') {
      this.#log.warn({ part: 'store' }, 'Did not close in time; the journal has what is missing.')
    }
    this.#dataDir.release()
  }
}

/** Says when rules have not been evaluated for too long, though there are some. */
function findStall(
  detector: Pick<Detector, 'status' | 'groups'>,
  nowTimeMs: number,
): string | undefined {
  const { ruleCount, lastEvaluationTimeMs } = detector.status()
  if (ruleCount === 0) return undefined
  const shortestMs = Math.min(...detector.groups().map((group) => group.intervalMs))
  const stallMs = Math.max(stallMsMin, shortestMs * 3)
  const sinceMs = nowTimeMs - (lastEvaluationTimeMs ?? 0)
  return sinceMs > stallMs
    ? `no rule was evaluated for ${Math.round(sinceMs / 1_000)} s`
    : undefined
}

/** The address to listen on; port 0 becomes a free one now, because links must name it. */
async function resolveListen(
  configured: string,
  options: { host?: string; port?: number },
): Promise<{ host: string; port: number }> {
  const colon = configured.lastIndexOf(':')
  const host = options.host ?? (configured.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0')
  const port = options.port ?? Number(configured.slice(colon + 1))
  if (colon < 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw appErrors.PORT_UNUSABLE({
      listen: configured,
      reason: 'it is not written as address:port',
    })
  }
  return { host, port: await probePort(host, port) }
}

/** Opens and closes the port, so that a taken one is told before anything is touched. */
function probePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) =>
      reject(appErrors.PORT_UNUSABLE({ listen: `${host}:${port}`, reason: error.message }, error)),
    )
    probe.listen({ host, port, exclusive: true }, () => {
      const { port: given } = probe.address() as { port: number }
      probe.close(() => resolve(given))
    })
  })
}
