/**
 * What lets a reader of a message act: links with a token for one page and person, and signatures for
 * addresses that must not be guessed. All are made with one key, which is kept in the records, so that links
 * hold over a restart.
 */

import type { Clock } from '../../base/clock.ts'
import { makeToken } from '../../base/random.ts'
import { Secret } from '../../base/secret.ts'
import type { Page } from '../../model/page.ts'
import type { Records } from '../../store/store.ts'
import { alertErrors } from '../errors.ts'
import { formatToken, readToken, signText, type TokenClaim } from './acknowledge-token.ts'
import type { AcknowledgeOffer } from './page-message.ts'

const keyName = 'alert.acknowledge-key'

/** Makes and reads links. */
export class PageLinks {
  readonly #clock: Clock
  readonly #externalUrl: string
  #key = new Secret(makeToken(32))

  constructor(parts: { clock: Clock; externalUrl: string }) {
    this.#clock = parts.clock
    this.#externalUrl = parts.externalUrl
  }

  /** Takes the key that was kept, or keeps this one. */
  async load(records: Records): Promise<void> {
    const kept = (await records.states.find(keyName)) as string | undefined
    if (typeof kept === 'string') this.#key = new Secret(kept)
    else await records.states.set(keyName, this.#key.reveal())
  }

  /** How a person can act on a page, or whoever reads it; `undefined` when nobody can any more. */
  offerFor(
    page: Page,
    options: { person: string; lifetimeMs: number },
  ): AcknowledgeOffer | undefined {
    if (!page.isOpen || page.state === 'resolved') return undefined
    const index = page.people.indexOf(options.person)
    const endTimeMs = this.#clock.nowTimeMs() + options.lifetimeMs
    const personIndex = index < 0 ? undefined : index
    const token = formatToken({ pageId: page.id, personIndex, endTimeMs }, this.#key)
    const base = this.#externalUrl
    return {
      url: `${base}/acknowledge/${token}`,
      gatherUrl: `${base}/api/shipwatch/v1/callbacks/twilio/${token}`,
      gatewayUrl: `${base}/api/shipwatch/v1/callbacks/gateway/${token}`,
      token,
      pageId: page.id,
      acknowledgedBy: page.acknowledgedBy,
    }
  }

  /** What a token says; throws `ALERT_TOKEN_INVALID`. */
  read(token: string): TokenClaim {
    const claim = readToken(token, this.#key, this.#clock.nowTimeMs())
    if (claim === undefined) throw alertErrors.TOKEN_INVALID({})
    return claim
  }

  /** Signs a text, such as the name of a calendar, so that a link to it cannot be guessed. */
  sign(text: string): string {
    return signText(text, this.#key)
  }

  /** Whether `sign` answers this for a text. */
  isSigned(text: string, signature: string): boolean {
    return new Secret(this.sign(text)).matches(signature)
  }
}
