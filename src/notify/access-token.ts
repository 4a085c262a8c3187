/**
 * Tokens that services give out for a while: kept until shortly before their end, and fetched anew, once,
 * when the service refuses one.
 */

import type { Clock } from '../base/clock.ts'
import type { HttpReply } from '../base/http-client.ts'
import { describeReply, SendFailure } from './send-request.ts'

/** A token as its service gave it out. */
export interface GivenToken {
  text: string
  lifeSeconds: number
}

/** A token was refused by a status, not within an answer; thrown by whoever judges statuses. */
export class RefusedToken extends SendFailure {
  readonly reply: HttpReply

  constructor(reply: HttpReply) {
    super(describeReply(reply), { reason: 'auth', canRetry: false })
    this.reply = reply
  }
}

/** A token ends a little early for us, so that it does not end on its way. */
const reserveMs = 60_000

/** The token of one application. */
export class AccessToken {
  readonly #clock: Clock
  readonly #fetch: () => Promise<GivenToken>
  #text = ''
  #endMs = 0

  constructor(clock: Clock, fetch: () => Promise<GivenToken>) {
    this.#clock = clock
    this.#fetch = fetch
  }

  /** For hiding it; empty when there is none. */
  shown(): string {
    return this.#text
  }

  /** Posts with the token; again with a new one when `isRefused` says that the old one was not taken. */
  async use(
    post: (token: string) => Promise<HttpReply>,
    isRefused: (reply: HttpReply) => boolean,
  ): Promise<HttpReply> {
    const isFresh = this.#clock.monotonicMs() < this.#endMs
    const reply = await attempt(post, isFresh ? this.#text : await this.#renew())
    return isFresh && isRefused(reply) ? attempt(post, await this.#renew()) : reply
  }

  async #renew(): Promise<string> {
    const { text, lifeSeconds } = await this.#fetch()
    this.#text = text
    this.#endMs = this.#clock.monotonicMs() + Math.max(0, lifeSeconds * 1_000 - reserveMs)
    return text
  }
}

async function attempt(
  post: (token: string) => Promise<HttpReply>,
  token: string,
): Promise<HttpReply> {
  try {
    return await post(token)
  } catch (thrown) {
    if (thrown instanceof RefusedToken) return thrown.reply
    throw thrown
  }
}
