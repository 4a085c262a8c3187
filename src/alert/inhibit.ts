/**
 * Inhibition: an alert that matches a rule's target is held back while an alert that matches its
 * source fires with equal labels (a missing label equals an empty one). An alert that matches both
 * sides is not held back by another such alert.
 * Source: alertmanager inhibit/inhibit.go (Apache-2.0), behaviour re-implemented; sources are indexed
 * by their equal labels, so that a check costs one lookup for each rule.
 */

import type { Labels } from '../model/labels.ts'
import { type Matcher, makeMatcher, matchesAll } from '../model/matcher.ts'
import { parseMatchers } from './matcher-text.ts'
import type { InhibitSettings } from './settings.ts'

interface Rule {
  source: readonly Matcher[]
  target: readonly Matcher[]
  equal: readonly string[]
  /** Fingerprints of alerts on the source side, by the values of the equal labels. */
  sources: Map<string, Map<string, Labels>>
}

/** Knows the sources and answers who holds an alert back. */
export class Inhibitor {
  readonly #rules: Rule[]

  constructor(settings: readonly InhibitSettings[]) {
    this.#rules = settings.map((rule) => ({
      source: makeSide(rule.source_matchers, rule.source_match, rule.source_match_re),
      target: makeSide(rule.target_matchers, rule.target_match, rule.target_match_re),
      equal: rule.equal ?? [],
      sources: new Map(),
    }))
  }

  /** An alert appeared. */
  add(fingerprint: string, labels: Labels): void {
    for (const rule of this.#rules) {
      if (!matchesAll(rule.source, labels)) continue
      const key = equalKey(rule, labels)
      const sources = rule.sources.get(key)
      if (sources === undefined) rule.sources.set(key, new Map([[fingerprint, labels]]))
      else sources.set(fingerprint, labels)
    }
  }

  /** An alert is gone. */
  remove(fingerprint: string, labels: Labels): void {
    for (const rule of this.#rules) {
      const key = equalKey(rule, labels)
      const sources = rule.sources.get(key)
      if (sources?.delete(fingerprint) && sources.size === 0) rule.sources.delete(key)
    }
  }

  /** Fingerprints of the firing alerts that hold this one back, the first of each rule; empty when none does. */
  findHolders(labels: Labels, isFiring: (fingerprint: string) => boolean): string[] {
    const holders = new Set<string>()
    for (const rule of this.#rules) {
      if (!matchesAll(rule.target, labels)) continue
      const isBothSides = matchesAll(rule.source, labels)
      for (const [fingerprint, source] of rule.sources.get(equalKey(rule, labels)) ?? []) {
        if (!isFiring(fingerprint)) continue
        if (isBothSides && matchesAll(rule.target, source)) continue
        holders.add(fingerprint)
        break
      }
    }
    return [...holders]
  }
}

function equalKey(rule: Rule, labels: Labels): string {
  return rule.equal.map((name) => labels.get(name)).join('\xff')
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
