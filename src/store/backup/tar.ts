/**
 * The tar format as a backup needs it: POSIX ustar with files, directories and symbolic links, so that
 * any tar program lists and unpacks a backup. Sizes of 8 GiB and more are written in base 256, as GNU
 * and BSD tar have it. Specification: pax(1) of POSIX.1-2017, "ustar Interchange Format".
 */

import type { FileHandle } from 'node:fs/promises'

/** Everything in a tar file is padded to multiples of this. */
export const tarBlockBytes = 512

const nameBytesMax = 100
const prefixBytesMax = 155
/** What eleven octal digits hold. */
const octalMax = 0o77777777777

/** One thing in a tar file. */
export interface TarEntry {
  /** Relative, with slashes. */
  path: string
  kind: 'file' | 'directory' | 'link'
  sizeBytes: number
  /** Where a link leads; empty for the others. */
  target: string
}

const typeFlags = { file: '0', link: '2', directory: '5' } as const

/** The header block of an entry. Throws when a name is too long for the format. */
export function makeTarHeader(entry: TarEntry, timeMs: number): Buffer {
  const block = Buffer.alloc(tarBlockBytes)
  const { name, prefix } = splitPath(entry.path)
  if (Buffer.byteLength(entry.target) > nameBytesMax) {
    throw new Error(`The link target ${entry.target} is too long for tar.`)
  }
  block.write(name, 0)
  writeOctal(block, { at: 100, size: 8 }, entry.kind === 'directory' ? 0o700 : 0o600)
  writeOctal(block, { at: 108, size: 8 }, 0)
  writeOctal(block, { at: 116, size: 8 }, 0)
  writeSize(block, entry.sizeBytes)
  writeOctal(block, { at: 136, size: 12 }, Math.floor(timeMs / 1_000))
  block.write(' '.repeat(8), 148)
  block.write(typeFlags[entry.kind], 156)
  block.write(entry.target, 157)
  block.write('ustar\0', 257, 'latin1')
  block.write('00', 263)
  block.write(prefix, 345)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** Bytes of an entry's content with its padding. */
export function paddedBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / tarBlockBytes) * tarBlockBytes
}

/** Walks a tar file; throws with the place when it is cut off or is none. */
export async function* readTar(
  file: FileHandle,
): AsyncGenerator<{ entry: TarEntry; dataOffset: number }> {
  const { size } = await file.stat()
  const block = Buffer.alloc(tarBlockBytes)
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(block, 0, tarBlockBytes, at)
    if (bytesRead < tarBlockBytes) throw new Error(`it ends at byte ${at} without its last block`)
    if (block.every((byte) => byte === 0)) return
    const entry = parseHeader(block, at)
    const dataOffset = at + tarBlockBytes
    at = dataOffset + paddedBytes(entry.sizeBytes)
    if (at > size) throw new Error(`it is cut off within ${entry.path}`)
    yield { entry, dataOffset }
  }
}

function parseHeader(block: Buffer, at: number): TarEntry {
  const stated = Number.parseInt(block.toString('latin1', 148, 156), 8)
  let sum = 8 * 32
  for (let index = 0; index < tarBlockBytes; index++) {
    if (index < 148 || index >= 156) sum += block[index]!
  }
  if (sum !== stated) throw new Error(`there is no tar header at byte ${at}`)
  const flag = block.toString('latin1', 156, 157)
  const kind = (['file', 'directory', 'link'] as const).find((one) => typeFlags[one] === flag)
  if (kind === undefined) throw new Error(`it holds an entry of kind "${flag}" at byte ${at}`)
  const prefix = textAt(block, 345, prefixBytesMax)
  const name = textAt(block, 0, nameBytesMax)
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    kind,
    sizeBytes: kind === 'file' ? readSize(block) : 0,
    target: kind === 'link' ? textAt(block, 157, nameBytesMax) : '',
  }
}

/** A long path is cut at a slash into prefix and name. */
function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= nameBytesMax) return { name: path, prefix: '' }
  for (let cut = path.indexOf('/'); cut > 0; cut = path.indexOf('/', cut + 1)) {
    const name = path.slice(cut + 1)
    const prefix = path.slice(0, cut)
    const fits = Buffer.byteLength(name) <= nameBytesMax
    if (fits && Buffer.byteLength(prefix) <= prefixBytesMax) return { name, prefix }
  }
  throw new Error(`The path ${path} is too long for tar.`)
}

function writeOctal(block: Buffer, field: { at: number; size: number }, value: number): void {
  block.write(`${value.toString(8).padStart(field.size - 1, '0')}\0`, field.at, 'latin1')
}

function writeSize(block: Buffer, sizeBytes: number): void {
  if (sizeBytes <= octalMax) {
    writeOctal(block, { at: 124, size: 12 }, sizeBytes)
    return
  }
  block.writeUInt8(0x80, 124)
  block.writeBigUInt64BE(BigInt(sizeBytes), 128)
}

function readSize(block: Buffer): number {
  if (block[124] === 0x80) return Number(block.readBigUInt64BE(128))
  return Number.parseInt(block.toString('latin1', 124, 136), 8)
}

function textAt(block: Buffer, at: number, size: number): string {
  const field = block.subarray(at, at + size)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? size : end)
}
