/**
 * Selectors of settings, such as `http_requests_total{job="shop", code=~"5.."}`: a metric's name and
 * matchers of labels, as in PromQL. Rules that prepare data choose series by them.
 */

import { unquoteGo } from '../base/go-string.ts'
import { labelsFromPairs } from '../model/labels.ts'
import { type Matcher, type MatchOperator, makeMatcher, matchesAll } from '../model/matcher.ts'

const spaces = /\s*/y
const metricName = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const labelName = /[a-zA-Z_][a-zA-Z0-9_]*/y
const operator = /=~|!~|!=|=/y
const quoted = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`/y

/** Reads a selector; throws `SyntaxError` with the place. */
export function parseSelector(text: string): Matcher[] {
  return new SelectorReader(text).read()
}

class SelectorReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): Matcher[] {
    const matchers: Matcher[] = []
    const metric = this.#take(metricName)
    if (metric !== undefined) matchers.push(makeMatcher('__name__', '=', metric))
    if (this.#takeSign('{')) this.#readMatchers(matchers)
    this.#take(spaces)
    if (this.#at < this.#text.length) this.#fail('the end')
    if (matchesAll(matchers, labelsFromPairs([]))) {
      throw new SyntaxError('a selector must have a matcher that does not match the empty string')
    }
    return matchers
  }

  #readMatchers(matchers: Matcher[]): void {
    while (!this.#takeSign('}')) {
      const bare = this.#take(labelName)
      const name = bare ?? this.#takeQuoted() ?? this.#fail('the name of a label')
      const sign = this.#take(operator) as MatchOperator | undefined
      // A quoted name alone is that of the metric.
      if (sign === undefined && bare === undefined) {
        matchers.push(makeMatcher('__name__', '=', name))
      } else if (sign === undefined) this.#fail('one of = != =~ !~')
      else matchers.push(makeMatcher(name, sign, this.#takeQuoted() ?? this.#fail('a string')))
      if (!this.#takeSign(',') && !this.#isNext('}')) this.#fail('"," or "}"')
    }
  }

  #takeQuoted(): string | undefined {
    const found = this.#take(quoted)
    return found === undefined ? undefined : unquoteGo(found)
  }

  #takeSign(sign: string): boolean {
    if (!this.#isNext(sign)) return false
    this.#at++
    return true
  }

  #isNext(sign: string): boolean {
    this.#skipSpaces()
    return this.#text[this.#at] === sign
  }

  #take(pattern: RegExp): string | undefined {
    if (pattern !== spaces) this.#skipSpaces()
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found === undefined) return undefined
    this.#at += found.length
    return found
  }

  #skipSpaces(): void {
    spaces.lastIndex = this.#at
    this.#at += spaces.exec(this.#text)?.[0].length ?? 0
  }

  #fail(expected: string): never {
    const found = this.#text.slice(this.#at, this.#at + 20)
    const shown = found === '' ? 'the end' : JSON.stringify(found)
    throw new SyntaxError(`at character ${this.#at + 1}: expected ${expected}, got ${shown}`)
  }
}
