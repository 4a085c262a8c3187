/**
 * From a discovered label set to a target: defaults, relabeling, the address to ask.
 * Source: prometheus/prometheus scrape/target.go (PopulateLabels), behaviour re-implemented.
 */

import { formatDuration, parseDuration } from '../../base/duration.ts'
import { formatFnv64, startFnv64, addText } from '../../base/hash.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import { type RelabelRule, relabel } from '../../prepare/prepare.ts'
import { findSchemaMax } from './native-histogram.ts'
import type { CollectSettings, ScrapeConfig, ScrapeProtocol } from '../settings.ts'

/** A scrape job with what its targets share, compiled. */
export interface ScrapeJob {
  config: ScrapeConfig
  relabelRules: readonly RelabelRule[]
  metricRelabelRules: readonly RelabelRule[]
  intervalMs: number
  timeoutMs: number
  bodyBytesMax: number
  sampleCountMax: number
  labelCountMax: number
  labelNameBytesMax: number
  labelValueBytesMax: number
  targetCountMax: number
  /** Formats to ask for, the best first. */
  protocols: readonly ScrapeProtocol[]
  /** How targets are asked to write names. */
  escaping: string
  /** Whether only letters, digits, `_` and `:` are valid in names. */
  hasLegacyNames: boolean
  /** Whether native histograms are kept as such. */
  hasNativeHistograms: boolean
  /** Whether classic buckets are kept beside the native or converted ones. */
  keepsClassic: boolean
  /** Whether classic histograms become native ones with custom buckets. */
  convertsClassic: boolean
  /** Finest schema of native histograms. */
  histogramSchemaMax: number
  /** Buckets of a native histogram at most; 0 means no limit. */
  bucketCountMax: number
  /** Targets that relabeling dropped, remembered at most. */
  droppedCountMax: number
  /** Where failed scrapes are written to; `undefined` for nowhere. */
  failureLogFile: string | undefined
  /** Whether `scrape_timeout_seconds` and its like are written too. */
  hasExtraMetrics: boolean
}

/** One target. */
export interface Target {
  /** Equal for equal targets of equal configuration. */
  key: string
  job: string
  discovered: Labels
  /** What its series carry: no hidden labels. */
  labels: Labels
  url: string
  intervalMs: number
  timeoutMs: number
  /** 0 ≤ offset < 1: its place within the interval. */
  offsetRatio: number
}

/** What became of a discovered label set. */
export type TargetOutcome =
  | { kind: 'target'; target: Target }
  | { kind: 'dropped'; discovered: Labels }
  | { kind: 'invalid'; reason: string }

/** The body limit when a job or `global` says 0. */
const bodyBytesMaxDefault = 64 * 1024 * 1024

/** Dropped targets that are remembered when nothing says how many, and at most. */
const droppedCountMaxDefault = 10_000

const textProtocols: readonly ScrapeProtocol[] = [
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
]

const nativeProtocols: readonly ScrapeProtocol[] = ['PrometheusProto', ...textProtocols]

/** Joins a job's settings with `global`. */
export function makeScrapeJob(
  config: ScrapeConfig,
  global: CollectSettings['global'],
  compile: (configs: ScrapeConfig['relabel_configs']) => RelabelRule[],
): ScrapeJob {
  const intervalMs = config.scrape_interval ?? global.scrape_interval
  const timeoutMs = config.scrape_timeout ?? Math.min(global.scrape_timeout, intervalMs)
  const validation = config.metric_name_validation_scheme ?? global.metric_name_validation_scheme
  const hasLegacyNames = validation === 'legacy'
  const escaping = config.metric_name_escaping_scheme ?? global.metric_name_escaping_scheme
  const droppedCountMax = config.keep_dropped_targets ?? global.keep_dropped_targets
  const hasNativeHistograms =
    config.scrape_native_histograms ?? global.scrape_native_histograms ?? false
  const keepsClassic =
    config.always_scrape_classic_histograms ?? global.always_scrape_classic_histograms
  const convertsClassic =
    config.convert_classic_histograms_to_nhcb ?? global.convert_classic_histograms_to_nhcb
  const protocols = hasNativeHistograms ? nativeProtocols : textProtocols
  return {
    config,
    relabelRules: compile(config.relabel_configs),
    metricRelabelRules: compile(config.metric_relabel_configs),
    intervalMs,
    timeoutMs,
    bodyBytesMax: config.body_size_limit || global.body_size_limit || bodyBytesMaxDefault,
    sampleCountMax: config.sample_limit ?? global.sample_limit ?? 0,
    labelCountMax: config.label_limit ?? global.label_limit ?? 0,
    labelNameBytesMax: config.label_name_length_limit ?? global.label_name_length_limit ?? 0,
    labelValueBytesMax: config.label_value_length_limit ?? global.label_value_length_limit ?? 0,
    targetCountMax: config.target_limit ?? global.target_limit ?? 0,
    protocols: config.scrape_protocols ?? global.scrape_protocols ?? protocols,
    hasNativeHistograms,
    keepsClassic: keepsClassic ?? false,
    convertsClassic: convertsClassic ?? false,
    histogramSchemaMax: findSchemaMax(config.native_histogram_min_bucket_factor ?? 0),
    bucketCountMax: config.native_histogram_bucket_limit ?? 0,
    escaping: escaping ?? (hasLegacyNames ? 'underscores' : 'allow-utf-8'),
    hasLegacyNames,
    droppedCountMax: Math.min(droppedCountMax || droppedCountMaxDefault, droppedCountMaxDefault),
    failureLogFile: config.scrape_failure_log_file ?? global.scrape_failure_log_file,
    hasExtraMetrics: config.extra_scrape_metrics ?? global.extra_scrape_metrics ?? false,
  }
}

/** Makes the target of a discovered label set. */
export function makeTarget(job: ScrapeJob, found: Labels): TargetOutcome {
  const discovered = addDefaults(job, found)
  const labels = relabel(discovered, job.relabelRules)
  if (labels === undefined) return { kind: 'dropped', discovered }
  const invalid = (reason: string): TargetOutcome => ({ kind: 'invalid', reason })
  const address = labels.get('__address__')
  if (address === '') return invalid('the target has no address')
  if (/[/\s]/.test(address)) return invalid(`"${address}" is not an address as host:port`)
  const intervalMs = parseDuration(labels.get('__scrape_interval__'))
  const timeoutMs = parseDuration(labels.get('__scrape_timeout__'))
  if (!intervalMs) return invalid('the scrape interval is not a duration above 0')
  if (!timeoutMs) return invalid('the scrape timeout is not a duration above 0')
  if (timeoutMs > intervalMs) return invalid('the scrape timeout is greater than the interval')
  const url = makeUrl(job, labels, address)
  if (url === undefined) return invalid(`"${address}" does not make an address`)
  const shown = publicLabels(labels, address)
  return {
    kind: 'target',
    target: {
      key: `${shown.key}\xff\xff${url}\xff${intervalMs}\xff${timeoutMs}`,
      job: job.config.job_name,
      discovered,
      labels: shown,
      url,
      intervalMs,
      timeoutMs,
      offsetRatio: hashRatio(shown.key + url),
    },
  }
}

/** A number in [0, 1) that depends on the text alone: spreads targets over their interval. */
export function hashRatio(text: string): number {
  const state = startFnv64()
  addText(state, text)
  return Number.parseInt(formatFnv64(state).slice(0, 8), 16) / 2 ** 32
}

function addDefaults(job: ScrapeJob, found: Labels): Labels {
  const pairs = [...found.pairs]
  const add = (name: string, value: string): void => {
    if (!found.has(name)) pairs.push(name, value)
  }
  add('job', job.config.job_name)
  add('__scrape_interval__', formatDuration(job.intervalMs))
  add('__scrape_timeout__', formatDuration(job.timeoutMs))
  add('__metrics_path__', job.config.metrics_path)
  add('__scheme__', job.config.scheme)
  for (const name of Object.keys(job.config.params)) {
    const value = job.config.params[name]![0]
    if (value !== undefined) add(`__param_${name}`, value)
  }
  return labelsFromPairs(pairs)
}

function makeUrl(job: ScrapeJob, labels: Labels, address: string): string | undefined {
  try {
    const url = new URL(`${labels.get('__scheme__')}://${address}`)
    const path = labels.get('__metrics_path__')
    url.pathname = path.startsWith('/') ? path : `/${path}`
    for (const name of Object.keys(job.config.params)) {
      for (const value of job.config.params[name]!.slice(1)) url.searchParams.append(name, value)
    }
    const query = new URLSearchParams()
    for (let index = 0; index < labels.pairs.length; index += 2) {
      const name = labels.pairs[index]!
      if (name.startsWith('__param_')) query.append(name.slice(8), labels.pairs[index + 1]!)
    }
    for (const [name, value] of url.searchParams) query.append(name, value)
    url.search = query.toString()
    return url.href
  } catch {
    return undefined
  }
}

function publicLabels(labels: Labels, address: string): Labels {
  const shown = labels.filter((name) => !name.startsWith('__'))
  return shown.has('instance') ? shown : shown.with('instance', address)
}
