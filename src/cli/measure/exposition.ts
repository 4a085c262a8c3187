/**
 * The suite `exposition`: pages that a strict reader must take or refuse, OpenMetrics cases and pages of
 * the text format, counted apart. Pages whose verdict is not scored are read all the same: none may crash.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { CodedError, messageOf } from '../../base/error.ts'
import { parseExposition } from '../../collect/collect.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

interface OpenMetricsCase {
  file: string
  shouldParse: boolean
}

interface TextCase {
  file: string
  format: 'text' | 'openmetrics'
  /** Not scored when null. */
  valid: boolean | null
  /** Of whole pages: how many samples and TYPE lines. */
  samples?: number
  families?: number
}

interface Outcome {
  kind: 'openmetrics' | 'text'
  name: string
  /** Not scored when undefined. */
  isRight: boolean | undefined
  failure: string
}

/** Reads every page of both kinds. */
export async function measureExposition(options: MeasureOptions): Promise<MeasureResult> {
  const outcomes = [...runOpenMetrics(options.from), ...runText(options.from)]
  const counts = new Map<string, { passed: number; total: number }>()
  for (const { kind, name, isRight, failure } of outcomes) {
    if (isRight === undefined) continue
    const held = counts.get(kind) ?? { passed: 0, total: 0 }
    held.total++
    if (isRight) held.passed++
    counts.set(kind, held)
    if (!isRight && options.listsFailures) options.print(`${kind} ${name}\n    ${failure}`)
  }
  for (const line of formatCounts('exposition', counts)) options.print(line)
  const scored = outcomes.filter((one) => one.isRight !== undefined)
  const passed = scored.filter((one) => one.isRight).length
  options.print(`not scored: ${outcomes.length - scored.length}`)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(outcomes, undefined, 1))
  const figures: Record<string, number> = {}
  for (const [kind, { passed, total }] of counts) figures[kind] = passed / total
  return { suite: 'exposition', passed, total: scored.length, figures }
}

function* runOpenMetrics(from: string): Generator<Outcome> {
  const folder = join(from, 'openmetrics')
  for (const name of readdirSync(folder).sort()) {
    const { file, shouldParse } = JSON.parse(
      readFileSync(join(folder, name, 'test.json'), 'utf8'),
    ) as OpenMetricsCase
    const { error } = read(readFileSync(join(folder, name, file)), 'openmetrics')
    yield { kind: 'openmetrics', name, ...judge(shouldParse, error) }
  }
}

function* runText(from: string): Generator<Outcome> {
  const folder = join(from, 'text')
  const cases = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as TextCase[]
  for (const one of cases) {
    const raw = readFileSync(join(folder, one.file))
    const found = read(one.file.endsWith('.gz') ? gunzipSync(raw) : raw, one.format)
    const verdict = judge(one.valid, found.error)
    const wrong = verdict.isRight === true && one.valid === true ? findMiscount(one, found) : ''
    yield {
      kind: 'text',
      name: one.file,
      ...(wrong === '' ? verdict : { isRight: false, failure: wrong }),
    }
  }
}

interface Found {
  /** Why the page was refused, or undefined. */
  error: string | undefined
  sampleCount: number
  typeCount: number
}

function read(page: Buffer, format: 'text' | 'openmetrics'): Found {
  try {
    const { samples, families } = parseExposition(page, format)
    const typed = families.filter((family) => family.type !== undefined)
    return { error: undefined, sampleCount: samples.length, typeCount: typed.length }
  } catch (thrown) {
    // Anything but a refusal in words is a defect, whatever the case expects.
    if (!(thrown instanceof CodedError)) throw thrown
    return { error: messageOf(thrown), sampleCount: 0, typeCount: 0 }
  }
}

function judge(
  isValid: boolean | null,
  error: string | undefined,
): { isRight: boolean | undefined; failure: string } {
  if (isValid === null) return { isRight: undefined, failure: '' }
  if (isValid === (error === undefined)) return { isRight: true, failure: '' }
  const failure = isValid ? `was refused: ${error}` : 'was taken, and must be refused'
  return { isRight: false, failure }
}

function findMiscount(one: TextCase, found: Found): string {
  if (one.samples !== undefined && one.samples !== found.sampleCount) {
    return `expected ${one.samples} samples, got ${found.sampleCount}`
  }
  if (one.families !== undefined && one.families !== found.typeCount) {
    return `expected ${one.families} TYPE lines, got ${found.typeCount}`
  }
  return ''
}
