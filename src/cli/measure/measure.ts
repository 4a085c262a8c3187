/**
 * `shipwatch measure <suite> --from <folder>`: runs one suite of cases or data and says how much of it is
 * met. Each suite is one file here, loaded when it is asked for; suites bear the names of their folders.
 */

import type { MeasureOptions, MeasureResult } from './suite.ts'

type Measure = (options: MeasureOptions) => Promise<MeasureResult>

const suites: ReadonlyMap<string, () => Promise<Measure>> = new Map([
  ['alert-generator', async () => (await import('./rule-tests.ts')).measureAlertGenerator],
  ['alert-templates', async () => (await import('./alert-templates.ts')).measureAlertTemplates],
  ['alertmanager', async () => (await import('./alertmanager.ts')).measureAlertmanager],
  ['dashboards', async () => (await import('./expressions.ts')).measureDashboards],
  ['exposition', async () => (await import('./exposition.ts')).measureExposition],
  ['otlp', async () => (await import('./otlp.ts')).measureOtlp],
  [
    'promql-compliance',
    async () => (await import('./promql-compliance.ts')).measurePromqlCompliance,
  ],
  ['rule-tests', async () => (await import('./rule-tests.ts')).measureRuleTests],
  ['rules', async () => (await import('./expressions.ts')).measureRules],
  ['promqltest', async () => (await import('./promqltest.ts')).measurePromqltest],
])

/** The suite of a name, or `undefined` when there is none. */
export async function findSuite(name: string): Promise<Measure | undefined> {
  return suites.get(name)?.()
}

/** Names of all suites, sorted. */
export const suiteNames: readonly string[] = [...suites.keys()].sort()
