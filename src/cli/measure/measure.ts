/**
 * `shipwatch measure <suite> --from <folder>`: runs one suite of cases or data and says how much of it is
 * met. Each suite is one file here; suites bear the names of their folders.
 */

import { measurePromqlCompliance } from './promql-compliance.ts'
import { measurePromqltest } from './promqltest.ts'
import type { MeasureOptions, MeasureResult } from './suite.ts'

export type { MeasureOptions, MeasureResult }

type Measure = (options: MeasureOptions) => Promise<MeasureResult>

const suites = new Map<string, Measure>([
  ['promql-compliance', measurePromqlCompliance],
  ['promqltest', measurePromqltest],
])

/** The suite of a name, or `undefined` when there is none. */
export function findSuite(name: string): Measure | undefined {
  return suites.get(name)
}

/** Names of all suites, sorted. */
export function suiteNames(): string[] {
  return [...suites.keys()].sort()
}
