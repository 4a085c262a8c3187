/**
 * JSON bodies of receivers, checked before they are parsed: 64 MiB of `[],[],…` become gigabytes of
 * objects and stall the process for tens of seconds, though no byte of them is a log line. One pass
 * over the bytes counts what would become a value and how deep it lies.
 * Source: RFC 8259; its grammar is left to `JSON.parse`, whose message names the place.
 */

import { messageOf } from '../../base/error.ts'
import { collectErrors } from '../errors.ts'

/** Smaller bodies cannot hold enough values to matter. */
const uncheckedBytesMax = 64 * 1024
/** Lists, objects and their members in one body; the smallest log line counts as three. */
const valueCountMax = 4 * 1024 * 1024
/** Protocols of ours go no deeper than about 15. */
const depthMax = 100

/** The value of a JSON body. Throws `COLLECT_BODY_INVALID` with the place. */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length > uncheckedBytesMax) checkShape(body)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (thrown) {
    throw collectErrors.BODY_INVALID({ reason: `the body is not JSON: ${messageOf(thrown)}` })
  }
}

function checkShape(body: Uint8Array): void {
  let valueCount = 0
  let depth = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === 0x22) at = endOfString(body, at)
    else if (byte === 0x5b || byte === 0x7b) {
      valueCount++
      if (++depth > depthMax) fail(at, `a value lies deeper than ${depthMax} lists and objects`)
    } else if (byte === 0x5d || byte === 0x7d) depth--
    else if (byte === 0x2c && ++valueCount > valueCountMax) {
      fail(at, `the body has more than ${valueCountMax} values; send smaller batches`)
    }
  }
}

/** The place of the closing quote, or the end of the body. */
function endOfString(body: Uint8Array, start: number): number {
  let at = start + 1
  while (at < body.length && body[at] !== 0x22) at += body[at] === 0x5c ? 2 : 1
  return at
}

function fail(at: number, found: string): never {
  throw collectErrors.BODY_INVALID({
    reason: `the body is not usable JSON: at byte ${at} ${found}`,
  })
}
