/**
 * Passwords through scrypt (RFC 7914) with N = 2^15, r = 8, p = 3: 32 MiB and about a quarter of a
 * second each, one of OWASP's recommended settings. Kept as `scrypt$N$r$p$salt$hash`, base64url, so
 * that the cost can be raised later. At most a few are computed at once: each holds its memory.
 */

import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { serverErrors } from '../errors.ts'

const cost = { N: 32_768, r: 8, p: 3 }
const hashBytes = 32
/** 4 × 32 MiB is what sign-ins may hold together. */
const concurrencyMax = 4
let running = 0

/** Hashes a new password. Throws `SERVER_BUSY`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, cost)
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** Whether `password` is the one behind `stored`. Without `stored` it costs the same and is false. Throws `SERVER_BUSY`. */
export async function verifyPassword(
  password: string,
  stored: string | undefined,
): Promise<boolean> {
  const match = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/.exec(stored ?? '')
  if (match === null) {
    await derive(password, Buffer.alloc(16), cost)
    return false
  }
  const expected = Buffer.from(match[5]!, 'base64url')
  const actual = await derive(password, Buffer.from(match[4]!, 'base64url'), {
    N: Number(match[1]),
    r: Number(match[2]),
    p: Number(match[3]),
  })
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

async function derive(
  password: string,
  salt: Buffer,
  options: { N: number; r: number; p: number },
): Promise<Buffer> {
  if (running >= concurrencyMax) throw serverErrors.BUSY({ limit: `${concurrencyMax} sign-ins` })
  running++
  try {
    const limits: ScryptOptions = { ...options, maxmem: 256 * options.N * options.r }
    return await new Promise<Buffer>((resolve, reject) => {
      scrypt(password, salt, hashBytes, limits, (error, hash) =>
        error === null ? resolve(hash) : reject(error),
      )
    })
  } finally {
    running--
  }
}
