/**
 * Runs a rollback command: a program without a shell, in a process group of its own. Its output goes to
 * a file, not to a pipe, so that it runs on undisturbed when Shipwatch itself is restarted in the middle;
 * the file is read when the command ends, bounded, and removed. Past its time-out, or past the limit of
 * its output, the whole group gets SIGTERM, five seconds later SIGKILL.
 */

import { spawn } from 'node:child_process'
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import { commandDuration, commandsTotal } from './metrics.ts'

/** What to run. */
export interface Command {
  /** Program and arguments, placeholders already replaced. */
  words: readonly string[]
  directory: string | undefined
  env: Readonly<Record<string, string>>
  timeoutMs: number
}

/** How it ended. */
export interface CommandResult {
  outcome: 'done' | 'failed' | 'timeout' | 'not-started'
  /** "exit code 1", "SIGTERM", or why it did not start. */
  ending: string
  /** Standard output and error, the beginning and the end when long. */
  output: string
  durationMs: number
}

/** How much of the output is kept, half from the beginning and half from the end. */
const outputBytesMax = 8_192
/** A command that writes more than this is ended. */
const outputFileBytesMax = 64 * 1024 * 1024
const graceMs = 5_000
const pollMs = 1_000

/** Replaces `{service}`, `{version}`, `{previous_version}`, `{environment}`; other braces stay. */
export function fillPlaceholders(
  words: readonly string[],
  values: Readonly<Record<string, string>>,
): string[] {
  return words.map((word) =>
    word.replace(/\{(service|version|previous_version|environment)\}/g, (_all, name: string) => {
      return values[name] ?? ''
    }),
  )
}

/** Runs a command to its end. Never rejects. */
export async function runCommand(command: Command, clock: Clock): Promise<CommandResult> {
  const startMs = clock.monotonicMs()
  const directory = mkdtempSync(join(tmpdir(), 'shipwatch-command-'))
  const file = openSync(join(directory, 'output'), 'w+', 0o600)
  try {
    const ended = await watchCommand(command, { clock, file })
    const durationMs = Math.round(clock.monotonicMs() - startMs)
    commandsTotal.inc({ outcome: ended.outcome })
    commandDuration.observe(durationMs / 1_000)
    return { ...ended, output: readOutput(file), durationMs }
  } finally {
    closeSync(file)
    rmSync(directory, { recursive: true, force: true })
  }
}

function watchCommand(
  command: Command,
  parts: { clock: Clock; file: number },
): Promise<Pick<CommandResult, 'outcome' | 'ending'>> {
  const { clock, file } = parts
  const [program, ...words] = command.words
  return new Promise((resolve) => {
    const child = spawn(program ?? '', words, {
      cwd: command.directory,
      env: { ...process.env, ...command.env },
      stdio: ['ignore', file, file],
      detached: true,
      shell: false,
    })
    let cutReason = ''
    const deadlineMs = clock.monotonicMs() + command.timeoutMs
    const look = (): void => {
      if (cutReason !== '') {
        killGroup(child.pid, 'SIGKILL')
        return
      }
      if (clock.monotonicMs() >= deadlineMs) {
        cutReason = `ended after its time-out of ${Math.round(command.timeoutMs / 1_000)} s`
      } else if (fstatSync(file).size > outputFileBytesMax)
        cutReason = 'ended for its endless output'
      if (cutReason !== '') killGroup(child.pid, 'SIGTERM')
      const remainingMs = Math.max(1, deadlineMs - clock.monotonicMs())
      timer = clock.after(cutReason === '' ? Math.min(pollMs, remainingMs) : graceMs, look)
    }
    let timer = clock.after(Math.min(pollMs, command.timeoutMs), look)
    child.once('error', (thrown) => {
      timer.cancel()
      resolve({ outcome: 'not-started', ending: messageOf(thrown) })
    })
    child.once('exit', (code, signal) => {
      timer.cancel()
      // What the command left behind in its group must not live on after a time-out.
      if (cutReason !== '') killGroup(child.pid, 'SIGKILL')
      if (cutReason !== '') resolve({ outcome: 'timeout', ending: cutReason })
      else if (code === 0) resolve({ outcome: 'done', ending: 'exit code 0' })
      else
        resolve({ outcome: 'failed', ending: code === null ? String(signal) : `exit code ${code}` })
    })
  })
}

function killGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (thrown) {
    // ESRCH: the group is gone, which is what was wanted.
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

function readOutput(file: number): string {
  const size = fstatSync(file).size
  const read = (start: number, bytes: number): string => {
    const buffer = Buffer.alloc(bytes)
    const count = readSync(file, buffer, 0, bytes, start)
    return buffer.toString('utf8', 0, count)
  }
  if (size <= outputBytesMax) return read(0, size).trim()
  const half = outputBytesMax / 2
  return `${read(0, half)}\n… ${size - outputBytesMax} bytes left out …\n${read(size - half, half)}`.trim()
}
