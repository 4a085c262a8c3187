/** Label matchers: `=`, `!=`, `=~`, `!~`; regular expressions are RE2 and anchored. A missing label is the empty string. */

import { compilePattern, type Pattern } from '../base/regexp.ts'
import { isLegacyLabelName, type Labels, quote } from './labels.ts'

/** The four ways to compare. */
export type MatchOperator = '=' | '!=' | '=~' | '!~'

/** One condition on one label. */
export interface Matcher {
  readonly name: string
  readonly operator: MatchOperator
  readonly value: string
  /** Compiled for `=~` and `!~`. */
  readonly pattern: Pattern | undefined
  /** Whether a label value fulfils the condition. */
  matches(value: string): boolean
}

/** Makes a matcher; throws `SyntaxError` for a bad regular expression. */
export function makeMatcher(name: string, operator: MatchOperator, value: string): Matcher {
  if (operator === '=') {
    return { name, operator, value, pattern: undefined, matches: (other) => other === value }
  }
  if (operator === '!=') {
    return { name, operator, value, pattern: undefined, matches: (other) => other !== value }
  }
  const pattern = compilePattern(value)
  if (operator === '=~')
    return { name, operator, value, pattern, matches: (other) => pattern.test(other) }
  return { name, operator, value, pattern, matches: (other) => !pattern.test(other) }
}

/** Whether a label set fulfils all of `matchers`. */
export function matchesAll(matchers: readonly Matcher[], labels: Labels): boolean {
  for (const matcher of matchers) {
    if (!matcher.matches(labels.get(matcher.name))) return false
  }
  return true
}

/** `name="value"` */
export function formatMatcher(matcher: Matcher): string {
  const name = isLegacyLabelName(matcher.name) ? matcher.name : quote(matcher.name)
  return `${name}${matcher.operator}${quote(matcher.value)}`
}
