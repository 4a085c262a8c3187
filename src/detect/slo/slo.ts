/** Service level objectives, whatever file they came from: how many events may be bad, and over which time. */

/** Makes the text of an expression over a window such as `5m`. */
export type WindowQuery = (window: string) => string

/** What is measured: events, some of them bad, or a ratio that somebody else worked out. */
export type Indicator =
  | { kind: 'events'; errorRatio: WindowQuery; badRate: WindowQuery; totalRate: WindowQuery }
  | { kind: 'ratio'; errorRatio: WindowQuery }

/** What an alert of an objective adds to it. */
export interface SloAlert {
  name: string
  labels: Map<string, string>
  annotations: Map<string, string>
}

/** A burn rate over one window that a file asks for itself, as OpenSLO's alert conditions do. */
export interface BurnCondition {
  name: string
  severity: string
  /** How many times too fast the budget is used up. */
  threshold: number
  windowMs: number
  holdMs: number
}

/** An objective. */
export interface Slo {
  /** Unique among all: service and name. */
  id: string
  service: string
  name: string
  description: string
  /** Such as 99.9. */
  objectivePercent: number
  periodMs: number
  labels: Map<string, string>
  indicator: Indicator
  /** Alerts for a person at once, and for working hours; `undefined` when they are not wanted. */
  page: SloAlert | undefined
  ticket: SloAlert | undefined
  /** Instead of both, when the file has conditions of its own. */
  conditions: BurnCondition[]
  /** Which kind of file it came from. */
  spec: string
}

/** What people see of an objective beside its groups of rules. */
export interface SloSummary {
  id: string
  service: string
  name: string
  description: string
  objectivePercent: number
  periodMs: number
}

/** The part of events that may be bad, such as 0.001; without the noise of subtraction. */
export function budgetOf({ objectivePercent }: Pick<Slo, 'objectivePercent'>): number {
  return Number((1 - objectivePercent / 100).toPrecision(12))
}
