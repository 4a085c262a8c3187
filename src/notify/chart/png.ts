/**
 * PNG with a palette: what charts need, a few kilobytes each.
 * Source: W3C, Portable Network Graphics, third edition.
 */

import { crc32, deflateSync } from 'node:zlib'

/** A picture of up to 256 colours. */
export interface PalettePicture {
  width: number
  height: number
  /** Row by row, an index into the palette each. */
  pixels: Uint8Array
  /** Red, green and blue of each colour. */
  palette: readonly (readonly [number, number, number])[]
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** The file. */
export function encodePng(picture: PalettePicture): Buffer {
  const { width, height, pixels, palette } = picture
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // Eight bits for each pixel, which is an index into the palette.
  header[8] = 8
  header[9] = 3
  const rows = Buffer.alloc((width + 1) * height)
  for (let row = 0; row < height; row++) {
    // The first byte of a row names its filter: none.
    rows.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1)
  }
  return Buffer.concat([
    signature,
    makeChunk('IHDR', header),
    makeChunk('PLTE', Buffer.from(palette.flat())),
    makeChunk('IDAT', deflateSync(rows, { level: 6 })),
    makeChunk('IEND', Buffer.alloc(0)),
  ])
}

function makeChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(body.length + 8)
  frame.writeUInt32BE(data.length, 0)
  body.copy(frame, 4)
  frame.writeUInt32BE(crc32(body), body.length + 4)
  return frame
}
