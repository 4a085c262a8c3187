/**
 * What the server needs of the parts below it, as the smallest shapes that fit: `app/` passes the
 * real parts, tests pass doubles. The server itself knows no stage beyond these.
 */

import type { AlertDesk } from '../alert/alert.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Collector } from '../collect/collect.ts'
import type { DeliveryDesk } from '../deliver/deliver.ts'
import type { Detector, RuleDesk } from '../detect/detect.ts'
import type { IncidentDesk } from '../incident/incident.ts'
import type { LogQuerier, Querier } from '../model/flow.ts'
import type { Notifier } from '../notify/notify.ts'
import type { OnCall } from '../oncall/oncall.ts'
import type { QueryEngine } from '../query/query.ts'
import type { Records, Store } from '../store/store.ts'
import type { ServerSettings } from './settings.ts'

/** Everything the server is connected to. */
export interface ServerParts {
  store: StorePart
  collector: CollectorPart
  engine: EnginePart
  detector: DetectorPart
  rules: RulesPart
  alerts: AlertsPart
  oncall: OnCall
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

/** What is read of the store. */
export type StorePart = Querier &
  LogQuerier &
  Pick<
    Store,
    | 'stats'
    | 'flush'
    | 'labelStatistics'
    | 'openBackup'
    | 'countSeries'
    | 'deleteSeries'
    | 'finishDeleting'
    | 'deleteLogs'
  >

/** What is asked of collection. */
export type CollectorPart = Pick<
  Collector,
  | 'receiveRemoteWrite'
  | 'receiveLokiPush'
  | 'receiveOtlpMetrics'
  | 'receiveTextImport'
  | 'receivePush'
  | 'receiveInflux'
  | 'externalLabels'
  | 'sources'
  | 'drops'
  | 'sourceSeries'
  | 'sourceCensus'
  | 'targets'
  | 'droppedTargets'
  | 'relabelSteps'
  | 'onChange'
>

/** What is asked of the query engine. */
export type EnginePart = Pick<
  QueryEngine,
  | 'instant'
  | 'range'
  | 'explain'
  | 'prepare'
  | 'parseSelector'
  | 'limits'
  | 'features'
  | 'running'
  | 'stop'
  | 'format'
  | 'describe'
  | 'selectLogs'
  | 'logVolume'
  | 'tailLogs'
>

/** What is asked of detection. */
export type DetectorPart = Pick<Detector, 'groups' | 'health' | 'status' | 'pendingAlerts'>

/** What is asked of the desk of rules. */
export type RulesPart = Omit<RuleDesk, 'reload' | 'stop'>

/** What is asked of alerting. */
export type AlertsPart = Pick<
  AlertDesk,
  | 'list'
  | 'onChange'
  | 'receive'
  | 'holdersOf'
  | 'previewRoutes'
  | 'routeTree'
  | 'groups'
  | 'silences'
  | 'findSilence'
  | 'setSilence'
  | 'expireSilence'
  | 'previewSilence'
  | 'pages'
  | 'maintenance'
  | 'heartbeats'
  | 'duty'
  | 'acknowledgeSettings'
>

/** What is asked of notification. */
export type NotifierPart = Pick<
  Notifier,
  | 'onAttempt'
  | 'receivers'
  | 'status'
  | 'test'
  | 'resend'
  | 'dismiss'
  | 'deadLetters'
  | 'chart'
  | 'pushes'
  | 'receipts'
  | 'isTwilioCall'
>

/** What is asked of incidents. */
export type IncidentsPart = Pick<
  IncidentDesk,
  'list' | 'view' | 'acknowledge' | 'comment' | 'resolve' | 'savePostMortem' | 'onChange'
>

/** What is asked of delivery. */
export type DeliveriesPart = Pick<
  DeliveryDesk,
  'record' | 'list' | 'view' | 'rollback' | 'hold' | 'services' | 'onChange'
>
