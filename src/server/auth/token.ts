/**
 * Tokens: 256 random bits, kept as SHA-256 only. `local.token` in the data directory is made anew at
 * each start and lets programs of the same user on this machine in. Found tokens are remembered for
 * a few seconds, so that receivers do not ask the records at every request and survive their loss.
 */

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { writeFileAtomic } from '../../base/files.ts'
import type { Log } from '../../base/log.ts'
import { makeId, makeToken } from '../../base/random.ts'
import type { AccessRecords } from '../../store/store.ts'

/** A token without its secret. */
export interface FoundToken {
  id: string
  name: string
  scope: 'admin' | 'respond' | 'read' | 'ingest'
}

/** File of the local token below the data directory. */
const localTokenFile = 'local.token'

const rememberMs = 10_000
const rememberCountMax = 1_000
/** The time of last use is written at most this often. */
const touchIntervalMs = 60_000

interface Remembered {
  token: FoundToken
  endTimeMs: number
  touchedTimeMs: number
}

/** Makes, finds and removes tokens. */
export class TokenKeeper {
  readonly #access: AccessRecords
  readonly #clock: Clock
  readonly #log: Log
  readonly #localHash: string
  readonly #localToken = makeToken(32)
  readonly #remembered = new Map<string, Remembered>()

  constructor(access: AccessRecords, clock: Clock, log: Log) {
    this.#access = access
    this.#clock = clock
    this.#log = log
    this.#localHash = hashSecret(this.#localToken)
  }

  /** Writes `<dataDir>/local.token`, readable by its owner alone. */
  writeLocalToken(dataDir: string): void {
    writeFileAtomic(join(dataDir, localTokenFile), `${this.#localToken}\n`, 0o600)
  }

  /** The token behind `secret`, or `undefined`. */
  async find(secret: string): Promise<FoundToken | undefined> {
    // Comparing hashes leaks no usable timing: a caller cannot choose the hash.
    const hash = hashSecret(secret)
    if (hash === this.#localHash) return { id: 'local', name: 'local', scope: 'admin' }
    const nowTimeMs = this.#clock.nowTimeMs()
    const known = this.#remembered.get(hash)
    if (known !== undefined && known.endTimeMs > nowTimeMs) {
      this.#touch(known, nowTimeMs)
      return known.token
    }
    const token = await this.#access.findToken(hash)
    if (token === undefined) {
      this.#remembered.delete(hash)
      return undefined
    }
    const entry: Remembered = {
      token,
      endTimeMs: nowTimeMs + rememberMs,
      touchedTimeMs: known?.touchedTimeMs ?? 0,
    }
    if (this.#remembered.size >= rememberCountMax) {
      this.#remembered.delete(this.#remembered.keys().next().value!)
    }
    this.#remembered.set(hash, entry)
    this.#touch(entry, nowTimeMs)
    return token
  }

  /** Whether the token still exists. */
  async has(id: string): Promise<boolean> {
    if (id === 'local') return true
    return (await this.#access.listTokens()).some((token) => token.id === id)
  }

  /** Makes a token; its secret is given this once. */
  async make(
    name: string,
    scope: FoundToken['scope'],
  ): Promise<{ token: string; id: string; createdTimeMs: number }> {
    const createdTimeMs = this.#clock.nowTimeMs()
    const token = `sw_${makeToken(32)}`
    const id = makeId(createdTimeMs)
    await this.#access.addToken({ id, name, scope, hash: hashSecret(token), createdTimeMs })
    return { token, id, createdTimeMs }
  }

  /** Removes a token at once; false when there is none. */
  async remove(id: string): Promise<boolean> {
    for (const [hash, entry] of this.#remembered) {
      if (entry.token.id === id) this.#remembered.delete(hash)
    }
    return this.#access.removeToken(id)
  }

  #touch(entry: Remembered, nowTimeMs: number): void {
    if (nowTimeMs - entry.touchedTimeMs < touchIntervalMs) return
    entry.touchedTimeMs = nowTimeMs
    this.#access.touchToken(entry.token.id, nowTimeMs).catch((thrown: unknown) => {
      this.#log.warn(
        { token: entry.token.id, reason: messageOf(thrown) },
        'the last use of a token was not recorded',
      )
    })
  }
}

/** SHA-256 in hexadecimal; enough for secrets of 256 random bits. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
