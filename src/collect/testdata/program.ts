/** For tests: Debian's real programs on ports of their own, ended by their process id. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'

/** Where a program is, or `undefined`. */
function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The reason to skip a test that needs the program; `false` when it must run (and fail, under CI, without it). */
export function skipWithout(name: string): string | false {
  if (findProgram(name) !== undefined || process.env['CI'] === 'true') return false
  return `${name} is not installed; apt-get install ${name}`
}

/** A port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A running program. */
export interface Program {
  process: ChildProcess
  stop(): Promise<void>
}

/** Starts a program; its output is shown when it ends by itself with an error. */
export function startProgram(name: string, parameters: string[]): Program {
  const child = spawn(findProgram(name) ?? name, parameters, { stdio: ['ignore', 'pipe', 'pipe'] })
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
export async function fetchWhenUp(url: string, patienceMs = 20_000): Promise<string> {
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
