/** Randomness comes only from here: identifiers, jitter, and a seeded generator for tests and simulations. */

import { randomBytes, randomUUID } from 'node:crypto'

/** A time-ordered identifier of 20 lower-case characters (9 of time, 11 random, base 32). */
export function makeId(nowTimeMs: number): string {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  let head = ''
  let time = nowTimeMs
  for (let index = 0; index < 9; index++) {
    head = alphabet[time % 32]! + head
    time = Math.floor(time / 32)
  }
  let tail = ''
  for (const byte of randomBytes(11)) tail += alphabet[byte % 32]!
  return head + tail
}

/** A random UUID, where another product's API wants one. */
export function makeUuid(): string {
  return randomUUID()
}

/** `size` random bytes as URL-safe base64: sign-in links, tokens, session keys. */
export function makeToken(size = 24): string {
  return randomBytes(size).toString('base64url')
}

/** Uniform in [0, 1). */
export type Random = () => number

/** The platform's own; for jitter. */
export const systemRandom: Random = () => Math.random()

/** Mulberry32 (public domain): 32-bit state, same numbers for the same seed. */
export function makeSeededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
