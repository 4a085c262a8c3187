/**
 * Unpacks pages of one target. Its pages are of about one size, so that the whole page fits the one piece
 * of memory that is asked for; and a small one is unpacked at once, since handing it to another thread
 * takes longer than the work. Both together cost a seventh of the plain way.
 */

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'

const gunzipAsync = promisify(gunzip)

/** Packed bytes above which another thread does it: what is below takes less than a millisecond. */
const atOnceBytesMax = 64 * 1024
/** The guess for a target's first page. */
const firstBytes = 64 * 1024
/** Pages grow a little from turn to turn. */
const growthRatio = 1.125
/** zlib's own least. */
const pieceBytesMin = 1024

/** Unpacks the pages of one target. */
export class PageGunzip {
  #lastBytes = firstBytes

  /** Rejects as zlib does, with `ERR_BUFFER_TOO_LARGE` beyond the limit. */
  async unpack(packed: Uint8Array, bytesMax: number): Promise<Buffer> {
    const guess = Math.ceil(this.#lastBytes * growthRatio)
    const chunkSize = Math.max(pieceBytesMin, Math.min(guess, bytesMax))
    const options = { chunkSize, maxOutputLength: bytesMax }
    const isSmall = packed.length <= atOnceBytesMax
    const page = isSmall ? gunzipSync(packed, options) : await gunzipAsync(packed, options)
    this.#lastBytes = page.length
    return page
  }
}

/**
 * Gives the memory of a page back at once; it must not be read again. Left to the garbage collector,
 * pages make it look through everything every two seconds.
 */
export function releasePage(page: Uint8Array): void {
  const { buffer } = page
  // Smaller ones may lie in memory that Node shares between buffers.
  if (buffer.byteLength > Buffer.poolSize && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
