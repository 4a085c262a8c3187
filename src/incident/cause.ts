/**
 * Looks for the deployment that caused a trouble. Candidates are the deployments of the service, and of
 * services that the alerts name, from `lookback` before the onset to `onset_tolerance` after it. Each
 * candidate is judged by questions to the store; every answer is kept as evidence with its query.
 *
 *   evidence            speaks for the candidate when                               weight at most
 *   onset               the signal shifted after the deployment began                0.50 · t
 *   errors-by-version   the new version fails a larger share of its requests          0.85 · s · t
 *   latency-by-version  more of its requests are slower than the old version's p95    0.70 · s · t
 *   new-log-line        its log says something that it never said before              0.50 · t
 *
 *   s  strength of the comparison, 0..1, from its p-value (see compare.ts)
 *   t  timing: 1 up to 2 min between deployment and onset, then e^(-(lag - 2 min) / 10 min); 0.6 when
 *      the onset seems to lie before the deployment but within the tolerance; 0.5 when no onset was
 *      found. A comparison with the old version running at the same moment needs no timing: t = 1.
 *
 *   confidence = (1 - Π(1 - weight)) · 0.4 if versions were compared on enough requests and none was worse
 *
 * Timing alone therefore never exceeds 0.5: the last deployment is often innocent. A deployment that
 * began clearly after the onset is cleared. Below `cause_confidence_min` no cause is named, and what was
 * looked at is told instead. O(series × points) per candidate; candidates are at most 10.
 */

import type { AlertView } from '../api/api.ts'
import type { Deployment } from '../model/deployment.ts'
import type { Cause, Evidence } from '../model/incident.ts'
import type { LogRecord } from '../model/log-line.ts'
import { type Comparison, compareCounts } from './compare.ts'
import { splitComparison } from '../model/expression.ts'
import { maskLine, plainPartOf } from './log-pattern.ts'
import { findOnset, type Onset } from './onset.ts'
import {
  formatCount,
  formatLatency,
  formatRatio,
  formatSpan,
  formatTime,
  nameDeployment,
} from './phrase.ts'
import type { AnsweredSeries, Questioner } from './question.ts'
import { findServiceSettings, quoteValue, type ServiceIdentity, serviceOfName } from './service.ts'
import type { IncidentSettings } from './settings.ts'
import {
  countBuckets,
  countRequests,
  findSignals,
  quantileOfBuckets,
  type ServiceSignals,
  withVersion,
} from './signal.ts'

/** What a search starts from. */
export interface CauseQuestion {
  service: ServiceIdentity
  alerts: readonly AlertView[]
  /** Deployments that may matter, any service of the environment. */
  deployments: readonly Deployment[]
  nowTimeMs: number
}

/** What a search found. */
export interface CauseFinding {
  /** Best first; never empty: at worst one of kind "unknown". */
  causes: Cause[]
  onset: Onset | undefined
  signals: ServiceSignals
}

const candidateCountMax = 10
/** In a storm the oldest alerts tell when it began: so many expressions, and so many alerts of each. */
const expressionCountMax = 20
const expressionAlertCountMax = 40
/** Span before a deployment that stands for the old version. */
const oldSpanMs = 10 * 60_000
/** Span after a deployment that stands for the new version. */
const newSpanMs = 15 * 60_000
/** Lines of a log read before and after a deployment. */
const lineCountBefore = 5_000
const lineCountAfter = 2_000
const logSpanMs = 30 * 60_000

/** Words that make a log line worth reading; levels are words too. */
const troublePattern =
  '(?i)(error|fatal|panic|exception|critical|warn|fail|reject|refus|denied|timeout|timed out|unavailable|invalid)'
const logServiceLabels = ['service', 'service_name', 'app', 'job']

/** Searches for the causes of a trouble. Never throws: what cannot be asked is left out. */
export async function findCauses(
  question: CauseQuestion,
  parts: { questioner: Questioner; settings: IncidentSettings },
): Promise<CauseFinding> {
  const { service, alerts, nowTimeMs } = question
  const { questioner, settings } = parts
  const options = settings.incidents
  const signals = await findSignals(service, {
    questioner,
    settings: findServiceSettings(settings.services, service.name, service.environment),
    windowMs: options.signal_window,
    timeMs: nowTimeMs,
  })
  const activeTimeMs = Math.min(nowTimeMs, ...alerts.map((alert) => alert.activeTimeMs))
  const named = namedServices(question)
  const nearby = question.deployments.filter(
    (deployment) =>
      named.has(deployment.service) &&
      deployment.environment === service.environment &&
      deployment.startTimeMs >= activeTimeMs - options.onset_window - options.lookback &&
      deployment.startTimeMs <= nowTimeMs,
  )
  const searchStartTimeMs = Math.min(
    activeTimeMs - options.onset_window,
    ...nearby
      .filter((deployment) => deployment.startTimeMs >= activeTimeMs - options.lookback)
      .map((deployment) => deployment.startTimeMs - oldSpanMs),
  )
  const found = await findTroubleOnset(question, { questioner, signals, searchStartTimeMs })
  const onsetTimeMs = found?.onset.timeMs ?? activeTimeMs

  const causes: Cause[] = []
  const cleared: Evidence[] = []
  const ordered = nearby
    .filter((deployment) => deployment.startTimeMs >= onsetTimeMs - options.lookback)
    .sort((a, b) => b.startTimeMs - a.startTimeMs)
    .slice(0, candidateCountMax)
  for (const deployment of ordered) {
    if (deployment.startTimeMs > onsetTimeMs + options.onset_tolerance) {
      cleared.push(clearedEvidence(deployment, onsetTimeMs, found?.query ?? ''))
      continue
    }
    const evidence = await gatherEvidence(deployment, { question, found, questioner, settings })
    const confidence = confidenceOf(evidence)
    if (confidence < options.cause_confidence_min) {
      cleared.push({
        kind: 'change',
        message: `Deployment ${nameDeployment(deployment)} is near in time, but the evidence is too thin (confidence ${confidence.toFixed(2)}).`,
        query: '',
        weight: 0,
        facts: { deploymentId: deployment.id, confidence },
      })
      continue
    }
    causes.push({
      kind: 'deployment',
      title: `deployment ${nameDeployment(deployment)}`,
      deploymentId: deployment.id,
      service: deployment.service,
      confidence,
      evidence,
    })
  }
  causes.sort((a, b) => b.confidence - a.confidence)
  if (causes.length === 0) causes.push(unknownCause(question, found, cleared, settings))
  return { causes, onset: found?.onset, signals }
}

/** Confidence from evidence; the formula of the header. */
function confidenceOf(evidence: readonly Evidence[]): number {
  let doubt = 1
  for (const { weight } of evidence) doubt *= 1 - weight
  const compared = evidence.filter((item) => item.facts['isEnough'] === true)
  const isContradicted = compared.length > 0 && compared.every((item) => item.weight === 0)
  return Math.round((1 - doubt) * (isContradicted ? 0.4 : 1) * 1_000) / 1_000
}

/** The timing factor t of the header. `lagMs` is from deployment to onset. */
function timingOf(lagMs: number | undefined): number {
  if (lagMs === undefined) return 0.5
  if (lagMs < 0) return 0.6
  return Math.exp(-Math.max(0, lagMs - 120_000) / 600_000)
}

interface FoundOnset {
  onset: Onset
  query: string
}

/** The service itself and every service that a label of an alert names. */
function namedServices(question: CauseQuestion): Set<string> {
  const deployed = new Set(question.deployments.map((deployment) => deployment.service))
  const named = new Set([question.service.name])
  for (const alert of question.alerts) {
    for (const value of Object.values(alert.labels)) if (deployed.has(value)) named.add(value)
  }
  return named
}

/** The onset in the alerts' own signals; in the service's signals when those tell nothing. */
async function findTroubleOnset(
  question: CauseQuestion,
  parts: { questioner: Questioner; signals: ServiceSignals; searchStartTimeMs: number },
): Promise<FoundOnset | undefined> {
  const { questioner, signals, searchStartTimeMs } = parts
  const endTimeMs = question.nowTimeMs
  // About 1,200 points, never finer than a second.
  const stepMs = Math.max(1_000, Math.ceil((endTimeMs - searchStartTimeMs) / 1_200_000) * 1_000)
  const startTimeMs = endTimeMs - Math.floor((endTimeMs - searchStartTimeMs) / stepMs) * stepMs
  const range = { startTimeMs, endTimeMs, stepMs }
  let best: FoundOnset | undefined
  for (const { left, worse, alerts } of listExpressions(question.alerts)) {
    const answered = await questioner.series(left, range)
    for (const series of answered) {
      if (!alerts.some((alert) => isOfAlert(series, alert))) continue
      const onset = findOnset(series, worse)
      if (onset !== undefined && (best === undefined || onset.timeMs < best.onset.timeMs))
        best = { onset, query: left }
    }
  }
  if (best !== undefined) return best
  for (const signal of signals.signals) {
    const [series] = await questioner.series(signal.query, range)
    const onset = series === undefined ? undefined : findOnset(series, signal.worse)
    if (onset !== undefined && (best === undefined || onset.timeMs < best.onset.timeMs)) {
      best = { onset, query: signal.query }
    }
  }
  return best
}

/** What the alerts compare, each expression once with its alerts; the oldest alerts when they are many. */
function listExpressions(
  alerts: readonly AlertView[],
): { left: string; worse: 'lower' | 'higher'; alerts: AlertView[] }[] {
  const found = new Map<string, { left: string; worse: 'lower' | 'higher'; alerts: AlertView[] }>()
  for (const alert of [...alerts].sort((a, b) => a.activeTimeMs - b.activeTimeMs)) {
    const split = splitComparison(alert.expression)
    if (split === undefined) continue
    const worse = split.operator === '<' || split.operator === '<=' ? 'lower' : 'higher'
    const key = `${worse} ${split.left}`
    const known = found.get(key)
    if (known !== undefined) {
      if (known.alerts.length < expressionAlertCountMax) known.alerts.push(alert)
    } else if (found.size < expressionCountMax)
      found.set(key, { left: split.left, worse, alerts: [alert] })
  }
  return [...found.values()]
}

/** Whether all labels of a series are labels of the alert, as the rule's output has them. */
function isOfAlert(series: AnsweredSeries, alert: AlertView): boolean {
  const { pairs } = series.labels
  for (let index = 0; index < pairs.length; index += 2) {
    if (pairs[index] !== '__name__' && alert.labels[pairs[index]!] !== pairs[index + 1])
      return false
  }
  return true
}

function clearedEvidence(deployment: Deployment, onsetTimeMs: number, query: string): Evidence {
  const leadMs = deployment.startTimeMs - onsetTimeMs
  return {
    kind: 'onset',
    message: `Deployment ${nameDeployment(deployment)} is cleared: the trouble began ${formatSpan(leadMs)} before it.`,
    query,
    weight: 0,
    facts: {
      deploymentId: deployment.id,
      onsetTimeMs,
      deploymentTimeMs: deployment.startTimeMs,
      lagMs: -leadMs,
    },
  }
}

interface EvidenceParts {
  question: CauseQuestion
  found: FoundOnset | undefined
  questioner: Questioner
  settings: IncidentSettings
}

async function gatherEvidence(deployment: Deployment, parts: EvidenceParts): Promise<Evidence[]> {
  const { question, found, questioner, settings } = parts
  const service =
    deployment.service === question.service.name
      ? question.service
      : serviceOfName(deployment.service, deployment.environment, settings.services)
  const signals = await findSignals(service, {
    questioner,
    settings: undefined,
    windowMs: settings.incidents.signal_window,
    timeMs: question.nowTimeMs,
  })
  const lagMs = found === undefined ? undefined : lagOf(deployment, found.onset.timeMs)
  const timing = timingOf(lagMs)
  const evidence: (Evidence | undefined)[] = []
  if (found !== undefined && lagMs !== undefined) {
    evidence.push(onsetEvidence(deployment, found, lagMs))
  }
  const spans = {
    fresh: {
      version: { is: deployment.version },
      startTimeMs: Math.max(deployment.startTimeMs, question.nowTimeMs - newSpanMs),
      endTimeMs: question.nowTimeMs,
    },
    old: {
      version: versionBefore(deployment),
      startTimeMs: deployment.startTimeMs - oldSpanMs,
      endTimeMs: deployment.startTimeMs,
    },
  }
  evidence.push(await errorEvidence(deployment, { signals, spans, questioner, timing }))
  evidence.push(await latencyEvidence(deployment, { signals, spans, questioner, timing }))
  evidence.push(
    await logEvidence(deployment, { nowTimeMs: question.nowTimeMs, questioner, timing }),
  )
  return evidence.filter((item) => item !== undefined)
}

function versionBefore(deployment: Deployment): { is: string } | { isNot: string } {
  return deployment.previousVersion === ''
    ? { isNot: deployment.version }
    : { is: deployment.previousVersion }
}

/** From the deployment to the onset; zero while it was under way, negative when the onset came first. */
function lagOf(deployment: Deployment, onsetTimeMs: number): number {
  if (onsetTimeMs < deployment.startTimeMs) return onsetTimeMs - deployment.startTimeMs
  return Math.max(0, onsetTimeMs - (deployment.endTimeMs ?? deployment.startTimeMs))
}

function onsetEvidence(deployment: Deployment, found: FoundOnset, lagMs: number): Evidence {
  const { onset, query } = found
  const place =
    lagMs < 0
      ? `${formatSpan(lagMs)} before the deployment was recorded as begun, within what clocks may differ`
      : lagMs < 1_000
        ? 'while the deployment was under way'
        : `${formatSpan(lagMs)} after the deployment`
  return {
    kind: 'onset',
    message: `The trouble began at ${formatTime(onset.timeMs)}, ${place}.`,
    query,
    weight: 0.5 * timingOf(lagMs),
    facts: {
      onsetTimeMs: onset.timeMs,
      deploymentTimeMs: deployment.startTimeMs,
      lagMs,
      before: onset.hasBaseline ? onset.before : undefined,
      after: onset.after,
    },
  }
}

interface Span {
  version: { is?: string; isNot?: string }
  startTimeMs: number
  endTimeMs: number
}

interface ComparisonParts {
  signals: ServiceSignals
  spans: { fresh: Span; old: Span }
  questioner: Questioner
  timing: number
}

async function errorEvidence(
  deployment: Deployment,
  parts: ComparisonParts,
): Promise<Evidence | undefined> {
  const { counter } = parts.signals
  if (counter?.versionLabel === undefined) return undefined
  const { fresh, old } = parts.spans
  const [freshCounts, before, beside] = await Promise.all([
    countRequests(counter, fresh, parts.questioner),
    countRequests(counter, old, parts.questioner),
    countRequests(counter, { ...fresh, version: old.version }, parts.questioner),
  ])
  if (freshCounts === undefined) return undefined
  // The old version under the same traffic is the better witness, if it has seen enough of it.
  const isBeside = beside !== undefined && beside.total >= 0.2 * freshCounts.total
  const reference = isBeside ? beside : before
  if (reference === undefined) return undefined
  const comparison = compareCounts(freshCounts, reference)
  const matchers = withVersion(counter.matchers, counter.versionLabel, fresh.version)
  const share = (bad: number, total: number): string =>
    `${formatRatio(bad / total)} of its requests (${formatCount(bad)} of ${formatCount(total)})`
  const oldName =
    deployment.previousVersion === '' ? 'the version before' : deployment.previousVersion
  const verb = isBeside ? 'fails' : 'failed'
  return {
    kind: 'errors-by-version',
    message: `${deployment.version} fails ${share(freshCounts.bad, freshCounts.total)}; ${oldName} ${verb} ${share(reference.bad, reference.total)}.`,
    query: `sum by (${counter.versionLabel}) (rate(${counter.metric}{${counter.matchers}, ${counter.badMatcher}}[1m])) / sum by (${counter.versionLabel}) (rate(${counter.metric}{${counter.matchers}}[1m]))`,
    weight: 0.85 * comparison.strength * (isBeside ? 1 : parts.timing),
    facts: {
      ...comparisonFacts(comparison),
      newBad: freshCounts.bad,
      newTotal: freshCounts.total,
      oldBad: reference.bad,
      oldTotal: reference.total,
      isBeside,
      matchers,
    },
  }
}

async function latencyEvidence(
  deployment: Deployment,
  parts: ComparisonParts,
): Promise<Evidence | undefined> {
  const { histogram } = parts.signals
  if (histogram?.versionLabel === undefined) return undefined
  const { fresh, old } = parts.spans
  const [freshBuckets, oldBuckets] = await Promise.all([
    countBuckets(histogram, fresh, parts.questioner),
    countBuckets(histogram, old, parts.questioner),
  ])
  const freshP95 = quantileOfBuckets(freshBuckets, 0.95)
  const oldP95 = quantileOfBuckets(oldBuckets, 0.95)
  if (freshP95 === undefined || oldP95 === undefined) return undefined
  // The edge next above the old p95 makes "slow" a count that can be tested.
  const limit = oldBuckets.find(({ edge }) => edge >= oldP95)?.edge
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) return undefined
  const slowOf = (buckets: readonly { edge: number; count: number }[]) => {
    const total = buckets.at(-1)!.count
    const within = buckets.find(({ edge }) => edge === limit)?.count ?? total
    return { bad: Math.max(0, total - within), total }
  }
  const comparison = compareCounts(slowOf(freshBuckets), slowOf(oldBuckets), 0.02)
  const isWorse = comparison.isWorse && freshP95 > 1.25 * oldP95
  const scale = histogram.unitSeconds
  const oldName =
    deployment.previousVersion === '' ? 'the version before' : deployment.previousVersion
  return {
    kind: 'latency-by-version',
    message: `p95 latency of ${deployment.version} is ${formatLatency(freshP95 * scale)}; of ${oldName} it was ${formatLatency(oldP95 * scale)}.`,
    query: `histogram_quantile(0.95, sum by (le, ${histogram.versionLabel}) (rate(${histogram.metric}{${histogram.matchers}}[1m])))`,
    weight: isWorse ? 0.7 * comparison.strength * parts.timing : 0,
    facts: {
      ...comparisonFacts(comparison),
      isWorse,
      newP95Seconds: freshP95 * scale,
      oldP95Seconds: oldP95 * scale,
      limitSeconds: limit * scale,
    },
  }
}

function comparisonFacts(comparison: Comparison): Record<string, unknown> {
  const { newRatio, oldRatio, pValue, isWorse, isEnough } = comparison
  return { newRatio, oldRatio, pValue, isWorse, isEnough }
}

async function logEvidence(
  deployment: Deployment,
  parts: { nowTimeMs: number; questioner: Questioner; timing: number },
): Promise<Evidence | undefined> {
  const { questioner, nowTimeMs } = parts
  const startTimeMs = deployment.startTimeMs
  const before = { startTimeMs: startTimeMs - logSpanMs, endTimeMs: startTimeMs }
  const after = { startTimeMs, endTimeMs: Math.min(nowTimeMs + 1, startTimeMs + newSpanMs) }
  const stream = await findStream(deployment.service, before, questioner)
  // Without a single line from before, "never said before" would mean nothing.
  if (stream === undefined) return undefined
  const filter = `${stream} |~ \`${troublePattern}\``
  const [oldLines, freshLines] = await Promise.all([
    questioner.lines(filter, { ...before, limit: lineCountBefore, direction: 'backward' }),
    questioner.lines(filter, { ...after, limit: lineCountAfter, direction: 'forward' }),
  ])
  const fresh = newPatterns(oldLines, freshLines)
  const best = fresh[0]
  if (best === undefined) return undefined
  const plain = plainPartOf(best.pattern)
  return {
    kind: 'new-log-line',
    message: `New in the log of ${deployment.service}: "${best.pattern}", ${best.count === 1 ? 'once' : `${best.count} times`} since the deployment, never in the ${formatSpan(logSpanMs)} before.`,
    query: plain === '' ? stream : `${stream} |= ${quoteValue(plain)}`,
    weight: 0.5 * Math.min(1, best.count / 5) * parts.timing,
    facts: {
      pattern: best.pattern,
      count: best.count,
      sample: best.sample.slice(0, 300),
      otherPatterns: fresh.slice(1, 4).map(({ pattern, count }) => ({ pattern, count })),
      lineCountBefore: oldLines.length,
    },
  }
}

/** The stream selector under which the service logs. */
async function findStream(
  service: string,
  range: { startTimeMs: number; endTimeMs: number },
  questioner: Questioner,
): Promise<string | undefined> {
  for (const label of logServiceLabels) {
    const stream = `{${label}=${quoteValue(service)}}`
    const lines = await questioner.lines(stream, { ...range, limit: 1, direction: 'backward' })
    if (lines.length > 0) return stream
  }
  return undefined
}

/** Patterns of `fresh` that `old` has not, most frequent first. */
export function newPatterns(
  old: readonly Pick<LogRecord, 'line'>[],
  fresh: readonly Pick<LogRecord, 'line'>[],
): { pattern: string; count: number; sample: string }[] {
  const known = new Set(old.map(({ line }) => maskLine(line)))
  const counts = new Map<string, { pattern: string; count: number; sample: string }>()
  for (const { line } of fresh) {
    const pattern = maskLine(line)
    if (pattern === '' || known.has(pattern)) continue
    const entry = counts.get(pattern)
    if (entry === undefined) counts.set(pattern, { pattern, count: 1, sample: line })
    else entry.count++
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)
}

/** "No change found", with what was looked at. */
function unknownCause(
  question: CauseQuestion,
  found: FoundOnset | undefined,
  cleared: readonly Evidence[],
  settings: IncidentSettings,
): Cause {
  const name = question.service.name === '' ? 'any service named' : question.service.name
  const span = formatSpan(settings.incidents.lookback)
  const evidence: Evidence[] = [
    {
      kind: 'change',
      message:
        cleared.length === 0
          ? `No deployment of ${name} was recorded in the ${span} before the trouble.`
          : `Deployments of the ${span} before the trouble were looked at; none explains it.`,
      query: '',
      weight: 0,
      facts: { service: question.service.name, lookbackMs: settings.incidents.lookback },
    },
    ...cleared,
  ]
  if (found !== undefined) {
    evidence.push({
      kind: 'onset',
      message: `The trouble began at ${formatTime(found.onset.timeMs)}.`,
      query: found.query,
      weight: 0,
      facts: { onsetTimeMs: found.onset.timeMs },
    })
  }
  return {
    kind: 'unknown',
    title: 'no change found',
    deploymentId: undefined,
    service: question.service.name,
    confidence: 0,
    evidence,
  }
}
