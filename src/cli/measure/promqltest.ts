/** The suite `promqltest`: Prometheus's own PromQL scripts against our engine, counted by feature. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CaseOutcome, runScript, ScriptStore } from '../../query/query.ts'
import { makeEngine } from '../make-engine.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

type Counts = Map<string, { passed: number; total: number }>

/** Runs every `*.test` file of a folder. */
export async function measurePromqltest(options: MeasureOptions): Promise<MeasureResult> {
  const store = new ScriptStore()
  const engine = makeEngine(store)
  const files = readdirSync(options.from)
    .filter((file) => file.endsWith('.test'))
    .sort()
  const byFile: Counts = new Map()
  const byFeature: Counts = new Map()
  const all: (CaseOutcome & { file: string })[] = []
  for (const file of files) {
    const outcomes = await runScript(readFileSync(join(options.from, file), 'utf8'), {
      engine,
      store,
    })
    for (const outcome of outcomes) {
      count(byFile, file, outcome)
      for (const feature of outcome.features) count(byFeature, feature, outcome)
      all.push({ file, ...outcome })
      if (options.listsFailures && outcome.failure !== undefined)
        options.print(`${file}:${outcome.line}: ${outcome.expression}\n    ${outcome.failure}`)
    }
  }
  for (const line of formatCounts('file', byFile)) options.print(line)
  options.print('')
  const sorted = new Map([...byFeature].sort(([a], [b]) => (a < b ? -1 : 1)))
  for (const line of formatCounts('feature', sorted)) options.print(line)
  const plain = all.filter((one) => !one.features.some((feature) => /histogram|nhcb/.test(feature)))
  const passed = (cases: readonly CaseOutcome[]): number =>
    cases.filter((one) => one.failure === undefined).length
  const figures: Record<string, number> = {
    withoutHistogramsPassed: passed(plain),
    withoutHistogramsTotal: plain.length,
  }
  for (const [feature, { passed, total }] of sorted) figures[feature] = passed / total
  options.print('')
  options.print(`without native histograms: ${passed(plain)} of ${plain.length}`)
  options.print(`all: ${passed(all)} of ${all.length}`)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(all, undefined, 1))
  return { suite: 'promqltest', passed: passed(all), total: all.length, figures }
}

function count(counts: Counts, name: string, outcome: CaseOutcome): void {
  const held = counts.get(name) ?? { passed: 0, total: 0 }
  held.total++
  if (outcome.failure === undefined) held.passed++
  counts.set(name, held)
}
