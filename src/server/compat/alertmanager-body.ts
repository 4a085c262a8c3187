/**
 * Bodies that are posted to Alertmanager's API v2. Alerts are read one by one: a bad one does not harm
 * the others. Go's zero time stands for "not given".
 */

import type { ReceivedAlert, SilenceRequest } from '../../alert/alert.ts'
import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { MatchOperator } from '../../model/matcher.ts'
import { serverErrors } from '../errors.ts'

/** Problems that are told of one request. */
const problemCountMax = 10

/** Reads `postableAlerts`; throws `SERVER_PARAMETER_INVALID` when it is no list at all. */
export function readAlerts(body: unknown): { taken: ReceivedAlert[]; problems: string[] } {
  if (!Array.isArray(body)) throw invalid('alerts in body must be a list')
  const taken: ReceivedAlert[] = []
  const problems: string[] = []
  for (const [index, one] of body.entries()) {
    try {
      taken.push(readAlert(one))
    } catch (thrown) {
      if (!(thrown instanceof Problem)) throw thrown
      if (problems.length < problemCountMax) problems.push(`alert ${index}: ${thrown.message}`)
    }
  }
  return { taken, problems }
}

/** Reads `postableSilence`; throws `SERVER_PARAMETER_INVALID`. */
export function readSilence(body: unknown): SilenceRequest {
  try {
    const silence = asObject(body, 'silence')
    const { matchers } = silence
    if (!Array.isArray(matchers)) throw new Problem('matchers in body is required')
    // Go's zero time is long ago, so that the silence begins at once.
    const startTimeMs = readTime(silence['startsAt'], 'startsAt') ?? zeroTimeOf(silence['startsAt'])
    const endTimeMs = readTime(silence['endsAt'], 'endsAt')
    if (startTimeMs === undefined) throw new Problem('startsAt in body is required')
    if (endTimeMs === undefined) throw new Problem('endsAt in body is required')
    const annotations = readLabels(silence['annotations'] ?? {}, 'annotations').pairs
    const id = silence['id'] ?? ''
    return {
      ...(id === '' ? {} : { id: asText(id, 'id') }),
      matchers: matchers.map((matcher: unknown) => readMatcher(matcher)),
      startTimeMs,
      endTimeMs,
      createdBy: asText(silence['createdBy'], 'createdBy'),
      comment: asText(silence['comment'], 'comment'),
      annotations: annotations.flatMap((name, index): [string, string][] =>
        index % 2 === 0 ? [[name, annotations[index + 1]!]] : [],
      ),
    }
  } catch (thrown) {
    if (thrown instanceof Problem) throw invalid(thrown.message)
    throw thrown
  }
}

/** What is wrong with one part of a body. */
class Problem extends Error {}

function readAlert(value: unknown): ReceivedAlert {
  const alert = asObject(value, 'alert')
  const labels = readLabels(alert['labels'], 'labels')
  if (labels.size === 0) throw new Problem('at least one label pair required')
  const startTimeMs = readTime(alert['startsAt'], 'startsAt')
  const endTimeMs = readTime(alert['endsAt'], 'endsAt')
  if (startTimeMs !== undefined && endTimeMs !== undefined && endTimeMs < startTimeMs)
    throw new Problem('start time must be before end time')
  return {
    labels,
    annotations: readLabels(alert['annotations'] ?? {}, 'annotations'),
    startTimeMs,
    endTimeMs,
    generatorUrl: asText(alert['generatorURL'] ?? '', 'generatorURL'),
  }
}

function readMatcher(value: unknown): SilenceRequest['matchers'][number] {
  const matcher = asObject(value, 'matcher')
  const { isRegex } = matcher
  const isEqual = matcher['isEqual'] ?? true
  if (typeof isRegex !== 'boolean') throw new Problem('isRegex of a matcher must be true or false')
  if (typeof isEqual !== 'boolean') throw new Problem('isEqual of a matcher must be true or false')
  const operator: MatchOperator = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!='
  return {
    name: asText(matcher['name'], 'name'),
    operator,
    value: asText(matcher['value'], 'value'),
  }
}

/** Labels without those that are empty. */
function readLabels(value: unknown, what: string): Labels {
  const pairs: string[] = []
  for (const [name, text] of Object.entries(asObject(value, what))) {
    if (name === '') throw new Problem(`a name in ${what} is empty`)
    pairs.push(name, asText(text, `${what}.${name}`))
  }
  return labelsFromPairs(pairs)
}

/** A time in RFC 3339, or `undefined` when it is not given. */
function readTime(value: unknown, what: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const text = asText(value, what)
  const timeMs = /^\d{4}-\d\d-\d\d[Tt ]/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(timeMs)) throw new Problem(`${what} must be a time in RFC 3339, not "${text}"`)
  return timeMs <= 0 ? undefined : timeMs
}

function zeroTimeOf(value: unknown): number | undefined {
  return value === undefined || value === null ? undefined : 0
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new Problem(`${what} in body must be an object`)
}

function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  throw new Problem(`${what} in body must be a text`)
}

function invalid(text: string): Error {
  return serverErrors.PARAMETER_INVALID({ text })
}
