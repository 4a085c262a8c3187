/** A deployment: "service S went from version A to B in environment E at time T", and what became of it. */

/** Where a deployment stands. */
export type DeploymentState =
  | 'watching'
  | 'healthy'
  | 'suspect'
  /** Another deployment of the service came before the watch was over: nothing is known of it any more. */
  | 'superseded'
  | 'rolling-back'
  | 'rolled-back'
  | 'rollback-failed'

/** One deployment as recorded. Times are ms since 1970 UTC. */
export interface Deployment {
  id: string
  service: string
  environment: string
  version: string
  /** The version before, as told or as last recorded; empty when unknown. */
  previousVersion: string
  startTimeMs: number
  endTimeMs: number | undefined
  /** Who or what deployed: a person, a pipeline, or "shipwatch" for our own rollback. */
  actor: string
  /** Commit, pull request or pipeline address. */
  url: string
  note: string
  state: DeploymentState
  /** The deployment that this one takes back, if it is a rollback. */
  rollbackOf: string | undefined
}

/** A decision about a delivery or incident with its reason, kept for the record. */
export interface Decision {
  timeMs: number
  /** What was asked: "rollback", "verify", "gate". */
  question: string
  verdict: 'yes' | 'no' | 'wait'
  /** A stable word, such as "not-allowed", "touched-by-person", "already-rolled-back". */
  reason: string
  /** The reason as a sentence. */
  message: string
  facts: Record<string, unknown>
}
