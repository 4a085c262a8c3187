/** Reads what a pipeline or a person says of a deployment; nothing in it is trusted. */

import type { DeploymentRequest } from '../api/api.ts'
import type { Deployment } from '../model/deployment.ts'
import { deliverErrors } from './errors.ts'

/** Longest text of a field, in characters. */
const lengthMaxByField: Readonly<Record<string, number>> = { url: 2_000, note: 20_000 }
const nameLengthMax = 200
/** A deployment may be told this far ahead of our clock. */
const aheadMsMax = 10 * 60_000

/** Checks a request and fills what it leaves out; throws `DELIVER_DEPLOYMENT_INVALID`. */
export function readDeploymentRequest(
  request: DeploymentRequest,
  parts: { nowTimeMs: number; actor: string; defaultEnvironment: string },
): Omit<Deployment, 'id' | 'state' | 'rollbackOf'> {
  const fields = new Map<string, unknown>(Object.entries(request))
  const startTimeMs = readTime(fields, 'startTimeMs', parts.nowTimeMs) ?? parts.nowTimeMs
  const endTimeMs = readTime(fields, 'endTimeMs', parts.nowTimeMs)
  if (endTimeMs !== undefined && endTimeMs < startTimeMs) {
    throw invalid('endTimeMs', 'lies before its startTimeMs')
  }
  return {
    service: readName(fields, 'service'),
    version: readName(fields, 'version'),
    environment: readWord(fields, 'environment') || parts.defaultEnvironment,
    previousVersion: readWord(fields, 'previousVersion'),
    startTimeMs,
    endTimeMs,
    actor: readText(fields, 'actor') || parts.actor,
    url: readText(fields, 'url'),
    note: readText(fields, 'note'),
  }
}

function readName(fields: ReadonlyMap<string, unknown>, field: string): string {
  const value = readWord(fields, field)
  if (value === '') throw invalid(field, 'is missing')
  return value
}

/** A name or version: it becomes an argument of commands and a part of queries. */
function readWord(fields: ReadonlyMap<string, unknown>, field: string): string {
  const value = readText(fields, field)
  if (value.includes('\0')) throw invalid(field, 'must not hold a zero character')
  // A command would take it for an option.
  if (value.startsWith('-')) throw invalid(field, 'must not begin with "-"')
  return value
}

function readText(fields: ReadonlyMap<string, unknown>, field: string): string {
  const value = fields.get(field)
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw invalid(field, 'must be a text')
  const lengthMax = lengthMaxByField[field] ?? nameLengthMax
  if (value.length > lengthMax) throw invalid(field, `is longer than ${lengthMax} characters`)
  return value.trim()
}

function readTime(
  fields: ReadonlyMap<string, unknown>,
  field: string,
  nowTimeMs: number,
): number | undefined {
  const value = fields.get(field)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw invalid(field, 'must be whole milliseconds since 1970 UTC')
  }
  if (value > nowTimeMs + aheadMsMax) throw invalid(field, 'lies in the future')
  return value
}

function invalid(field: string, reason: string): Error {
  return deliverErrors.DEPLOYMENT_INVALID({ field, reason })
}
