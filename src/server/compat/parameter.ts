/**
 * Parameters of Prometheus's HTTP API. Times are float seconds, rounded to milliseconds, or RFC 3339;
 * durations are Prometheus's or float seconds. Error texts are Prometheus's own (web/api/v1/api.go).
 */

import { parseDuration } from '../../base/duration.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import { serverErrors } from '../errors.ts'
import { parseFloatText } from './number.ts'

/** Year 1 to year 9999: every sample there is. */
export const wholeTime = { startTimeMs: -62_135_596_800_000, endTimeMs: 253_402_300_799_999 }

/** The error of a parameter that cannot be read. */
export function invalidParameter(name: string, text: string): CodedError {
  return serverErrors.PARAMETER_INVALID({ text: `invalid parameter "${name}": ${text}` })
}

/** Runs `read`; a user's error in it becomes one that names the parameter. */
export function withParameter<Value>(name: string, read: () => Value): Value {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof CodedError && thrown.status === 400) {
      throw invalidParameter(name, thrown.message)
    }
    throw thrown
  }
}

function withPrefix<Value>(prefix: string, read: () => Value): Value {
  try {
    return read()
  } catch (thrown) {
    throw serverErrors.PARAMETER_INVALID({ text: `${prefix}: ${messageOf(thrown)}` })
  }
}

/** A time in milliseconds; throws with Prometheus's text. */
export function parseTimeText(text: string): number {
  const seconds = parseFloatText(text)
  if (seconds !== undefined && Number.isFinite(seconds) && Math.abs(seconds) <= 8.64e12) {
    return Math.round(seconds * 1000)
  }
  const timeMs = parseRfc3339(text)
  if (timeMs !== undefined) return timeMs
  throw serverErrors.PARAMETER_INVALID({ text: `cannot parse "${text}" to a valid timestamp` })
}

/** `2026-11-20T10:00:00.123456789+08:00` in milliseconds, finer parts cut; `undefined` when it is not RFC 3339. */
export function parseRfc3339(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text)
  if (match === null) return undefined
  const wholeMs = Date.parse(`${match[1]!.toUpperCase()}${match[3]!.toUpperCase()}`)
  if (Number.isNaN(wholeMs)) return undefined
  return wholeMs + Number((match[2] ?? '').padEnd(3, '0').slice(0, 3))
}

/** A duration in milliseconds; throws with Prometheus's text. */
export function parseDurationText(text: string): number {
  const seconds = parseFloatText(text)
  if (seconds !== undefined) {
    if (Math.abs(seconds) > 9_223_372_036) {
      throw serverErrors.PARAMETER_INVALID({
        text: `cannot parse "${text}" to a valid duration. It overflows int64`,
      })
    }
    if (!Number.isNaN(seconds)) return seconds * 1000
  }
  const spanMs = parseDuration(text)
  if (spanMs !== undefined) return spanMs
  throw serverErrors.PARAMETER_INVALID({ text: `cannot parse "${text}" to a valid duration` })
}

/** A time parameter, or `fallback` when absent. */
export function timeParameter(
  parameters: URLSearchParams,
  name: string,
  fallback: number | undefined,
): number {
  const text = parameters.get(name) ?? ''
  if (fallback === undefined) return withParameter(name, () => parseTimeText(text))
  if (text === '') return fallback
  // Upstream reads times that may be absent through another function, which says more.
  const told = `Invalid time value for '${name}'`
  return withParameter(name, () => withPrefix(told, () => parseTimeText(text)))
}

/** A duration parameter, or `undefined` when absent. */
export function durationParameter(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name) ?? ''
  return text === '' ? undefined : withParameter(name, () => parseDurationText(text))
}

/** `limit` and its like; 0 and absence mean no limit. */
export function limitParameter(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name) ?? ''
  if (text === '') return undefined
  if (!/^[-+]?\d{1,15}$/.test(text)) {
    throw invalidParameter(name, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
  const limit = Number(text)
  if (limit < 0) throw invalidParameter(name, 'limit must be non-negative')
  return limit === 0 ? undefined : limit
}

/** Labels whose names arrive escaped as `U__…` (scheme "values"): `__` is `_`, `_2e_` is `.`. */
export function unescapeLabelName(name: string): string {
  if (!name.startsWith('U__')) return name
  let plain = ''
  let index = 3
  while (index < name.length) {
    if (name[index] !== '_') {
      plain += name[index++]
      continue
    }
    if (name[index + 1] === '_') {
      plain += '_'
      index += 2
      continue
    }
    const match = /^_([0-9a-fA-F]{1,6})_/.exec(name.slice(index, index + 8))
    const code = match === null ? Number.NaN : Number.parseInt(match[1]!, 16)
    // What does not follow the scheme was not escaped by it.
    if (match === null || code > 0x10ffff) return name
    plain += String.fromCodePoint(code)
    index += match[0].length
  }
  return plain
}
