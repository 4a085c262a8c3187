/** Commands: real child processes. */

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../../test/support/serve.ts'
import { systemClock, VirtualClock } from '../base/clock.ts'
import { fillPlaceholders, runCommand } from './command.ts'

function run(script: string, options: { env?: Record<string, string> } = {}) {
  return runCommand(
    {
      words: [process.execPath, '-e', script],
      directory: undefined,
      env: options.env ?? {},
      timeoutMs: 60_000,
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
  const folder = mkdtempSync(join(tmpdir(), 'shipwatch-command-test-'))
  const file = join(folder, 'pid')
  // The command starts a child of its own and writes down its id; both must be gone afterwards.
  const script = `const { spawn } = require('node:child_process')
     const { renameSync, writeFileSync } = require('node:fs')
     const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
     writeFileSync(process.env.PID_FILE + '.new', String(child.pid))
     renameSync(process.env.PID_FILE + '.new', process.env.PID_FILE)
     setInterval(() => {}, 1000)`
  const clock = new VirtualClock()
  const words = [process.execPath, '-e', script]
  const ending = runCommand(
    { words, directory: undefined, env: { PID_FILE: file }, timeoutMs: 1_500 },
    clock,
  )
  await eventually('the child of the command', () => existsSync(file) || undefined)
  const pid = Number(readFileSync(file, 'utf8'))
  rmSync(folder, { recursive: true })
  assert.ok(pid > 0)
  await clock.advance(1_499)
  assert.ok(isAlive(pid), 'not before its time-out')
  await clock.advance(1)
  assert.equal((await ending).outcome, 'timeout')
  await eventually('the child is gone', () => !isAlive(pid) || undefined)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
