/**
 * The suites `rule-tests` and `alert-generator`: files of rule unit tests on our own detection. Of the
 * first each file must pass or fail as a right implementation would; of the second every check counts.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError, messageOf } from '../../base/error.ts'
import { runRuleTests } from '../../detect/detect.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

interface IndexEntry {
  file: string
  expect: 'pass' | 'fail'
}

interface FileOutcome {
  file: string
  testCount: number
  checkCount: number
  failedCount: number
  failures: string[]
}

/** Runs every file of `index.json`. */
export async function measureRuleTests(options: MeasureOptions): Promise<MeasureResult> {
  const { from } = options
  const entries = JSON.parse(readFileSync(join(from, 'index.json'), 'utf8')) as IndexEntry[]
  const counts = new Map<string, { passed: number; total: number }>()
  const all: (FileOutcome & IndexEntry)[] = []
  let checkCount = 0
  let rightCheckCount = 0
  for (const entry of entries) {
    const outcome = await runFile(from, entry.file)
    all.push({ ...outcome, ...entry })
    const isRight = (outcome.failures.length === 0 ? 'pass' : 'fail') === entry.expect
    const held = counts.get(`must ${entry.expect}`) ?? { passed: 0, total: 0 }
    held.total++
    if (isRight) held.passed++
    counts.set(`must ${entry.expect}`, held)
    if (entry.expect === 'pass') {
      checkCount += outcome.checkCount
      rightCheckCount += outcome.checkCount - outcome.failedCount
    }
    if (!isRight && options.listsFailures) printFailures(entry.file, outcome, options)
  }
  for (const line of formatCounts('rule-tests', counts)) options.print(line)
  options.print(`checks in files that must pass: ${rightCheckCount} of ${checkCount}`)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(all, undefined, 1))
  const passed = [...counts.values()].reduce((sum, one) => sum + one.passed, 0)
  const figures = { checksPassed: rightCheckCount, checksTotal: checkCount }
  return { suite: 'rule-tests', passed, total: entries.length, figures }
}

/** Runs every file of tests in the folder and counts its checks. */
export async function measureAlertGenerator(options: MeasureOptions): Promise<MeasureResult> {
  const files = readdirSync(options.from)
    .filter((file) => file.endsWith('.yml'))
    .sort()
  const counts = new Map<string, { passed: number; total: number }>()
  const all: FileOutcome[] = []
  for (const file of files) {
    const outcome = await runFile(options.from, file)
    all.push(outcome)
    const { checkCount, failedCount } = outcome
    counts.set(file, { passed: checkCount - failedCount, total: checkCount })
    if (options.listsFailures) printFailures(file, outcome, options)
  }
  for (const line of formatCounts('alert-generator', counts)) options.print(line)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(all, undefined, 1))
  const sum = (pick: (outcome: FileOutcome) => number): number =>
    all.reduce((total, outcome) => total + pick(outcome), 0)
  const total = sum((outcome) => outcome.checkCount)
  const passed = total - sum((outcome) => outcome.failedCount)
  return { suite: 'alert-generator', passed, total, figures: {} }
}

async function runFile(from: string, file: string): Promise<FileOutcome> {
  try {
    const { tests } = await runRuleTests(join(from, file))
    return {
      file,
      testCount: tests.length,
      checkCount: tests.reduce((sum, test) => sum + test.checkCount, 0),
      failedCount: tests.reduce((sum, test) => sum + test.failedCount, 0),
      failures: tests.flatMap((test) => test.failures.map((text) => `${test.name}: ${text}`)),
    }
  } catch (thrown) {
    // A refused file counts as one check that failed; anything else is a fault of ours.
    if (!(thrown instanceof CodedError)) throw thrown
    return { file, testCount: 0, checkCount: 1, failedCount: 1, failures: [messageOf(thrown)] }
  }
}

function printFailures(file: string, outcome: FileOutcome, options: MeasureOptions): void {
  if (outcome.failures.length === 0) options.print(`${file}\n    passed`)
  for (const failure of outcome.failures) {
    options.print(`${file}\n    ${failure.replaceAll('\n', '\n    ')}`)
  }
}
