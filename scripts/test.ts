/**
 * `npm test`: runs every test file of the product and its web UI with Node's own runner; words after
 * `--` keep the files whose path has one of them (`npm test -- store`), options go to the runner
 * (`npm test -- store --test-name-pattern=kill`). The exit code is the runner's.
 */

import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** A test that hangs is ended and named after this; `test-guard.ts` ends whole files. */
const testTimeoutMs = 600_000

const root = join(import.meta.dirname, '..')
const words = process.argv.slice(2)
const filters = words.filter((word) => !word.startsWith('-'))
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'web/**/*.test.ts'], {
  cwd: root,
  exclude: ['web/dist/**'],
})
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort()

if (files.length === 0) {
  process.stderr.write(`No test file has ${filters.join(' or ')} in its path.\n`)
  process.exit(2)
}

const runner = spawn(
  process.execPath,
  [
    // node:sqlite announces itself as experimental in every file that opens records.
    '--disable-warning=ExperimentalWarning',
    `--import=${join(import.meta.dirname, 'test-guard.ts')}`,
    '--test',
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    `--test-timeout=${testTimeoutMs}`,
    `--test-reporter=${join(import.meta.dirname, 'reporter.ts')}`,
    '--test-reporter-destination=stdout',
    ...words.filter((word) => word.startsWith('-')),
    ...files,
  ],
  { cwd: root, stdio: 'inherit' },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => runner.kill(signal))
}
runner.on('exit', (code) => {
  process.exitCode = code ?? 1
})
