/**
 * Sessions of browsers and the one-time codes that open them. The cookie holds 256 random bits, the
 * records their SHA-256. A session remembers by what it was opened and ends with it: with the token
 * when that is removed, with the password when that is changed. The record's `user` is
 * `link//admin`, `password/<digest of the stored hash>/admin` or `token/<id>/<name>`.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { makeToken } from '../../base/random.ts'
import type { AccessRecords } from '../../store/store.ts'
import type { Scope } from './principal.ts'
import { hashSecret, type TokenKeeper } from './token.ts'

/** The one user that has a password. */
export const administrator = 'admin'

/** By what a session was opened. */
export type SessionOrigin =
  | { method: 'link'; user: string }
  | { method: 'password'; user: string }
  | { method: 'token'; user: string; tokenId: string }

/** A session in force. */
export interface Session {
  key: string
  user: string
  role: 'admin' | 'responder' | 'viewer'
  endTimeMs: number
}

/** The role of a session that a credential of a scope opens; `undefined` for scopes that open none. */
export function roleOf(scope: Scope): Session['role'] | undefined {
  if (scope === 'respond') return 'responder'
  if (scope === 'admin') return 'admin'
  return scope === 'read' ? 'viewer' : undefined
}

/** What a role lets its sessions do. */
export function scopeOf(role: Session['role']): Scope {
  if (role === 'responder') return 'respond'
  return role === 'admin' ? 'admin' : 'read'
}

const codeCountMax = 16
/** How often ended sessions are removed. */
const pruneDelayMs = 3_600_000

/** Opens, finds and ends sessions. */
export class SessionKeeper {
  readonly #access: AccessRecords
  readonly #tokens: TokenKeeper
  readonly #clock: Clock
  readonly #lifetimes: { sessionMs: number; linkMs: number }
  /** End time by hashed code. */
  readonly #codes = new Map<string, number>()
  readonly #log: Log
  #timer: Timer | undefined

  constructor(parts: {
    access: AccessRecords
    tokens: TokenKeeper
    clock: Clock
    log: Log
    lifetimes: { sessionMs: number; linkMs: number }
  }) {
    this.#access = parts.access
    this.#tokens = parts.tokens
    this.#clock = parts.clock
    this.#log = parts.log
    this.#lifetimes = parts.lifetimes
  }

  /** Removes the sessions that ended, now and every hour: most browsers never come back to be told. */
  async start(): Promise<void> {
    this.#timer = this.#clock.after(pruneDelayMs, () => void this.start())
    try {
      await this.#access.removeSessionsBefore(this.#clock.nowTimeMs())
    } catch (thrown) {
      this.#log.warn({ reason: messageOf(thrown) }, 'ended sessions could not be removed')
    }
  }

  /** Ends the hourly round. */
  stop(): void {
    this.#timer?.cancel()
  }

  /** A new one-time code; the oldest of too many is forgotten. */
  makeCode(): string {
    if (this.#codes.size >= codeCountMax) this.#codes.delete(this.#codes.keys().next().value!)
    const code = makeToken(24)
    this.#codes.set(hashSecret(code), this.#clock.nowTimeMs() + this.#lifetimes.linkMs)
    return code
  }

  /** Uses a code up; false when it is unknown, used or too old. */
  takeCode(code: string): boolean {
    const hash = hashSecret(code)
    const endTimeMs = this.#codes.get(hash)
    this.#codes.delete(hash)
    return endTimeMs !== undefined && endTimeMs > this.#clock.nowTimeMs()
  }

  /** Opens a session; `secret` goes into the cookie and nowhere else. */
  async open(
    origin: SessionOrigin,
    role: Session['role'],
  ): Promise<{ secret: string; session: Session }> {
    const secret = makeToken(32)
    const hash = hashSecret(secret)
    const endTimeMs = this.#clock.nowTimeMs() + this.#lifetimes.sessionMs
    const user = `${origin.method}/${await this.#proofOf(origin)}/${origin.user}`
    await this.#access.addSession({ hash, user, role, endTimeMs })
    return { secret, session: { key: `session:${hash}`, user: origin.user, role, endTimeMs } }
  }

  /** The session behind a cookie, or `undefined` when it ended. */
  async find(secret: string): Promise<Session | undefined> {
    const hash = hashSecret(secret)
    const found = await this.#access.findSession(hash)
    if (found === undefined) return undefined
    const [method, proof, ...rest] = found.user.split('/')
    const user = rest.join('/')
    const isProven =
      method === 'link' ||
      (method === 'password' && proof === (await this.#proofOf({ method, user }))) ||
      (method === 'token' && (await this.#tokens.has(proof ?? '')))
    if (!isProven || found.endTimeMs <= this.#clock.nowTimeMs()) {
      await this.#access.removeSession(hash)
      return undefined
    }
    return { key: `session:${hash}`, user, role: found.role, endTimeMs: found.endTimeMs }
  }

  /** Ends the session behind a cookie. */
  async close(secret: string): Promise<void> {
    await this.#access.removeSession(hashSecret(secret))
  }

  /** How the session's ground is known again. */
  async #proofOf(origin: SessionOrigin): Promise<string> {
    if (origin.method === 'link') return ''
    if (origin.method === 'token') return origin.tokenId
    return hashSecret((await this.#access.findPassword(origin.user)) ?? '').slice(0, 16)
  }
}
