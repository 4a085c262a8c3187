/** Runs the tests of a file over its rule files and says what differs from what was expected. */

import { globSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { formatDuration } from '../../base/duration.ts'
import { messageOf } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { readConfigFile } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import type { Histogram, HistogramBuckets } from '../../model/histogram.ts'
import { emptyLabels, type Labels } from '../../model/labels.ts'
import { type QueryElement, QueryEngine, querySettings, ScriptStore } from '../../query/query.ts'
import { detectErrors } from '../errors.ts'
import { parseRuleFile, type RuleGroup } from '../rule-file.ts'
import { RuleBench, type RuleFailure } from './rule-bench.ts'
import {
  type AlertCheck,
  type ExpressionCheck,
  parseRuleTestFile,
  type RuleTest,
  type RuleTestFile,
} from './test-file.ts'

/** What became of one test. */
export interface RuleTestOutcome {
  name: string
  line: number
  checkCount: number
  /** Checks that were not as expected, those included that could not be made. */
  failedCount: number
  /** Each several lines; none when the test passed. */
  failures: string[]
}

/** What became of a file. */
export interface RuleTestReport {
  tests: RuleTestOutcome[]
  /** Names in `rule_files` that no file has. */
  missing: string[]
}

/** Which tests are run, and how files are read. */
export interface RuleTestRun {
  isWanted?: (name: string) => boolean
  /** Unknown keys are skipped instead of refused. */
  ignoresUnknown?: boolean
}

/** Evaluations in one test; what is beyond is a slip in a time rather than a wish. */
const evaluationCountMax = 1_000_000

/**
 * Runs the tests whose name fits. Throws `CONFIG_INVALID` when the file or one of its rule files is
 * wrong, `CONFIG_FILE_UNREADABLE` when one cannot be read.
 */
export async function runRuleTests(file: string, how: RuleTestRun = {}): Promise<RuleTestReport> {
  const { isWanted = () => true, ignoresUnknown = false } = how
  const found = parseRuleTestFile(readConfigFile(file), file, { ignoresUnknown })
  const { groups, missing } = readGroups(found, file, ignoresUnknown)
  const tests: RuleTestOutcome[] = []
  for (const test of found.tests) {
    if (isWanted(test.name)) tests.push(await runTest(test, found, groups))
  }
  return { tests, missing }
}

function readGroups(
  found: RuleTestFile,
  file: string,
  ignoresUnknown: boolean,
): { groups: RuleGroup[]; missing: string[] } {
  const parser = new QueryEngine({
    querier: new ScriptStore(),
    logs: undefined,
    settings: z.object(querySettings.top).parse({}),
    clock: systemClock,
    log: silentLog,
  })
  const groups: RuleGroup[] = []
  const missing: string[] = []
  for (const pattern of found.ruleFiles) {
    const paths = globSync(resolve(dirname(file), pattern)).sort()
    if (paths.length === 0) missing.push(pattern)
    for (const path of paths)
      groups.push(...parseRuleFile(readConfigFile(path), path, { parser, ignoresUnknown }))
  }
  // A group that is not named stands with the first, as in promtool.
  const place = (group: RuleGroup): number => Math.max(0, found.groupOrder.indexOf(group.name))
  return { groups: groups.sort((a, b) => place(a) - place(b)), missing }
}

async function runTest(
  test: RuleTest,
  file: RuleTestFile,
  groups: readonly RuleGroup[],
): Promise<RuleTestOutcome> {
  const { name, line } = test
  const checkCount = test.alertChecks.length + test.expressionChecks.length
  const endMs = Math.max(
    0,
    ...[...test.alertChecks, ...test.expressionChecks].map((check) => check.atMs),
  )
  checkLength(name, endMs, file.evaluationIntervalMs)
  const { startTimeMs, externalLabels, externalUrl } = test
  const bench = new RuleBench({
    groups,
    startTimeMs,
    evaluationIntervalMs: file.evaluationIntervalMs,
    externalLabels,
    externalUrl,
  })
  for (const series of test.input) bench.add(series, test.intervalMs)
  const failures: string[] = []
  let madeCount = 0
  const broken = (found: readonly RuleFailure[]): RuleTestOutcome => {
    failures.push(
      ...found.map(
        ({ rule, timeMs, reason }) =>
          `rule ${rule} fails at ${formatDuration(timeMs - startTimeMs)}: ${reason}`,
      ),
    )
    // What was not reached is not as expected either.
    const failedCount = checkCount - madeCount + wrongCount
    return { name, line, checkCount, failedCount, failures }
  }
  let wrongCount = 0
  const note = (failure: string | undefined): void => {
    madeCount++
    if (failure === undefined) return
    wrongCount++
    failures.push(failure)
  }
  for (const check of [...test.alertChecks].sort((a, b) => a.atMs - b.atMs)) {
    const found = await bench.advance(startTimeMs + check.atMs)
    if (found.length > 0) return broken(found)
    note(checkAlerts(check, bench))
  }
  const found = await bench.advance(startTimeMs + endMs)
  if (found.length > 0) return broken(found)
  for (const check of test.expressionChecks) {
    note(await checkExpression(check, bench, { startTimeMs, isFuzzy: file.isFuzzy }))
  }
  return { name, line, checkCount, failedCount: wrongCount, failures }
}

function checkLength(name: string, endMs: number, intervalMs: number): void {
  const count = Math.floor(endMs / intervalMs) + 1
  if (count > evaluationCountMax) {
    throw detectErrors.TEST_TOO_LONG({ test: name, count, limit: evaluationCountMax })
  }
}

function checkAlerts(check: AlertCheck, bench: RuleBench): string | undefined {
  const show = ({ labels, annotations }: { labels: Labels; annotations: Labels }): string =>
    annotations.pairs.length === 0 ? `${labels}` : `${labels} with ${annotations}`
  const firing = bench.firing(check.alertName).map(show)
  return difference(
    `alert ${check.alertName} at ${formatDuration(check.atMs)}`,
    check.expected.map(show),
    firing,
  )
}

/** Each text of one side against one of the other. */
function difference(
  head: string,
  expected: readonly string[],
  found: readonly string[],
): string | undefined {
  const extra = [...found]
  const lacking: string[] = []
  for (const text of expected) {
    const index = extra.indexOf(text)
    if (index < 0) lacking.push(text)
    else extra.splice(index, 1)
  }
  if (lacking.length === 0 && extra.length === 0) return undefined
  return [
    head,
    ...lacking.map((text) => `  expected, not found: ${text}`),
    ...extra.map((text) => `  found, not expected: ${text}`),
  ].join('\n')
}

async function checkExpression(
  check: ExpressionCheck,
  bench: RuleBench,
  test: { startTimeMs: number; isFuzzy: boolean },
): Promise<string | undefined> {
  const head = `expression ${check.expression} at ${formatDuration(check.atMs)}`
  let elements: readonly QueryElement[]
  try {
    const { value } = await bench.ask(check.expression, test.startTimeMs + check.atMs)
    if (value.type === 'vector') elements = value.elements
    else if (value.type === 'scalar') elements = [{ labels: emptyLabels, value: value.value }]
    else return `${head}\n  answers a ${value.type}, not a vector or a scalar`
  } catch (thrown) {
    return `${head}\n  ${messageOf(thrown)}`
  }
  const left = new Map(check.expected.map((one) => [one.labels.key, one]))
  const texts: string[] = []
  for (const { labels, value, histogram } of elements) {
    const expected = left.get(labels.key)
    left.delete(labels.key)
    const shown = histogram === undefined ? value : JSON.stringify(histogram)
    if (expected === undefined) texts.push(`  found, not expected: ${labels} ${shown}`)
    else if (!isSame(expected.value, histogram ?? value, test.isFuzzy)) {
      const wanted =
        typeof expected.value === 'number' ? expected.value : JSON.stringify(expected.value)
      texts.push(`  ${labels}: expected ${wanted}, found ${shown}`)
    }
  }
  for (const { labels, value } of left.values()) {
    const shown = typeof value === 'number' ? value : JSON.stringify(value)
    texts.push(`  expected, not found: ${labels} ${shown}`)
  }
  return texts.length === 0 ? undefined : [head, ...texts].join('\n')
}

function isSame(a: number | Histogram, b: number | Histogram, isFuzzy: boolean): boolean {
  if (typeof a === 'object' || typeof b === 'object') {
    return typeof a === 'object' && typeof b === 'object' && keyOf(a) === keyOf(b)
  }
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  if (!isFuzzy || Number.isNaN(a) || Number.isNaN(b)) return false
  const distance = placeOf(a) - placeOf(b)
  return distance >= -1n && distance <= 1n
}

/** Where a float stands among all floats, counted from zero. */
function placeOf(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Math.abs(value))
  const place = view.getBigInt64(0)
  return value < 0 ? -place : place
}

/** Equal for histograms of equal meaning: empty buckets and hints do not count. */
function keyOf(histogram: Histogram): string {
  const filled = ({ index, count }: HistogramBuckets): number[][] =>
    index.map((place, row) => [place, count[row]!]).filter(([, value]) => value !== 0)
  const { schema, count, sum, zeroThreshold, zeroCount, customBounds } = histogram
  return JSON.stringify([
    [schema, count, sum, zeroThreshold, zeroCount, customBounds].map(String),
    filled(histogram.positive),
    filled(histogram.negative),
  ])
}
