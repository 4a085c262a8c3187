/**
 * Shapes of the product's own HTTP API, shared by server, CLI and web. Everything lives below
 * `apiRoot`; other products' APIs (Prometheus, Loki) keep their own paths and shapes. Times are
 * integer milliseconds since 1970 UTC and end in `TimeMs`. A failed call answers `ApiFailure` with
 * the error's status.
 */

import type { Alert } from '../model/alert.ts'
import type { Decision, Deployment } from '../model/deployment.ts'
import type { Health } from '../model/health.ts'
import type { Incident, TimelineEntry } from '../model/incident.ts'
import type { LogLevel } from '../model/log-line.ts'
import type { SilencedEnd, SilenceMatcher, SilenceState } from '../model/silence.ts'

/** Root of the product's own API. */
export const apiRoot = '/api/shipwatch/v1'

/** Body of a failed call. */
export interface ApiFailure {
  error: { code: string; message: string; hint: string; facts: Record<string, unknown> }
}

/** `GET /session`; also the answer of `POST /session` (sign in). `DELETE /session` signs out. */
export interface SessionView {
  isSignedIn: boolean
  /** False under --no-auth. */
  isAuthRequired: boolean
  user: string
  /** `responder` acts on alerts, incidents and silences, and changes nothing else. */
  role: 'admin' | 'responder' | 'viewer' | 'none'
  /** Whether the administrator has a password, so that the sign-in page can offer the form. */
  hasPassword: boolean
}

/** `POST /session`: one of a one-time code from the sign-in link, a token, or a name with a password. */
export interface SignInRequest {
  code?: string
  token?: string
  user?: string
  password?: string
}

/** `GET /now`: the first page. */
export interface NowView {
  nowTimeMs: number
  version: string
  health: Health
  incidents: IncidentSummary[]
  alertCounts: { firing: number; pending: number; held: number }
  ruleCount: number
  lastEvaluationTimeMs: number | undefined
  /** When the last alert ended, for "no alert for …". */
  lastAlertTimeMs: number | undefined
  services: ServiceView[]
  deployments: Deployment[]
  sources: SourceCounts
  /** The machine that Shipwatch runs on. */
  host: HostView | undefined
  /** Why no samples and log lines are taken now, such as a full disk; absent while they are. */
  storeRefusal?: string
}

/** Sources by state. */
export interface SourceCounts {
  up: number
  down: number
  unknown: number
}

/** One service: the noun that deployments, alerts and incidents share. */
export interface ServiceView {
  name: string
  environment: string
  health: Health
  version: string
  lastDeploymentTimeMs: number | undefined
  firingAlertCount: number
}

/** Figures of the machine; ratios 0..1; `undefined` until known. */
export interface HostView {
  name: string
  cpuRatio: number | undefined
  memoryRatio: number | undefined
  diskRatio: number | undefined
  load1: number | undefined
  cpuCount: number
}

/** An incident in a list. */
export interface IncidentSummary {
  id: string
  number: number
  title: string
  service: string
  environment: string
  state: Incident['state']
  health: Health
  openedTimeMs: number
  resolvedTimeMs: number | undefined
  acknowledgedBy: string
  cause: { title: string; confidence: number; deploymentId: string | undefined } | undefined
}

/** `GET /incidents?state=open|resolved|all&limit=` */
export interface IncidentList {
  incidents: IncidentSummary[]
}

/**
 * `GET /incidents/:id`. Acts: `POST /incidents/:id/acknowledge`, `/comment` `{message}`, `/resolve`
 * `{message}`; `PUT /incidents/:id/post-mortem` `{text}`.
 */
export interface IncidentView {
  incident: Incident
  alerts: AlertView[]
  timeline: TimelineEntry[]
  deployments: Deployment[]
  decisions: Decision[]
  notifications: NotificationView[]
  /** Charts that tell the story: a title, a PromQL query, its unit, and the threshold of the rule if any. */
  charts: ChartView[]
}

/** A chart to draw. */
export interface ChartView {
  title: string
  query: string
  unit: 'ratio' | 'seconds' | 'bytes' | 'per-second' | 'count'
  threshold: number | undefined
}

/** An alert as the UI and CLI see it. */
export interface AlertView {
  fingerprint: string
  name: string
  state: 'firing' | 'pending' | 'resolved'
  health: Health
  labels: Record<string, string>
  annotations: Record<string, string>
  activeTimeMs: number
  firedTimeMs: number | undefined
  endTimeMs: number | undefined
  value: number
  held: Alert['held']
  receivers: string[]
  expression: string
  incidentId: string | undefined
}

/** `GET /alerts` */
export interface AlertList {
  alerts: AlertView[]
  ruleCount: number
  lastEvaluationTimeMs: number | undefined
}

/**
 * `GET /silences`: those that run, those to come, and those that ended within five days. `POST /silences`
 * takes `SilenceRequest` and answers `SilenceView` with 201; `POST /silences/:id/expire` ends one.
 */
export interface SilenceList {
  silences: SilenceView[]
}

/** A silence. */
export interface SilenceView {
  id: string
  state: SilenceState
  matchers: SilenceMatcher[]
  startTimeMs: number
  endTimeMs: number
  createdBy: string
  comment: string
  /** Firing alerts that it holds now. */
  heldCount: number
  /** What becomes of the message that a held alert ended: nothing, at once, or when the silence is over. */
  resolved: SilencedEnd
}

/** What a person asks for. It begins now unless it says otherwise. */
export interface SilenceRequest {
  matchers: SilenceMatcher[]
  startTimeMs?: number
  endTimeMs: number
  comment: string
  /** Default: `drop`. */
  resolved?: SilencedEnd
}

/** `POST /silences/preview` `{matchers}`: the firing alerts that a silence would hold; at most 100 are named. */
export interface SilencePreview {
  count: number
  alerts: { fingerprint: string; name: string; labels: Record<string, string> }[]
}

/**
 * One attempt to tell somebody, from the ledger. `GET /notifications?limit=&receiver=&channel=&outcome=
 * &pageId=&person=&incidentId=&label=name=value&text=&from=&to=&after=` answers `NotificationList`; `from`
 * and `to` are milliseconds since 1970, `after` is `next` of the list before.
 */
export interface NotificationView {
  id: string
  timeMs: number
  receiver: string
  channel: string
  groupKey: string
  reason: string
  status: 'firing' | 'resolved'
  alertCount: number
  attempt: number
  /** `held`: not sent yet because of quiet hours. */
  outcome: 'delivered' | 'retrying' | 'failed' | 'held'
  /** What the other side answered, without secrets. */
  answer: string
  latencyMs: number
  incidentId: string | undefined
  /** The channel within its receiver, such as `slack[0]`. */
  channelKey?: string
  /** What was said, cut and without secrets. */
  request?: string
  /** The alerts' labels as lines `name=value`. */
  labels?: string
  /** Whom a personal message was for. */
  person?: string
  pageId?: string
  /** The receiver and channel that failed, so that this one was tried instead. */
  fallbackOf?: string
}

/** `GET /notifications` */
export interface NotificationList {
  notifications: NotificationView[]
  /** Give as `after` for the next page; absent on the last one. */
  next?: string
}

/** A message that reached nobody. `GET /dead-letters?state=&receiver=&limit=`; `POST /dead-letters/:id/dismiss` ends one, and answers its `id`. */
export interface DeadLetterView {
  id: string
  timeMs: number
  receiver: string
  channel: string
  groupKey: string
  state: 'open' | 'resent' | 'dismissed' | 'superseded'
  endTimeMs: number | undefined
  failure: string
  attemptCount: number
  alertCount: number
  status: 'firing' | 'resolved'
  labels: string
}

/** `GET /dead-letters` */
export interface DeadLetterList {
  deadLetters: DeadLetterView[]
}

/** How a message went: `POST /dead-letters/:id/resend` and, by channel, `POST /receivers/:name/test`. */
export interface DeliveryView {
  isDelivered: boolean
  /** One sentence per channel that failed, without secrets. */
  failures: string[]
}

/** `GET /receivers`: who can be told, and how. */
export interface ReceiverList {
  receivers: ReceiverView[]
}

/** A receiver of the configuration. */
export interface ReceiverView {
  name: string
  channels: { key: string; kind: string; sendsResolved: boolean }[]
  language: 'en' | 'zh'
  /** Receivers that are told when this one cannot be. */
  fallback: string[]
  /** Messages that wait for the end of its quiet hours. */
  heldCount: number
  /** How the last attempt went; absent when there was none since the start. */
  last?: { timeMs: number; outcome: NotificationView['outcome']; answer: string }
}

/** `GET /push/key`: for `applicationServerKey`, in base64url. */
export interface PushKey {
  publicKey: string
}

/**
 * Browsers that take pushes. `POST /push/subscriptions` takes what `PushSubscription.toJSON()` gives
 * (`endpoint`, `keys`) with `label` and perhaps `owner`; `POST /push/subscriptions/remove` takes `endpoint`.
 */
export interface PushSubscriptionList {
  subscriptions: PushSubscriptionView[]
}

/** A browser that takes pushes. */
export interface PushSubscriptionView {
  owner: string
  label: string
  /** Of its push service. */
  host: string
  createdTimeMs: number
}

/** `POST /deployments`: what a pipeline or person sends. Answers `Deployment` with 201. */
export interface DeploymentRequest {
  service: string
  version: string
  environment?: string
  previousVersion?: string
  startTimeMs?: number
  endTimeMs?: number
  actor?: string
  url?: string
  note?: string
}

/** `GET /deployments?service=&environment=&fromTimeMs=&toTimeMs=&limit=` */
export interface DeploymentList {
  deployments: Deployment[]
}

/**
 * `GET /deployments/:id`. Acts: `POST /deployments/:id/rollback` `{reason}` (a person rolls back),
 * `POST /deployments/:id/hold` `{reason}` (a person takes over: Shipwatch keeps its hands off).
 */
export interface DeploymentView {
  deployment: Deployment
  decisions: Decision[]
  incidents: IncidentSummary[]
  /** The same signals before and after, as last compared. */
  checks: DeploymentCheck[]
  charts: ChartView[]
  /** Whether the configuration allows automatic rollback of this service, and by what. */
  rollback: { isAllowed: boolean; kind: string; reason: string }
}

/** One signal of a delivery, before against after. */
export interface DeploymentCheck {
  name: string
  query: string
  unit: ChartView['unit']
  before: number | undefined
  after: number | undefined
  limit: number | undefined
  health: Health
  message: string
}

/** `GET /sources` */
export interface SourceList {
  sources: SourceView[]
  /** Rows dropped since start, by reason. */
  drops: { source: string; reason: string; count: number }[]
  /** How many series each source has brought, of how many it may. */
  series: SourceSeriesView[]
}

/** A source (a scrape job, or a receiver) against its limit of series. */
export interface SourceSeriesView {
  source: string
  seriesCount: number
  /** 0 means no limit. */
  seriesCountMax: number
  /** How often a new series was refused since the limit was met. */
  refusedCount: number
  /** What explodes, in words; empty when nothing was refused lately. */
  message: string
}

/** `GET /sources/census?source=`: which labels and metrics make a source's series many. */
export interface SourceCensusView {
  source: string
  seriesCount: number
  /** Series that were looked at: all, or an even choice of very many. */
  examinedCount: number
  /** The labels with most values among the series examined. */
  labels: { name: string; valueCount: number; examples: string[] }[]
  /** The metrics with most series among those examined. */
  metrics: { name: string; seriesCount: number }[]
}

/** One place where data comes from. */
export interface SourceView {
  id: string
  kind: 'host' | 'scrape' | 'receiver' | 'file'
  name: string
  address: string
  health: Health
  /** Why it is not well, or empty. */
  lastError: string
  lastTimeMs: number | undefined
  lastDurationMs: number | undefined
  sampleCount: number
  lineCount: number
  labels: Record<string, string>
  intervalMs: number | undefined
}

/** `GET /queries`: PromQL queries that wait or run. `DELETE /queries/<id>` stops one. */
export interface QueryList {
  queries: RunningQueryView[]
}

/** One of them. */
export interface RunningQueryView {
  id: string
  expression: string
  kind: 'instant' | 'range'
  startedTimeMs: number
  isWaiting: boolean
}

/**
 * `GET /explain?query=&timeMs=` or `?query=&startTimeMs=&endTimeMs=&stepMs=`: evaluates once more and tells what each
 * node of the expression's tree cost.
 */
export interface ExplainView {
  root: ExplainNodeView
  elapsedMs: number
  queueMs: number
  /** Reading from the store. */
  readMs: number
  evaluateMs: number
  /** Samples read from the store. */
  sampleCount: number
  /** Most samples held at once. */
  peakSampleCount: number
  warnings: string[]
  infos: string[]
}

/**
 * One node: an operator, a function, an aggregation or a selector. Times include what is below it, `ownMs` does not; of a
 * selector they include its reading.
 */
export interface ExplainNodeView {
  kind: string
  /** Its part of the expression. */
  text: string
  /** Its operator, function or metric; may be empty. */
  name: string
  /** Its place in the expression (UTF-16 offsets, the end not included). */
  start: number
  end: number
  seriesCount: number
  pointCount: number
  elapsedMs: number
  ownMs: number
  labels: LabelCountView[]
  read?: {
    seriesCount: number
    sampleCount: number
    /** Samples kept in the span; more than were read where rollups were enough. */
    storedSampleCount: number
    memorySampleCount: number
    cacheSampleCount: number
    engineSampleCount: number
    elapsedMs: number
    /** Selectors that share this read. */
    selectorCount: number
  }
  children: ExplainNodeView[]
}

/** How many values a label has among some series; the values with the most series first. */
export interface LabelCountView {
  name: string
  valueCount: number
  examples: { value: string; seriesCount: number }[]
}

/**
 * `GET /labels?match=&limit=`: the labels of the series in memory, or of those that a selector chooses: which metrics
 * there are, and which label has how many values.
 */
export interface LabelsView {
  seriesCount: number
  /** There were more series than are counted. */
  isCut: boolean
  /** The metrics with the most series first. */
  metrics: { name: string; seriesCount: number; type: string; help: string; unit: string }[]
  /** The labels with the most values first. */
  labels: LabelView[]
}

/** A label name among the series; of its values those with the most series. */
export interface LabelView {
  name: string
  seriesCount: number
  valueCount: number
  values: { value: string; seriesCount: number }[]
}

/** `GET /logs?query=&startTimeMs=&endTimeMs=&limit=&direction=`; `GET /logs/live?query=` streams `LogLineView` as server-sent events named `line`. */
export interface LogList {
  lines: LogLineView[]
  /** Lines per bucket and level over the whole range. */
  volume: { timeMs: number; level: LogLevel; count: number }[]
  stepMs: number
}

/** One line. `timeNs` is a decimal string. */
export interface LogLineView {
  timeNs: string
  level: LogLevel
  line: string
  labels: Record<string, string>
  metadata: Record<string, string>
}

/** `GET /settings` */
export interface SettingsView {
  version: string
  startedTimeMs: number
  dataDir: string
  configFile: string
  /** The configuration in force with secrets as `<secret>`. */
  configYaml: string
  lastReload: { timeMs: number; isSuccess: boolean; message: string }
  tokens: TokenView[]
  hasPassword: boolean
  store: {
    seriesCount: number
    journalBytes: number
    engineBytes: number
    retentionMs: number
    oldestTimeMs: number | undefined
  }
}

/** A token without its secret. `POST /tokens` `{name, scope}` answers `{token, view}` once; `DELETE /tokens/:id`. `PUT /password` `{password}`. */
export interface TokenView {
  id: string
  name: string
  scope: 'admin' | 'respond' | 'read' | 'ingest'
  createdTimeMs: number
  lastUsedTimeMs: number | undefined
}

/** `GET /live` streams these as server-sent events named `change`: what changed, so that readers fetch it again. */
export interface ChangeEvent {
  kind: 'alerts' | 'pages' | 'incidents' | 'deployments' | 'notifications' | 'sources' | 'settings'
  id: string
}

/**
 * `POST /series/delete`: deletes samples with start ≤ time ≤ end of the series that a selector selects, for good;
 * all times when none are given. Answers when they are gone.
 */
export interface SeriesDeletion {
  /** PromQL selectors, at least one. */
  match: string[]
  startTimeMs?: number
  endTimeMs?: number
  /** Only counts the series. */
  isDryRun?: boolean
}

/** What was deleted; with `isDryRun`, what would be. */
export interface SeriesDeletionView {
  seriesCount: number
  memorySampleCount: number
  engineSampleCount: number
}

/** `POST /logs/delete`: deletes log lines of the streams that a selector selects, for good. Answers when they are gone. */
export interface LogDeletion {
  /** A stream selector, such as `{app="shop"}`. */
  match: string
  startTimeMs?: number
  endTimeMs?: number
  /** Only counts. */
  isDryRun?: boolean
}

/** What was deleted; with `isDryRun`, what would be. */
export interface LogDeletionView {
  streamCount: number
  lineCount: number
}
