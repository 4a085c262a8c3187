/**
 * How `npm test` reads: one line per test file, failures whole, skipped tests with their reasons, and
 * the runner's own closing lines at the very end. A reporter of `node:test`: an async generator over
 * its events (nodejs.org/api/test.html, "Custom reporters"). Must not know what is tested.
 */

import { relative, resolve } from 'node:path'
import { styleText } from 'node:util'
import type { TestEvent } from 'node:test/reporters'

/** What happened in one file until now. */
interface FileTally {
  passedCount: number
  failedCount: number
  skippedCount: number
}

interface Failure {
  place: string
  path: string
  text: string
}

/** Turns the runner's events into text; suites and files themselves are not counted as tests. */
export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const tallies = new Map<string, FileTally>()
  const failures: Failure[] = []
  const skips: string[] = []
  const names: string[] = []
  let closing = ''
  for await (const event of source) {
    switch (event.type) {
      case 'test:start':
        names.length = event.data.nesting
        names[event.data.nesting] = event.data.name
        break
      case 'test:pass':
      case 'test:fail': {
        const { data } = event
        const file = fileOf(data.file)
        names.length = data.nesting
        const path = [...names, data.name].join(' > ')
        if (data.file !== undefined && resolve(data.name) === data.file) {
          // The process of a file ended badly outside of any test.
          failures.push({
            place: file,
            path: file,
            text: 'The test file itself failed (see above).',
          })
          yield `${styleText('red', '✖')} ${file}\n`
          break
        }
        if (event.type === 'test:fail' && isCauseItself(event.data.details.error)) {
          const place = data.line === undefined ? file : `${file}:${data.line}`
          failures.push({ place, path, text: describeFailure(event.data.details.error) })
        }
        if (data.details.type === 'suite' && data.skip === undefined) break
        const tally = tallies.get(file) ?? { passedCount: 0, failedCount: 0, skippedCount: 0 }
        tallies.set(file, tally)
        if (data.skip !== undefined) {
          tally.skippedCount++
          const reason = typeof data.skip === 'string' ? data.skip : 'no reason given'
          skips.push(`${file}: ${path}: ${reason}`)
        } else if (event.type === 'test:pass') tally.passedCount++
        else tally.failedCount++
        break
      }
      case 'test:stderr':
        yield event.data.message
        break
      case 'test:summary':
        if (event.data.file === undefined) closing = formatClosing(event.data)
        else yield formatFile(fileOf(event.data.file), tallies, event.data)
        break
    }
  }
  for (const failure of failures) yield formatFailure(failure)
  if (skips.length > 0) yield `\nSkipped, and why:\n${skips.map((skip) => `  ${skip}\n`).join('')}`
  yield `\n${closing}`
}

function fileOf(path: string | undefined): string {
  return path === undefined ? '(runner)' : relative(process.cwd(), path)
}

/** A suite fails because a test in it failed; only the test itself is worth telling. */
function isCauseItself(error: Error): boolean {
  return (error as { failureType?: string }).failureType !== 'subtestsFailed'
}

function describeFailure(error: Error): string {
  const cause: unknown = error.cause ?? error
  if (!(cause instanceof Error)) return String(cause)
  const stack = cause.stack ?? cause.message
  return stack.replace(/\n +at [^\n]*\(?node:[^\n]*/g, '')
}

function formatFailure(failure: Failure): string {
  const head = styleText('red', `✖ ${failure.path}`)
  const body = failure.text.split('\n').map((line) => `    ${line}\n`)
  return `\n${head}\n  ${failure.place}\n${body.join('')}`
}

type Summary = Extract<TestEvent, { type: 'test:summary' }>['data']

function formatFile(file: string, tallies: Map<string, FileTally>, summary: Summary): string {
  const tally = tallies.get(file) ?? { passedCount: 0, failedCount: 0, skippedCount: 0 }
  const mark = summary.success ? styleText('green', '✔') : styleText('red', '✖')
  const parts = [`${tally.passedCount} passed`]
  if (tally.failedCount > 0) parts.push(`${tally.failedCount} failed`)
  if (tally.skippedCount > 0) parts.push(`${tally.skippedCount} skipped`)
  return `${mark} ${file}  ${parts.join(', ')}  ${(summary.duration_ms / 1000).toFixed(1)} s\n`
}

/** Counted by the runner, but missing from the types of Node 24. */
function failedOf(summary: Summary): number {
  return (summary.counts as Summary['counts'] & { failed: number }).failed
}

/** The lines that the runner's own reporters end with. */
function formatClosing(summary: Summary): string {
  const { counts } = summary
  const rows = [
    ['tests', counts.tests],
    ['suites', counts.suites],
    ['pass', counts.passed],
    ['fail', failedOf(summary)],
    ['cancelled', counts.cancelled],
    ['skipped', counts.skipped],
    ['todo', counts.todo],
    ['duration_ms', summary.duration_ms],
  ]
  return rows.map(([name, value]) => `ℹ ${name} ${value}\n`).join('')
}
