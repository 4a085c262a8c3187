/**
 * Entries and evidence in the reader's language: the server tells codes and facts beside its English
 * sentence. English readers get that sentence; for others `word/` has one for each code, and a code
 * that it does not know is shown in the server's own words rather than left out.
 */

import type { Deployment } from '../../../src/model/deployment.ts'
import type { Evidence, TimelineEntry } from '../../../src/model/incident.ts'
import type { Format } from '../../word/format.ts'
import type { Words } from '../../word/words.ts'

type Facts = Readonly<Record<string, unknown>>

/** The text of a timeline entry; deployments named in its facts are looked up. */
export function entryText(
  entry: TimelineEntry,
  o: { words: Words; format: Format; deployments: readonly Deployment[] },
): string {
  const labels = entry.facts['labels']
  const deployment = o.deployments.find((one) => one.id === entry.facts['deploymentId'])
  const facts = {
    ...(labels && typeof labels === 'object' ? labels : {}),
    ...(deployment ? pick(deployment) : {}),
    ...entry.facts,
    ...(entry.actor === '' ? {} : { actor: entry.actor }),
  }
  return fill(o.words.story, entry.code, spell(facts, o.format)) ?? entry.message
}

/** The text of a piece of evidence. */
export function evidenceText(evidence: Evidence, words: Words, format: Format): string {
  const { facts, weight, kind } = evidence
  const derived = {
    newRatio: ratioText(facts['newBad'], facts['newTotal'], format),
    oldRatio: ratioText(facts['oldBad'], facts['oldTotal'], format),
  }
  const code = weight > 0 ? kind : `${kind}-against`
  return fill(words.evidence, code, { ...spell(facts, format), ...derived }) ?? evidence.message
}

function pick(deployment: Deployment): Facts {
  const { service, version, previousVersion } = deployment
  return previousVersion === '' ? { service, version } : { service, version, previousVersion }
}

function ratioText(bad: unknown, total: unknown, format: Format): string | undefined {
  if (typeof bad !== 'number' || typeof total !== 'number' || total <= 0) return undefined
  return format.value(bad / total, 'ratio')
}

/** Adds readable forms: `xTimeMs` as `xTime`, `xMs` as `x`, `xSeconds` as `x`, `confidence` as per cent. */
function spell(facts: Facts, format: Format): Facts {
  const out: Record<string, unknown> = { ...facts }
  for (const [name, value] of Object.entries(facts)) {
    if (typeof value !== 'number') continue
    if (name.endsWith('TimeMs')) out[name.slice(0, -2)] = format.time(value)
    else if (name.endsWith('Ms')) out[name.slice(0, -2)] = format.span(Math.abs(value))
    else if (name.endsWith('Seconds')) out[name.slice(0, -7)] = format.value(value, 'seconds')
    else if (name === 'confidence') out[name] = format.value(value, 'ratio')
    else out[name] = format.count(value)
  }
  return out
}

/** Fills `{name}` in a sentence from facts; undefined when the code is unknown or a fact is missing. */
function fill(
  sentences: Readonly<Record<string, string>>,
  code: string,
  facts: Facts,
): string | undefined {
  if (!Object.hasOwn(sentences, code)) return undefined
  let isWhole = true
  const text = sentences[code]!.replace(/\{(\w+)\}/g, (_match, name: string) => {
    const fact = Object.hasOwn(facts, name) ? facts[name] : undefined
    if (fact === undefined || fact === null || typeof fact === 'object') isWhole = false
    return String(fact)
  })
  return isWhole ? text : undefined
}
