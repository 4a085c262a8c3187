/**
 * Shapes of the product's own API for rules: what they are and how well they run, checking, trying and
 * testing a text over the past, editing files, objectives, and who would be told. All below `apiRoot`;
 * conventions as in api.ts. Reading needs the role viewer, saving and removing that of administrator.
 */

/** `GET /rules`: every group with its rules and how they run. */
export interface RuleList {
  groups: RuleGroupStatus[]
  /** Whether files can be edited: `rule_editing.directory` is set. */
  canEdit: boolean
}

/** A group. */
export interface RuleGroupStatus {
  name: string
  file: string
  /** Name below the editing directory; `undefined` when the file cannot be edited here. */
  editName: string | undefined
  intervalMs: number
  queryOffsetMs: number
  limit: number
  slo: SloView | undefined
  evaluationMs: number
  lastEvaluationTimeMs: number | undefined
  /** Turns that were skipped since the start, because the one before still ran. */
  missedCount: number
  rules: RuleStatus[]
}

/** A rule and its health. */
export interface RuleStatus {
  kind: 'alerting' | 'recording'
  name: string
  expression: string
  labels: Record<string, string>
  annotations: Record<string, string>
  holdMs: number
  keepFiringMs: number
  strategy: StrategyView | undefined
  health: 'ok' | 'err' | 'unknown'
  /** Why the last evaluation failed; empty when it did not. */
  lastError: string
  evaluationMs: number
  lastEvaluationTimeMs: number | undefined
  /** Samples that the last evaluation read. */
  sampleCount: number
  /** From the arrival of a sample to the verdict; of the last evaluation that a sample caused. */
  latenessMs: number | undefined
  /** The worst of the last evaluations that samples caused; `undefined` before the first. */
  latenessMsWorst: number | undefined
  /** Whether samples evaluate it, or the clock alone. */
  isOnArrival: boolean
  state: 'firing' | 'pending' | 'inactive' | 'unknown' | 'recording'
  /** When it came into this state; `undefined` when that was before the start. */
  stateSinceTimeMs: number | undefined
  /** How long it has been in each since the start, up to its last evaluation. */
  stateSpansMs: { firing: number; pending: number; inactive: number }
  alerts: RuleAlertStatus[]
}

/** A pending or firing alert of a rule. */
export interface RuleAlertStatus {
  labels: Record<string, string>
  annotations: Record<string, string>
  state: 'pending' | 'firing'
  activeTimeMs: number
  firedTimeMs: number | undefined
  /** Since when it is kept although its data stopped arriving. */
  noDataSinceTimeMs: number | undefined
  /** As text: JSON has no NaN and no infinity. */
  value: string
}

/** What a rule says beyond Prometheus; comparisons as they are written, such as `> 0.05`. */
export interface StrategyView {
  /** The annotation `shipwatch` as it was written. */
  text?: string
  kind: 'sustained' | 'escalating' | 'single'
  levels: { severity: string; when: string; holdMs: number; until: string }[]
  recovery: { when: string; expression: string; holdMs: number } | undefined
  delay: { upMs: number; downMs: number; multiplier: number; delayMsMax: number } | undefined
  flapping: { changeCount: number; withinMs: number } | undefined
  noData: 'keep' | 'alert' | 'ok' | undefined
  owner: string
  service: string
  runbook: string
}

/** An objective; `GET /slos` answers `SloStatusList`. */
export interface SloView {
  id: string
  service: string
  name: string
  description: string
  objectivePercent: number
  periodMs: number
}

/** `GET /slos`: every objective and what is left of its budget. */
export interface SloStatusList {
  slos: SloStatus[]
}

/** An objective now; figures are `undefined` while there is no data. */
export interface SloStatus extends SloView {
  /** Part of the budget that is left; below 0 when it is overspent. */
  budgetLeftRatio: number | undefined
  /** How many times as fast as allowed the budget is used up, over the last five minutes. */
  burnRate: number | undefined
  /** The same over the period. */
  periodBurnRate: number | undefined
  /** When the budget ends at the present pace; `undefined` when it does not within the period. */
  exhaustedTimeMs: number | undefined
  firingCount: number
}

/** `POST /rules/check`: a rule file's text. Answers `RuleCheck`. */
export interface RuleText {
  text: string
}

/** What a text holds, or what is wrong with it; never both. */
export interface RuleCheck {
  isValid: boolean
  problems: RuleProblem[]
  groups: { name: string; rules: RuleSummary[] }[]
  /** What is allowed and yet probably not meant. */
  notes: string[]
}

/** One mistake and its place; `line` and `column` count from 1, 0 when unknown. */
export interface RuleProblem {
  line: number
  column: number
  /** Such as `groups[0].rules[1].expr`. */
  path: string
  message: string
}

/** A rule of a text. */
export interface RuleSummary {
  kind: 'alerting' | 'recording'
  name: string
  expression: string
  labels: Record<string, string>
  holdMs: number
  strategy: StrategyView | undefined
}

/** `POST /rules/preview`: what each rule of a text answers at a time. Answers `RulePreview`. */
export interface RulePreviewRequest extends RuleText {
  /** Default: now. */
  timeMs?: number | undefined
}

/** Each rule evaluated once, as if for the first time. */
export interface RulePreview {
  timeMs: number
  rules: RulePreviewRow[]
}

/** One rule of it. */
export interface RulePreviewRow {
  group: string
  kind: 'alerting' | 'recording'
  name: string
  /** Why it could not be evaluated; empty when it could. */
  error: string
  elapsedMs: number
  sampleCount: number
  /** What is measured: the answer without the threshold where the rule names thresholds as data. */
  elementCount: number
  elements: { labels: Record<string, string>; value: string }[]
  /** The alerts that the answer makes; `pending` waits for `for`. */
  alerts: {
    labels: Record<string, string>
    annotations: Record<string, string>
    state: 'pending' | 'firing'
    value: string
    receivers: string[]
  }[]
}

/** `POST /rules/backtest`: answers `BackTestView` with 202 at once; the test runs on. */
export interface BackTestRequestBody extends RuleText {
  startTimeMs: number
  /** Default: now. */
  endTimeMs?: number | undefined
}

/** `GET /rules/backtest/:id`; `DELETE /rules/backtest/:id` stops and forgets it. Kept for an hour. */
export interface BackTestView {
  id: string
  state: 'running' | 'done' | 'failed'
  /** 0 to 1. */
  progressRatio: number
  /** Why it failed; empty otherwise. */
  error: string
  startTimeMs: number
  endTimeMs: number
  elapsedMs: number
  rules: BackTestRuleView[]
  /** Who would have been told, and how often, by the routes of now. */
  messages: { receiver: string; messageCount: number; firstTimeMs: number }[]
}

/** What held a firing of the past. */
export interface BackTestHold {
  kind: 'silence' | 'maintenance'
  id: string
  /** The comment of the silence, or the name of the window. */
  title: string
  /** Whether it held from beginning to end, so that nobody was told. */
  isWhole: boolean
}

/** One alerting rule of a test. */
export interface BackTestRuleView {
  group: string
  name: string
  intervalMs: number
  evaluationCount: number
  failedCount: number
  lastError: string
  firingCount: number
  /** Times that the condition held, but not for as long as `for` wants. */
  missedCount: number
  /** How many of the firings below a silence or a maintenance window held from beginning to end. */
  heldCount: number
  /** The first thousand. */
  firings: {
    labels: Record<string, string>
    annotations: Record<string, string>
    activeTimeMs: number
    firedTimeMs: number
    /** `undefined`: it still fired at the end. */
    endTimeMs: number | undefined
    /** The value furthest beyond the threshold, as text. */
    peakValue: string
    hadNoData: boolean
    receivers: string[]
    /** Silences and maintenance windows, as far as they are still known, that held it. */
    heldBy: BackTestHold[]
  }[]
}

/** `GET /rules/files`: the files that can be edited. */
export interface RuleFileList {
  files: RuleFileEntry[]
}

/** One of them. */
export interface RuleFileEntry {
  name: string
  sizeBytes: number
  modifiedTimeMs: number
  /** Changes with every change of the text. */
  revision: string
}

/** `GET /rules/files/:name`. `GET /rules/files/:name/versions/:id` answers an older text in the same shape. */
export interface RuleFileView extends RuleFileEntry {
  text: string
  /** Older texts, the newest first. */
  versions: { id: string; timeMs: number; sizeBytes: number }[]
}

/**
 * `PUT /rules/files/:name`: saves, keeps the text before, and reads the configuration again. `revision` is that of the
 * text which was edited, or empty for a new file. Answers `RuleFileView`; 409 when somebody saved meanwhile, 400 with
 * the problems in `facts.problems` when the text is wrong. `DELETE /rules/files/:name?revision=` removes it.
 */
export interface RuleFileSave extends RuleText {
  revision: string
}

/** `POST /routes/preview`: who would be told of an alert with these labels. Answers `RoutePreview`. */
export interface RoutePreviewRequest {
  labels: Record<string, string>
}

/** `GET /routes`: the tree of routes; without a root nobody is told of anything. */
export interface RouteTree {
  root?: RouteNode
}

/** A route, with what it inherits. */
export interface RouteNode {
  /** Position in the tree, such as `0/2`. */
  id: string
  receiver: string
  matchers: string[]
  /** Whether its siblings are asked as well. */
  isContinued: boolean
  /** `undefined` groups by all labels. */
  groupBy: string[] | undefined
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  /** `undefined` takes that of the receiver, empty is none. */
  escalationPolicy: string | undefined
  labels: Record<string, string>
  muteIntervals: string[]
  activeIntervals: string[]
  /** Those because of which it says nothing now. */
  pausedBy: string[]
  children: RouteNode[]
}

/** What a route says to an alert. */
export interface RouteVerdictView {
  id: string
  verdict: 'told' | 'passed' | 'refused' | 'not-asked'
  /** The conditions that the alert does not fulfil, and the value it has instead. */
  refusedBy: { matcher: string; label: string; value: string }[]
}

/** The routes that the alert ends at, and what holds it back now. */
export interface RoutePreview {
  /** Each once, in order. */
  receivers: string[]
  routes: RouteMatchView[]
  /** What each route says to the alert, in order; those below a refusal are left out. */
  verdicts: RouteVerdictView[]
  /** Ids of silences. */
  silencedBy: string[]
  /** Fingerprints of alerts. */
  inhibitedBy: string[]
  /** Names of time intervals and maintenance windows. */
  pausedBy: string[]
}

/** One route. */
export interface RouteMatchView {
  id: string
  /** From the root to the route itself. */
  path: { matchers: string[]; receiver: string; isContinued: boolean }[]
  receiver: string
  /** `undefined` groups by all labels. */
  groupBy: string[] | undefined
  groupLabels: Record<string, string>
  groupKey: string
  /** The escalation policy that begins; empty when there is none. */
  escalationPolicy: string
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  muteIntervals: string[]
  activeIntervals: string[]
  /** Those because of which it says nothing now. */
  pausedBy: string[]
}
