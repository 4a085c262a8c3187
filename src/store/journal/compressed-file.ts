/**
 * Zstandard around whole files: journal segments that the engine has are read only after a restart,
 * and are kept small until then. Written beside, synced and renamed, so that a name stands for a whole file.
 */

import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { writeFileAtomic } from '../../base/files.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Writes `bytes` compressed to `path`; answers the size. Rejects when the disk does not take it. */
export async function writeCompressedFile(path: string, bytes: Uint8Array): Promise<number> {
  const compressed = await compress(bytes)
  writeFileAtomic(path, compressed)
  return compressed.length
}

/** What was compressed; rejects when the file is damaged. */
export async function readCompressedFile(path: string): Promise<Buffer> {
  return await decompress(await readFile(path))
}
