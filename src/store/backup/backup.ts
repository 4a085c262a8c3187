/**
 * A backup of a data directory as one tar file, streamed: what `Snapshot` holds, then `manifest.json`
 * with the size and SHA-256 of each file. Streamed to whoever asks, because a backup belongs on
 * another machine: it needs no room on the server, no path there, and no second way in.
 *
 *   shipwatch-backup/manifest.json comes last, since the sums are made while the files are read; its
 *   length is known before, so the length of the whole is.
 */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { storeErrors } from '../errors.ts'
import type { SnapshotEntry } from './snapshot.ts'
import { makeTarHeader, paddedBytes, tarBlockBytes } from './tar.ts'

/** Everything in a backup lies below this. */
export const backupRoot = 'shipwatch-backup/'
/** The name of the manifest within the backup. */
export const manifestPath = `${backupRoot}manifest.json`

const pieceBytes = 1 << 20
/** What stands for a sum that is not known yet; as long as a real one. */
const noSum = '0'.repeat(64)

/** What a backup says of itself. */
export interface BackupManifest {
  format: 1
  version: string
  createdTimeMs: number
  /** `server`: the engine is a ClickHouse server by URL, which is backed up by its own means. */
  engine: 'included' | 'server'
  files: { path: string; sizeBytes: number; sha256: string }[]
}

/** A backup that waits to be read. */
export interface OpenBackup {
  /** Length of what `read` yields. */
  sizeBytes: number
  fileCount: number
  engine: BackupManifest['engine']
  /** The tar file from its beginning; to be called once. */
  read(): AsyncGenerator<Buffer>
  /** Gives back what it holds; also after `read` has ended. */
  close(): void
}

/** The tar file of some entries. */
export class BackupStream {
  readonly #entries: readonly SnapshotEntry[]
  readonly #facts: Omit<BackupManifest, 'files' | 'format'>
  readonly sizeBytes: number

  constructor(entries: readonly SnapshotEntry[], facts: Omit<BackupManifest, 'files' | 'format'>) {
    this.#entries = entries
    this.#facts = facts
    const files = entries.filter((entry) => entry.kind === 'file')
    const content = files.reduce((sum, file) => sum + paddedBytes(file.sizeBytes), 0)
    const manifestBytes = this.#manifest(files.map(() => noSum)).length
    // A header for each entry and the manifest, and two empty blocks at the end.
    this.sizeBytes = content + paddedBytes(manifestBytes) + (entries.length + 1 + 2) * tarBlockBytes
  }

  /** The bytes in order. Throws `STORE_BACKUP_FAILED` when a file became unreadable. */
  async *read(): AsyncGenerator<Buffer> {
    const { createdTimeMs } = this.#facts
    const sums: string[] = []
    for (const entry of this.#entries) {
      yield makeTarHeader({ ...entry, path: backupRoot + entry.path }, createdTimeMs)
      if (entry.kind === 'file') sums.push(yield* readEntry(entry))
    }
    const manifest = this.#manifest(sums)
    const entry = {
      path: manifestPath,
      kind: 'file',
      sizeBytes: manifest.length,
      target: '',
    } as const
    yield makeTarHeader(entry, createdTimeMs)
    yield manifest
    yield Buffer.alloc(paddedBytes(manifest.length) - manifest.length + 2 * tarBlockBytes)
  }

  #manifest(sums: readonly string[]): Buffer {
    const files = this.#entries
      .filter((entry) => entry.kind === 'file')
      .map(({ path, sizeBytes }, index) => ({ path, sizeBytes, sha256: sums[index]! }))
    const manifest: BackupManifest = { format: 1, ...this.#facts, files }
    return Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`)
  }
}

/** Yields a file with its padding; answers its SHA-256. */
async function* readEntry(entry: SnapshotEntry): AsyncGenerator<Buffer, string> {
  const hash = createHash('sha256')
  const file = await open(entry.source, 'r')
  try {
    for (let at = 0; at < entry.sizeBytes; ) {
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, entry.sizeBytes - at))
      const { bytesRead } = await file.read(piece, 0, piece.length, at)
      if (bytesRead === 0) {
        throw storeErrors.BACKUP_FAILED({ reason: `${entry.path} became shorter` })
      }
      const bytes = piece.subarray(0, bytesRead)
      hash.update(bytes)
      yield bytes
      at += bytesRead
    }
  } finally {
    await file.close()
  }
  const padding = paddedBytes(entry.sizeBytes) - entry.sizeBytes
  if (padding > 0) yield Buffer.alloc(padding)
  return hash.digest('hex')
}
