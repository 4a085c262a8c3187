/**
 * Makes a data directory from a backup. The whole backup is checked before anything is written: its
 * form, that every file is in the manifest and the other way round, sizes and sums, and that no path
 * leads out of the directory. Files are written below `restoring/` and moved up at the end, so that
 * what was interrupted is never taken for a data directory.
 */

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { messageOf } from '../../base/error.ts'
import { syncDirectory } from '../../base/files.ts'
import { z } from '../../config/schema.ts'
import { storeErrors } from '../errors.ts'
import { type BackupManifest, backupRoot, manifestPath } from './backup.ts'
import { readTar, type TarEntry } from './tar.ts'

const pieceBytes = 1 << 20
/** A manifest has about 150 bytes a file; this is room for two million. */
const manifestBytesMax = 300 << 20

const manifestSchema = z.object({
  format: z.literal(1),
  version: z.string(),
  createdTimeMs: z.number(),
  engine: z.enum(['included', 'server']),
  files: z.array(
    z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string().length(64) }),
  ),
})

/** What was restored. */
export interface RestoreResult {
  fileCount: number
  sizeBytes: number
  createdTimeMs: number
  version: string
  engine: BackupManifest['engine']
}

type Place = { entry: TarEntry; dataOffset: number }

/**
 * Checks the backup in `backupPath` and unpacks it into `dataDir`, which must be empty or missing. Throws
 * `STORE_BACKUP_INVALID`, `STORE_RESTORE_NOT_EMPTY` or `STORE_RESTORE_FAILED`. `onProgress` hears bytes of both passes.
 */
export async function restoreBackup(options: {
  backupPath: string
  dataDir: string
  onProgress?: (step: 'check' | 'write', doneBytes: number, totalBytes: number) => void
}): Promise<RestoreResult> {
  const { backupPath, dataDir } = options
  if (listDirectory(dataDir).length > 0) throw storeErrors.RESTORE_NOT_EMPTY({ path: dataDir })
  const file = await openBackupFile(backupPath)
  try {
    const { places, manifest } = await check(file, options)
    await write(file, { ...options, places, manifest })
    return resultOf(manifest)
  } finally {
    await file.close()
  }
}

/** Checks a whole backup without writing anything; throws `STORE_BACKUP_INVALID`. */
export async function checkBackup(backupPath: string): Promise<RestoreResult> {
  const file = await openBackupFile(backupPath)
  try {
    return resultOf((await check(file, { backupPath })).manifest)
  } finally {
    await file.close()
  }
}

async function openBackupFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (thrown) {
    throw invalid(path, messageOf(thrown), thrown)
  }
}

function resultOf(manifest: BackupManifest): RestoreResult {
  const sizeBytes = manifest.files.reduce((sum, one) => sum + one.sizeBytes, 0)
  const { createdTimeMs, version, engine } = manifest
  return { fileCount: manifest.files.length, sizeBytes, createdTimeMs, version, engine }
}

type Progress = (step: 'check' | 'write', doneBytes: number, totalBytes: number) => void

async function check(
  file: FileHandle,
  options: { backupPath: string; onProgress?: Progress },
): Promise<{ places: Place[]; manifest: BackupManifest }> {
  const { backupPath } = options
  const places: Place[] = []
  try {
    for await (const place of readTar(file)) places.push(place)
  } catch (thrown) {
    throw invalid(backupPath, messageOf(thrown), thrown)
  }
  const last = places.pop()
  if (last === undefined || last.entry.path !== manifestPath) {
    throw invalid(backupPath, 'it has no manifest at its end')
  }
  const manifest = await readManifest(file, last, backupPath)
  const wanted = new Map(manifest.files.map((one) => [backupRoot + one.path, one]))
  const totalBytes = manifest.files.reduce((sum, one) => sum + one.sizeBytes, 0)
  let doneBytes = 0
  for (const { entry, dataOffset } of places) {
    if (!isInside(entry)) throw invalid(backupPath, `${entry.path} leads out of the backup`)
    if (entry.kind !== 'file') continue
    const stated = wanted.get(entry.path)
    wanted.delete(entry.path)
    if (stated === undefined) throw invalid(backupPath, `${entry.path} is not in its manifest`)
    const sum = await hashOf(file, dataOffset, entry.sizeBytes)
    if (sum !== stated.sha256 || entry.sizeBytes !== stated.sizeBytes) {
      throw invalid(backupPath, `${entry.path} is damaged: its SHA-256 is not the manifest's`)
    }
    doneBytes += entry.sizeBytes
    options.onProgress?.('check', doneBytes, totalBytes)
  }
  const [missing] = wanted.keys()
  if (missing !== undefined) throw invalid(backupPath, `${missing} is missing`)
  return { places, manifest }
}

async function readManifest(
  file: FileHandle,
  place: Place,
  backupPath: string,
): Promise<BackupManifest> {
  const { sizeBytes } = place.entry
  if (sizeBytes > manifestBytesMax) throw invalid(backupPath, 'its manifest is too large')
  const bytes = Buffer.alloc(sizeBytes)
  await file.read(bytes, 0, sizeBytes, place.dataOffset)
  try {
    return manifestSchema.parse(JSON.parse(bytes.toString()))
  } catch (thrown) {
    throw invalid(backupPath, 'its manifest cannot be read, or is of a newer version', thrown)
  }
}

async function write(
  file: FileHandle,
  options: {
    dataDir: string
    places: readonly Place[]
    manifest: BackupManifest
    onProgress?: Progress
  },
): Promise<void> {
  const { dataDir, places, manifest, onProgress } = options
  const beside = join(dataDir, 'restoring')
  const totalBytes = manifest.files.reduce((sum, one) => sum + one.sizeBytes, 0)
  let doneBytes = 0
  try {
    mkdirSync(beside, { recursive: true, mode: 0o700 })
    for (const { entry, dataOffset } of places) {
      const path = join(beside, entry.path.slice(backupRoot.length))
      mkdirSync(entry.kind === 'directory' ? path : dirname(path), { recursive: true })
      if (entry.kind === 'link') symlinkSync(entry.target, path)
      if (entry.kind !== 'file') continue
      await copyOut(file, { at: dataOffset, sizeBytes: entry.sizeBytes }, path)
      doneBytes += entry.sizeBytes
      onProgress?.('write', doneBytes, totalBytes)
    }
    for (const name of readdirSync(beside)) renameSync(join(beside, name), join(dataDir, name))
    rmSync(beside, { recursive: true })
    syncDirectory(dataDir)
  } catch (thrown) {
    throw storeErrors.RESTORE_FAILED({ path: dataDir, reason: messageOf(thrown) }, thrown)
  }
}

async function copyOut(
  from: FileHandle,
  range: { at: number; sizeBytes: number },
  path: string,
): Promise<void> {
  const target = await open(path, 'wx', 0o600)
  try {
    for await (const piece of pieces(from, range.at, range.sizeBytes)) await target.writeFile(piece)
    await target.datasync()
  } finally {
    await target.close()
  }
}

async function hashOf(file: FileHandle, at: number, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of pieces(file, at, sizeBytes)) hash.update(piece)
  return hash.digest('hex')
}

async function* pieces(file: FileHandle, at: number, sizeBytes: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, Math.max(1, sizeBytes)))
  for (let done = 0; done < sizeBytes; ) {
    const length = Math.min(buffer.length, sizeBytes - done)
    const { bytesRead } = await file.read(buffer, 0, length, at + done)
    if (bytesRead === 0) throw new Error('the backup became shorter while it was read')
    yield buffer.subarray(0, bytesRead)
    done += bytesRead
  }
}

/** Whether neither the path nor what it links to leaves the backup. */
function isInside(entry: TarEntry): boolean {
  const path = posix.normalize(entry.path)
  if (path !== entry.path || !path.startsWith(backupRoot)) return false
  if (entry.kind !== 'link') return true
  if (posix.isAbsolute(entry.target)) return false
  return posix.join(posix.dirname(path), entry.target).startsWith(backupRoot)
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw storeErrors.RESTORE_FAILED({ path, reason: messageOf(thrown) }, thrown)
  }
}

function invalid(path: string, reason: string, cause?: unknown): Error {
  return storeErrors.BACKUP_INVALID({ path, reason }, cause)
}
