/**
 * What the server needs of the parts below it, as the smallest shapes that fit: `app/` passes the
 * real parts, tests pass doubles. The server itself knows no stage beyond these.
 */

import type {
  AlertView,
  DeploymentRequest,
  DeploymentView,
  IncidentSummary,
  IncidentView,
  RunningQueryView,
  ServiceView,
  SourceView,
} from '../api/api.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Alert } from '../model/alert.ts'
import type { Decision, Deployment } from '../model/deployment.ts'
import type { LogQuerier, LogVolume, Querier } from '../model/flow.ts'
import type { Incident } from '../model/incident.ts'
import type { Histogram } from '../model/histogram.ts'
import type { Labels } from '../model/labels.ts'
import type { LogRecord } from '../model/log-line.ts'
import type { Matcher } from '../model/matcher.ts'
import type { Records } from '../store/store.ts'
import type { ServerSettings } from './settings.ts'

/** Everything the server is connected to. */
export interface ServerParts {
  store: StorePart
  collector: CollectorPart
  engine: EnginePart
  detector: DetectorPart
  alerts: AlertsPart
  notifier: NotifierPart
  incidents: IncidentsPart
  deliveries: DeliveriesPart
  records: Records
  settings: ServerSettings
  clock: Clock
  log: Log
  dataDir: string
  version: string
  /** Where to listen; port 0 lets the system choose. */
  listen: { host: string; port: number }
  /** Under which address people reach the server; for links, cookies and the guard against foreign pages. */
  externalUrl: string
  /** False under --no-auth, which is accepted only on loopback. */
  isAuthRequired: boolean
  configView: () => ConfigView
  /** Reads the configuration again; rejects with the problems and changes nothing when it is bad. */
  reload: () => Promise<void>
  startedTimeMs: number
  /** Stops the process; default: SIGTERM to ourselves. */
  quit?: () => void
  /** The built UI; default: web/dist of this package. */
  webDir?: string
}

/** The configuration in force, secrets as `<secret>`. */
export interface ConfigView {
  file: string
  yaml: string
  lastReload: { timeMs: number; isSuccess: boolean; message: string }
}

/** Figures of the store. */
export interface StoreStats {
  seriesCount: number
  journalBytes: number
  engineBytes: number
  retentionMs: number
  oldestTimeMs: number | undefined
}

/** What is read of the store. */
export interface StorePart extends Querier, LogQuerier {
  stats(): StoreStats
  flush(): Promise<void>
}

/** A request as a receiver gets it: body as sent, header names in lower case. */
export interface ReceivedRequest {
  headers: Record<string, string>
  body: Buffer
}

/** A receiver's answer in its protocol's own shape. */
export interface ReceiverReply {
  status: number
  headers: Record<string, string>
  body: string
  /** The body when it is not text. */
  bytes?: Buffer
}

/** What is asked of collection. */
export interface CollectorPart {
  receiveRemoteWrite(request: ReceivedRequest): Promise<ReceiverReply>
  receiveLokiPush(request: ReceivedRequest): Promise<ReceiverReply>
  receiveOtlpMetrics(request: ReceivedRequest): Promise<ReceiverReply>
  sources(): SourceView[]
  drops(): { source: string; reason: string; count: number }[]
  /** Active targets as `/api/v1/targets` shows them. */
  targets(): object[]
  onChange(listener: () => void): () => void
}

/** A query's result. */
export type QueryValue =
  | { type: 'scalar'; timeMs: number; value: number }
  | { type: 'string'; timeMs: number; value: string }
  | { type: 'vector'; timeMs: number; elements: VectorElement[] }
  | { type: 'matrix'; series: MatrixSeries[] }

/** One element of a vector; `histogram` stands in place of the value where there is one. */
export interface VectorElement {
  labels: Labels
  value: number
  histogram?: Histogram
}

/** One series of a matrix; the first `count` rows are valid. */
export interface MatrixSeries {
  labels: Labels
  count: number
  timeMs: Float64Array
  value: Float64Array
  /** Native histograms by row; absent when the series has none. */
  histogram?: (Histogram | undefined)[]
}

/** A query's result with its annotations and cost. */
export interface QueryAnswer {
  value: QueryValue
  warnings: string[]
  infos: string[]
  stats: { sampleCount: number; seriesCount: number; elapsedMs: number }
}

/** What is asked of the query engine. */
export interface EnginePart {
  instant(query: {
    expression: string
    timeMs: number
    timeoutMs?: number
    lookbackMs?: number
    limit?: number
    signal?: AbortSignal
  }): Promise<QueryAnswer>
  range(query: {
    expression: string
    startTimeMs: number
    endTimeMs: number
    stepMs: number
    timeoutMs?: number
    lookbackMs?: number
    limit?: number
    signal?: AbortSignal
  }): Promise<QueryAnswer>
  parseSelector(text: string): Matcher[]
  /** PromQL queries that wait or run. */
  running(): RunningQueryView[]
  /** Stops one of them; false when there is none of this id. */
  stop(id: string): boolean
  /** The expression in Prometheus's form. */
  format(expression: string): string
  /** The expression's tree as parse_query tells it. */
  describe(expression: string): object
  selectLogs(query: {
    expression: string
    startTimeNs: bigint
    endTimeNs: bigint
    limit: number
    direction: 'forward' | 'backward'
    signal?: AbortSignal
  }): Promise<LogRecord[]>
  logVolume(query: {
    expression: string
    startTimeNs: bigint
    endTimeNs: bigint
    stepMs: number
  }): Promise<LogVolume[]>
  tailLogs(expression: string, listener: (records: LogRecord[]) => void): () => void
}

/** A group of rules as `/api/v1/rules` shows it, times in milliseconds. */
export interface RuleGroupPart {
  name: string
  file: string
  intervalMs: number
  limit: number
  evaluationMs: number
  lastEvaluationTimeMs: number | undefined
  rules: readonly RulePart[]
}

/** A rule of a group. The alerting fields are absent on recording rules. */
export interface RulePart {
  type: 'alerting' | 'recording'
  name: string
  query: string
  labels: Record<string, string>
  health: 'ok' | 'err' | 'unknown'
  lastError: string
  evaluationMs: number
  lastEvaluationTimeMs: number | undefined
  annotations?: Record<string, string>
  /** `for` */
  holdMs?: number
  /** `keep_firing_for` */
  keepFiringMs?: number
  state?: 'inactive' | 'pending' | 'firing' | 'unknown'
  alerts?: readonly RuleAlertPart[]
}

/** An active alert of a rule. */
export interface RuleAlertPart {
  labels: Record<string, string>
  annotations: Record<string, string>
  state: 'pending' | 'firing'
  activeTimeMs: number
  keepFiringSinceTimeMs?: number | undefined
  value: number
}

/** What is asked of detection. */
export interface DetectorPart {
  groups(): readonly RuleGroupPart[]
  status(): { ruleCount: number; lastEvaluationTimeMs: number | undefined }
  pendingAlerts(): AlertView[]
}

/** What is asked of alerting. */
export interface AlertsPart {
  list(): Alert[]
  onChange(listener: (changed: readonly Alert[]) => void): () => void
}

/** What is heard of notification. */
export interface NotifierPart {
  onAttempt(listener: (attempt: { id: string }) => void): () => void
}

/** What is asked of incidents. The acts answer `undefined` when there is no such incident. */
export interface IncidentsPart {
  list(filter: { state: 'open' | 'resolved' | 'all'; limit: number }): Promise<IncidentSummary[]>
  view(id: string): Promise<IncidentView | undefined>
  acknowledge(id: string, actor: string): Promise<Incident | undefined>
  comment(id: string, actor: string, message: string): Promise<Incident | undefined>
  resolve(id: string, actor: string, message: string): Promise<Incident | undefined>
  savePostMortem(id: string, actor: string, text: string): Promise<Incident | undefined>
  onChange(listener: (incident: Incident) => void): () => void
}

/** What is asked of delivery. */
export interface DeliveriesPart {
  record(request: DeploymentRequest, actor: string): Promise<Deployment>
  list(filter: {
    service?: string
    environment?: string
    fromTimeMs?: number
    toTimeMs?: number
    limit: number
  }): Promise<Deployment[]>
  view(id: string): Promise<DeploymentView | undefined>
  rollback(id: string, actor: string, reason: string): Promise<Decision>
  hold(id: string, actor: string, reason: string): Promise<Decision>
  services(): Promise<ServiceView[]>
  onChange(listener: (deployment: Deployment) => void): () => void
}
