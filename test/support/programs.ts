/**
 * Debian's real programs, for tests: found, or the test is skipped with the reason (with CI=true missing is
 * a failure); started on ports of their own and ended by their process id.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { findProgram as findOnPath, programs } from '../../scripts/programs.mjs'

/** The program's path, or `undefined` after the test was marked as skipped. */
export function findProgram(test: TestContext, command: string): string | undefined {
  const reason = skipWithout(command)
  if (reason === false) return pathOf(command) ?? command
  test.skip(reason)
  return undefined
}

/** The reason to skip a test that needs the program; `false` when it must run (and fail, under CI, without it). */
export function skipWithout(command: string): string | false {
  if (pathOf(command) !== undefined || process.env['CI'] === 'true') return false
  const { debianPackage } = describe(command)
  return `${command} is not installed; npm test installs ${debianPackage} where it is root on Debian or Ubuntu`
}

function pathOf(command: string): string | undefined {
  return findOnPath(describe(command).commands)
}

function describe(command: string): (typeof programs)[number] {
  const program = programs.find((one) => one.commands.includes(command))
  if (program === undefined) throw new Error(`BUG: ${command} is not in scripts/programs.mjs`)
  return program
}

/**
 * A port that nobody listens on. It lies below those that systems hand out by themselves (from 32768 on
 * Linux), so that no connection of another test can take it before the program does.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch {
      // Somebody is there already.
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}

/** A running program. */
export interface Program {
  process: ChildProcess
  stop(): Promise<void>
}

/** Starts a program; its output is shown when it ends by itself with an error. */
export function startProgram(name: string, parameters: string[]): Program {
  const child = spawn(pathOf(name) ?? name, parameters, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let isStopping = false
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = once(child, 'exit').then(() => {
    if (!isStopping) process.stderr.write(`${name} ended by itself:\n${output}\n`)
  })
  return {
    process: child,
    stop: async () => {
      isStopping = true
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
      await ended
      clearTimeout(timer)
    },
  }
}

/** Fetches a page, again and again until the program answers. */
export async function fetchWhenUp(url: string, patienceMs = 60_000): Promise<string> {
  const endMs = performance.now() + patienceMs
  for (;;) {
    try {
      const reply = await fetch(url)
      if (reply.ok) return await reply.text()
    } catch (thrown) {
      if (performance.now() > endMs) throw thrown
    }
    if (performance.now() > endMs) throw new Error(`${url} did not answer well`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
