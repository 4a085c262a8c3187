/** Starts the product as a user does, as a process of its own on a free port with a temporary data directory. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

/** A running product. */
export interface Served {
  /** For example `http://127.0.0.1:40123`. */
  base: string
  port: number
  dataDir: string
  process: ChildProcess
  /** The one-time sign-in link that was printed; empty with --no-auth. */
  signInLink: string
  /** The administrator's token of this machine. */
  token(): string
  /** Everything it printed so far. */
  printed(): string
  /** Ends it with SIGTERM; answers its exit code. Removes the data directory unless told to keep it. */
  stop(options?: { shouldKeepData?: boolean }): Promise<number | null>
  /** Ends it with SIGKILL; the data directory stays. */
  kill(): Promise<void>
}

/** How to start it. `config` is the text of shipwatch.yml. */
export interface ServeOptions {
  config?: string
  dataDir?: string
  isAuthRequired?: boolean
  port?: number
  arguments?: string[]
}

/** The longest that starting may take before the test fails. */
const startMsMax = 120_000

/** Starts `serve` and waits until it says that it is ready. */
export async function startServe(options: ServeOptions = {}): Promise<Served> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'shipwatch-test-'))
  const args = ['src/main.ts', 'serve', '--port', String(options.port ?? 0), '--data-dir', dataDir]
  const configFile = join(dataDir, 'shipwatch.yml')
  writeFileSync(configFile, options.config ?? '')
  args.push('--config', configFile)
  if (options.isAuthRequired === false) args.push('--no-auth')
  args.push(...(options.arguments ?? []))
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  await untilReady(child, () => printed)
  const base = /Address\s+(\S+)/.exec(printed)?.[1] ?? ''
  return {
    base,
    port: Number(new URL(base).port),
    dataDir,
    process: child,
    signInLink: /Sign in\s+(http\S+)/.exec(printed)?.[1] ?? '',
    token: () => readFileSync(join(dataDir, 'local.token'), 'utf8').trim(),
    printed: () => printed,
    stop: async ({ shouldKeepData = false } = {}) => {
      const code = await end(child, 'SIGTERM')
      if (!shouldKeepData) rmSync(dataDir, { recursive: true, force: true })
      return code
    },
    kill: async () => {
      await end(child, 'SIGKILL')
    },
  }
}

async function untilReady(child: ChildProcess, printed: () => string): Promise<void> {
  const deadline = Date.now() + startMsMax
  while (!/Data\s+\//.test(printed())) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`serve ended at start:\n${printed()}`)
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`serve was not ready within ${startMsMax} ms:\n${printed()}`)
    }
    await new Promise((done) => setTimeout(done, 20))
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const gone = once(child, 'exit')
  child.kill(signal)
  const [code] = (await gone) as [number | null]
  return code
}

/** Asks until `read` answers something other than `undefined`; fails with `what` after `withinMs`. */
export async function eventually<Value>(
  what: string,
  read: () => Promise<Value | undefined> | Value | undefined,
  withinMs = 60_000,
): Promise<Value> {
  const deadline = Date.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const value = await read()
      if (value !== undefined) return value
    } catch (thrown) {
      last = thrown
    }
    if (Date.now() > deadline)
      throw new Error(
        `${what}: not within ${withinMs} ms${last === undefined ? '' : ` (${String(last)})`}`,
      )
    await new Promise((done) => setTimeout(done, 50))
  }
}
