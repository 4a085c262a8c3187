/**
 * The right to act on one page for one person, as a short text: `<page>.<person>.<end>.<signature>`.
 * It is handed out in messages, so it ends by itself and says nothing that a reader may not know. At
 * most 60 characters, all of `[A-Za-z0-9._-]`, because Telegram gives buttons 64 bytes.
 *
 *   page       the page's id, 20 characters
 *   person     place in the page's list of people in base 36, or `-` for a message to everybody
 *   end        minutes since 1970 in base 36
 *   signature  the first 16 bytes of HMAC-SHA-256 over the rest, base64url
 */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../base/secret.ts'

const minuteMs = 60_000
const signatureBytes = 16

/** What a token says. */
export interface TokenClaim {
  pageId: string
  /** Place in the page's list of people; `undefined` when the message was to everybody. */
  personIndex: number | undefined
  endTimeMs: number
}

/** Writes a token. */
export function formatToken(claim: TokenClaim, key: Secret): string {
  const person = claim.personIndex === undefined ? '-' : claim.personIndex.toString(36)
  const end = Math.ceil(claim.endTimeMs / minuteMs).toString(36)
  const text = `${claim.pageId}.${person}.${end}`
  return `${text}.${sign(text, key).toString('base64url')}`
}

/** Reads a token; `undefined` when it is not ours, was changed, or has ended. */
export function readToken(token: string, key: Secret, nowTimeMs: number): TokenClaim | undefined {
  const match = /^([0-9a-z]{1,40})\.(-|[0-9a-z]{1,4})\.([0-9a-z]{1,9})\.([\w-]{22})$/.exec(token)
  if (match === null) return undefined
  const [, pageId, person, end, signature] = match
  // As texts: several texts are the same bytes, and one is enough.
  const expected = Buffer.from(sign(`${pageId}.${person}.${end}`, key).toString('base64url'))
  if (!timingSafeEqual(Buffer.from(signature!), expected)) return undefined
  const endTimeMs = Number.parseInt(end!, 36) * minuteMs
  if (endTimeMs <= nowTimeMs) return undefined
  const personIndex = person === '-' ? undefined : Number.parseInt(person!, 36)
  return { pageId: pageId!, personIndex, endTimeMs }
}

/** Signs a text that is no token, such as the name of a calendar, so that its address cannot be guessed. */
export function signText(text: string, key: Secret): string {
  return sign(`text ${text}`, key).toString('base64url')
}

function sign(text: string, key: Secret): Buffer {
  return createHmac('sha256', key.reveal()).update(text).digest().subarray(0, signatureBytes)
}
