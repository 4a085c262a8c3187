/** The data directory: made when missing, held by one process at a time. */

import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { messageOf } from '../base/error.ts'
import { appErrors } from './errors.ts'

/** A directory that is ours until `release`. */
export interface DataDir {
  path: string
  release(): void
}

/** Takes the directory; throws `APP_DATA_DIR_IN_USE` or `APP_DATA_DIR_UNUSABLE`. */
export function takeDataDir(name: string): DataDir {
  const path = resolve(name)
  const lockPath = join(path, 'lock')
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    removeStaleLock(path, lockPath)
    const lock = openSync(lockPath, 'wx', 0o600)
    writeSync(lock, `${process.pid}\n`)
    closeSync(lock)
  } catch (thrown) {
    if (thrown instanceof Error && thrown.name === 'CodedError') throw thrown
    throw appErrors.DATA_DIR_UNUSABLE({ path, reason: messageOf(thrown) }, thrown)
  }
  return { path, release: () => rmSync(lockPath, { force: true }) }
}

/** A lock whose process is gone (kill -9) is removed. */
function removeStaleLock(path: string, lockPath: string): void {
  let pid: number
  try {
    pid = Number(readFileSync(lockPath, 'utf8'))
  } catch {
    // No lock: nobody is here.
    return
  }
  if (Number.isInteger(pid) && pid > 0 && pid !== process.pid && isRunning(pid)) {
    throw appErrors.DATA_DIR_IN_USE({ path, pid })
  }
  rmSync(lockPath, { force: true })
}

/** Whether a process of ours runs under this number; a number reused by another program does not count. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
  try {
    return /node|shipwatch/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  } catch {
    // No /proc on this system: believe the signal.
    return true
  }
}
