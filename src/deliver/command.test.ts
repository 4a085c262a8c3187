/** Commands: real child processes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { fillPlaceholders, runCommand } from './command.ts'

function run(script: string, options: { timeoutMs?: number; env?: Record<string, string> } = {}) {
  return runCommand(
    {
      words: [process.execPath, '-e', script],
      directory: undefined,
      env: options.env ?? {},
      timeoutMs: options.timeoutMs ?? 20_000,
    },
    systemClock,
  )
}

test('placeholders are filled wherever they stand, and nothing is read as shell', () => {
  const values = { service: 'a b', version: '$(id)', previous_version: 'v1', environment: 'x' }
  assert.deepEqual(
    fillPlaceholders(
      ['go', '--to={previous_version}', '{service}', '{version}', '{other}'],
      values,
    ),
    ['go', '--to=v1', 'a b', '$(id)', '{other}'],
  )
})

test('a command that ends well tells its output and its surroundings', async () => {
  const result = await run('console.log(process.env.SHIPWATCH_VERSION); console.error("told")', {
    env: { SHIPWATCH_VERSION: 'v2' },
  })
  assert.equal(result.outcome, 'done')
  assert.equal(result.output, 'v2\ntold')
})

test('a command that fails, or cannot start, says how', async () => {
  const failed = await run('process.exit(3)')
  assert.deepEqual([failed.outcome, failed.ending], ['failed', 'exit code 3'])
  const absent = await runCommand(
    { words: ['/no/such/program'], directory: undefined, env: {}, timeoutMs: 1_000 },
    systemClock,
  )
  assert.equal(absent.outcome, 'not-started')
  assert.match(absent.ending, /ENOENT/)
})

test('a long output keeps its beginning and its end', async () => {
  const { output } = await run('console.log("first" + "x".repeat(100_000) + "last")')
  assert.ok(output.startsWith('first') && output.endsWith('last'))
  assert.ok(output.length < 9_000)
  assert.match(output, /bytes left out/)
})

test('past its time-out the whole process group is ended', async () => {
  // The command starts a child of its own and prints its id; both must be gone afterwards.
  const result = await run(
    `const { spawn } = require('node:child_process')
     const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
     console.log(child.pid)
     setInterval(() => {}, 1000)`,
    { timeoutMs: 1_500 },
  )
  assert.equal(result.outcome, 'timeout')
  const pid = Number(result.output)
  assert.ok(pid > 0, result.output)
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt++) await systemClock.sleep(20)
  assert.equal(isAlive(pid), false)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
