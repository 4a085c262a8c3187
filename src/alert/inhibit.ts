/**
 * Inhibition: an alert that matches a rule's target is held back while an alert that matches its
 * source fires with equal labels (a missing label equals an empty one). An alert that matches both
 * sides is not held back by another such alert. A rule may name several sources: then each must fire.
 * Source: alertmanager inhibit/inhibit.go (Apache-2.0), behaviour re-implemented; sources are indexed
 * by their equal labels, so that a check costs one lookup for each rule.
 */

import type { Labels } from '../model/labels.ts'
import { type Matcher, makeMatcher, matchesAll } from '../model/matcher.ts'
import { parseMatchers } from './matcher-text.ts'
import type { InhibitSettings } from './settings.ts'

/** One kind of alert that must fire. */
interface Source {
  matchers: readonly Matcher[]
  equal: readonly string[]
  /** Fingerprints of alerts on this side, by the values of the equal labels. */
  alerts: Map<string, Map<string, Labels>>
}

interface Rule {
  target: readonly Matcher[]
  /** All of them must fire; most rules have one. */
  sources: readonly Source[]
}

/** Knows the sources and answers who holds an alert back. */
export class Inhibitor {
  readonly #rules: Rule[]
  readonly #sources: Source[]

  constructor(settings: readonly InhibitSettings[]) {
    this.#rules = settings.map((rule) => ({
      target: makeSide(rule.target_matchers, rule.target_match, rule.target_match_re),
      sources: makeSources(rule),
    }))
    this.#sources = this.#rules.flatMap((rule) => rule.sources)
  }

  /** An alert appeared. */
  add(fingerprint: string, labels: Labels): void {
    for (const source of this.#sources) {
      if (!matchesAll(source.matchers, labels)) continue
      const key = equalKey(source, labels)
      const alerts = source.alerts.get(key)
      if (alerts === undefined) source.alerts.set(key, new Map([[fingerprint, labels]]))
      else alerts.set(fingerprint, labels)
    }
  }

  /** An alert is gone. */
  remove(fingerprint: string, labels: Labels): void {
    for (const source of this.#sources) {
      const key = equalKey(source, labels)
      const alerts = source.alerts.get(key)
      if (alerts?.delete(fingerprint) && alerts.size === 0) source.alerts.delete(key)
    }
  }

  /** Fingerprints of the firing alerts that hold this one back, the first of each source; empty when none does. */
  findHolders(labels: Labels, isFiring: (fingerprint: string) => boolean): string[] {
    const holders = new Set<string>()
    for (const rule of this.#rules) {
      if (!matchesAll(rule.target, labels)) continue
      const found = rule.sources.map((source) => findFiring(rule, source, { labels, isFiring }))
      if (found.some((fingerprint) => fingerprint === undefined)) continue
      for (const fingerprint of found) holders.add(fingerprint!)
    }
    return [...holders]
  }
}

/** The first firing alert of a source that goes with a target. */
function findFiring(
  rule: Rule,
  source: Source,
  target: { labels: Labels; isFiring: (fingerprint: string) => boolean },
): string | undefined {
  const isBothSides = matchesAll(source.matchers, target.labels)
  for (const [fingerprint, labels] of source.alerts.get(equalKey(source, target.labels)) ?? []) {
    if (!target.isFiring(fingerprint)) continue
    if (isBothSides && matchesAll(rule.target, labels)) continue
    return fingerprint
  }
  return undefined
}

function makeSources(rule: InhibitSettings): Source[] {
  const several = (rule.sources ?? []).map(({ source_matchers, equal }) => ({
    matchers: makeSide(source_matchers, undefined, undefined),
    equal: equal ?? [],
    alerts: new Map(),
  }))
  if (several.length > 0) return several
  const matchers = makeSide(rule.source_matchers, rule.source_match, rule.source_match_re)
  return [{ matchers, equal: rule.equal ?? [], alerts: new Map() }]
}

function equalKey(source: Source, labels: Labels): string {
  return source.equal.map((name) => labels.get(name)).join('\xff')
}

function makeSide(
  matchers: string[] | null | undefined,
  match: Record<string, string> | null | undefined,
  patterns: Record<string, string> | null | undefined,
): Matcher[] {
  return [
    ...(matchers ?? []).flatMap(parseMatchers),
    ...Object.entries(match ?? {}).map(([name, value]) => makeMatcher(name, '=', value)),
    ...Object.entries(patterns ?? {}).map(([name, value]) => makeMatcher(name, '=~', value)),
  ]
}
