/**
 * Scalars of YAML as the schema asks for them. A text may be written without quotes though it looks like
 * a number or a flag (`room_id: 0042` is "0042"), and a flag as `yes`, `no`, `on` or `off`: so do
 * Prometheus and Alertmanager, whose reader goes by the type of the setting.
 * Source: go-yaml v2 resolve.go and decode.go (Apache-2.0), behaviour re-implemented.
 */

import type { z } from './schema.ts'

/** A scalar without quotes: what it was taken for, and how it is written. */
export interface WrittenScalar {
  value: unknown
  source: string
}

const flags = new Map([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
])

/** Replaces scalars that are mistaken for another type; answers whether there were any. */
export function mendScalars(
  parsed: {
    value: unknown
    findScalar?: (path: readonly PropertyKey[]) => WrittenScalar | undefined
  },
  issues: readonly z.core.$ZodIssue[],
): boolean {
  let isSome = false
  for (const issue of issues) {
    if (issue.code !== 'invalid_type' || issue.path.length === 0) continue
    const holder = findIn(parsed.value, issue.path.slice(0, -1))
    if (typeof holder !== 'object' || holder === null) continue
    const name = issue.path.at(-1)!
    const value = findIn(holder, [name])
    const written = parsed.findScalar?.(issue.path)
    // A value that was set from outside is not the one that is written.
    const source = written?.value === value ? written?.source : undefined
    const mended = mendScalar(value, issue.expected, source)
    if (mended === undefined) continue
    Object.defineProperty(holder, name, {
      value: mended,
      enumerable: true,
      writable: true,
      configurable: true,
    })
    isSome = true
  }
  return isSome
}

function mendScalar(
  value: unknown,
  expected: string,
  source: string | undefined,
): string | boolean | undefined {
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return source ?? String(value)
  return expected === 'boolean' && source !== undefined ? flags.get(source) : undefined
}

function findIn(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = Reflect.get(found, name)
  }
  return found
}
