/**
 * Every distinct label name and value once, with a number. Series hold numbers only, which is what
 * keeps a million of them small. Numbers of texts that no series uses any more are given again.
 */

/** Not a symbol: the answer of `find` for an unknown text. */
export const noSymbol = -1

/** Texts by number and numbers by text. */
export class SymbolTable {
  #idByText = new Map<string, number>()
  #texts: (string | undefined)[] = []
  #free: number[] = []

  /** One more than the highest number in use. */
  get idEnd(): number {
    return this.#texts.length
  }

  /** The number of `text`, or `noSymbol`. */
  find(text: string): number {
    return this.#idByText.get(text) ?? noSymbol
  }

  /** The number of `text`, given now if need be. */
  add(text: string): number {
    const known = this.#idByText.get(text)
    if (known !== undefined) return known
    const id = this.#free.pop() ?? this.#texts.length
    this.set(id, text)
    return id
  }

  /** Puts a text at a number that is known from before a restart. */
  set(id: number, text: string): void {
    const own = detach(text)
    while (this.#texts.length < id) {
      this.#free.push(this.#texts.length)
      this.#texts.push(undefined)
    }
    this.#texts[id] = own
    this.#idByText.set(own, id)
  }

  /** The text of a number in use. */
  textOf(id: number): string {
    return this.#texts[id]!
  }

  /** Whether the number stands for a text. */
  has(id: number): boolean {
    return this.#texts[id] !== undefined
  }

  /** Lets go of every text whose mark is 0. */
  sweep(marks: Uint8Array): void {
    for (let id = 0; id < this.#texts.length; id++) {
      const text = this.#texts[id]
      if (text === undefined || marks[id] !== 0) continue
      this.#idByText.delete(text)
      this.#texts[id] = undefined
      this.#free.push(id)
    }
  }
}

/**
 * A copy that shares nothing: V8 keeps the whole of a scraped page alive for the sake of a slice of
 * it. One byte a character where possible; exact for lone surrogates too.
 */
function detach(text: string): string {
  if (text.length < 13) return text
  const narrow = Buffer.from(text, 'latin1').toString('latin1')
  return narrow === text ? narrow : Buffer.from(text, 'utf16le').toString('utf16le')
}
