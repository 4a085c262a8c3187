/** A string that never prints itself: not in JSON, not in a template, not in the inspector. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'

/** Wraps a secret; only `reveal()` gives it back. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** The secret itself, for the one call that needs it. */
  reveal(): string {
    return this.#value
  }

  /** Whether a text is the secret; takes the same time wherever they differ. */
  matches(text: string): boolean {
    const digest = (value: string): Buffer => createHash('sha256').update(value).digest()
    return timingSafeEqual(digest(this.#value), digest(text))
  }

  toString(): string {
    return '<secret>'
  }

  toJSON(): string {
    return '<secret>'
  }

  [inspect.custom](): string {
    return '<secret>'
  }
}
