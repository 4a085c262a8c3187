/**
 * Takes a backup of a running store: pauses the household, closes the journal segment being written, so
 * that every acknowledged row is in a closed one, links everything, and lets the household go on;
 * appending never waits. What is left to do, reading, can take hours without harm.
 *
 * Order matters: segments before the log of series' names, so that every row has its name. Parts of
 * the engine that merging replaces meanwhile stay on disk for minutes after, so their links are made
 * in time.
 */

import { randomBytes } from 'node:crypto'
import { readdirSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import { messageOf } from '../../base/error.ts'
import { storeErrors } from '../errors.ts'
import { storeMetrics } from '../metrics.ts'
import { type BackupManifest, BackupStream, type OpenBackup } from './backup.ts'
import { Snapshot } from './snapshot.ts'

/** Links of backups that are being read; removed at start. */
const directoryName = 'backup'

/** Small files that are replaced whole; missing ones are left out. */
const copiedNames = [
  'checkpoint.json',
  'metadata.json',
  'compacted.json',
  'erasing.json',
  'tail-positions.json',
]

/** Folders of such files. */
const copiedFolders = ['push-groups']

/** What a backup is taken of. */
export interface BackupSource {
  dataDir: string
  nowTimeMs(): number
  /** Runs `work` while nothing rewrites, flushes or removes files. */
  pause<Value>(work: () => Promise<Value>): Promise<Value>
  /** Closes the journal segment being written; answers the files of all closed ones. */
  sealJournal(): Promise<string[]>
  /** The files of the series' names, each with how much of it counts. */
  listNames(): Promise<{ path: string; sizeBytes: number }[]>
  /** The directories of the engine's parts that count now; `undefined` with a server by URL. */
  listParts(): Promise<string[] | undefined>
  /** Writes a consistent copy of the records. */
  copyRecords(path: string): Promise<void>
}

/** Takes one backup at a time. */
export class BackupTaker {
  readonly #source: BackupSource
  #isBusy = false

  /** Removes what a former process left. */
  constructor(source: BackupSource) {
    this.#source = source
    rmSync(join(source.dataDir, directoryName), { recursive: true, force: true })
  }

  /** `version` is noted in it. Throws `STORE_BACKUP_BUSY`, `STORE_BACKUP_FAILED`, and the engine's errors. */
  async take(version: string): Promise<OpenBackup> {
    if (this.#isBusy) throw storeErrors.BACKUP_BUSY({})
    this.#isBusy = true
    const { dataDir } = this.#source
    const root = join(dataDir, directoryName)
    const directory = join(root, randomBytes(6).toString('hex'))
    const close = (): void => {
      rmSync(directory, { recursive: true, force: true })
      this.#isBusy = false
    }
    try {
      const createdTimeMs = this.#source.nowTimeMs()
      const snapshot = new Snapshot(dataDir, directory)
      const engine = await this.#collect(snapshot)
      const stream = new BackupStream(snapshot.entries, { version, createdTimeMs, engine })
      const fileCount = snapshot.entries.filter((entry) => entry.kind === 'file').length
      const { sizeBytes } = stream
      storeMetrics.backups.inc({ outcome: 'taken' })
      return { sizeBytes, fileCount, engine, read: () => stream.read(), close }
    } catch (thrown) {
      close()
      storeMetrics.backups.inc({ outcome: 'failed' })
      if (thrown instanceof Error && thrown.name === 'CodedError') throw thrown
      throw storeErrors.BACKUP_FAILED({ reason: messageOf(thrown) }, thrown)
    }
  }

  async #collect(snapshot: Snapshot): Promise<BackupManifest['engine']> {
    const source = this.#source
    const { dataDir } = source
    const engine = await source.pause(async () => {
      for (const path of await source.sealJournal()) snapshot.link(path)
      for (const { path, sizeBytes } of await source.listNames()) snapshot.link(path, sizeBytes)
      const parts = await source.listParts()
      if (parts !== undefined) addEngine(snapshot, join(dataDir, 'engine'), parts)
      for (const name of copiedNames) snapshot.copy(join(dataDir, name))
      for (const name of copiedFolders) copyFolder(snapshot, join(dataDir, name))
      return parts === undefined ? ('server' as const) : ('included' as const)
    })
    const records = join(dataDir, 'records.db')
    const copy = snapshot.placeFor(records)
    await source.copyRecords(copy)
    snapshot.add(records, copy)
    return engine
  }
}

function copyFolder(snapshot: Snapshot, folder: string): void {
  if (!isDirectory(folder)) return
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.json')) snapshot.copy(join(folder, name))
  }
}

/** The engine's folder without what it makes anew, and without parts that no longer count. */
function addEngine(snapshot: Snapshot, directory: string, parts: readonly string[]): void {
  const active = new Set(parts.map((path) => path.replace(/\/+$/, '')))
  const skipped = new Set(['data', 'tmp', 'shadow'].map((name) => join(directory, name)))
  // Tables lie in store/<3>/<uuid>/, and each of their directories is a part or work in progress.
  const tableDepth = directory.split(sep).length + 3
  snapshot.addTree(directory, (path) => {
    if (skipped.has(path)) return false
    const steps = path.split(sep)
    if (steps[tableDepth - 3] !== 'store' || steps.length !== tableDepth + 1) return true
    return active.has(path) || !isDirectory(path)
  })
}

function isDirectory(path: string): boolean {
  try {
    readdirSync(path)
    return true
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (code === 'ENOTDIR' || code === 'ENOENT') return false
    throw thrown
  }
}
