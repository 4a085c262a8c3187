/**
 * Zstandard around whole files: journal segments that the engine has are read only after a restart,
 * and take a sixth of their size until then. Written beside, synced and renamed, so that a name stands
 * for a whole file; streamed, so that a segment is never in memory for it.
 */

import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createZstdCompress, zstdDecompress } from 'node:zlib'
import { syncDirectory } from '../../base/files.ts'

const decompress = promisify(zstdDecompress)

/** Bytes read and written at a time. */
const pieceBytes = 1 << 20

/** Writes `from` compressed to `to`; answers the size. Rejects when the disk does not take it; `from` stays. */
export async function compressFile(from: string, to: string): Promise<number> {
  const beside = `${to}.tmp`
  try {
    await pipeline(
      createReadStream(from, { highWaterMark: pieceBytes }),
      createZstdCompress({ chunkSize: pieceBytes }),
      createWriteStream(beside, { highWaterMark: pieceBytes, flush: true }),
    )
    const { size } = await stat(beside)
    renameSync(beside, to)
    syncDirectory(dirname(to))
    return size
  } catch (thrown) {
    rmSync(beside, { force: true })
    throw thrown
  }
}

/** What was compressed; rejects when the file is damaged. */
export async function readCompressedFile(path: string): Promise<Buffer> {
  return await decompress(await readFile(path))
}
