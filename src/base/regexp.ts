/**
 * RE2 regular expressions, anchored at both ends, `.` matches newlines: what Prometheus, Alertmanager
 * and Loki mean by a matcher. Linear time whatever the pattern. Literals, alternations of literals,
 * `.*`, `.+` and prefixes are answered without the engine, because most patterns are one of these.
 */

import { RE2JS } from 're2js'

/** A compiled, anchored pattern. */
export interface Pattern {
  readonly source: string
  /** Whether the whole of `text` matches. */
  test(text: string): boolean
  /** Submatches of a whole match (index 0 is the whole; a group that took no part is `''`), or `undefined`. */
  groups(text: string): PatternGroups | undefined
  /** The finite set of texts that can match, when the pattern is one; lets an index answer. */
  readonly literals: readonly string[] | undefined
}

/** What a match captured. */
export interface PatternGroups {
  byIndex: string[]
  byName: ReadonlyMap<string, string>
}

/** Compiles `source`; throws `SyntaxError` with the reason when RE2 would refuse it. */
export function compilePattern(source: string): Pattern {
  let engine: RE2JS | undefined
  const compiled = (): RE2JS => {
    engine ??= compileEngine(`^(?s:${source})$`)
    return engine
  }
  const literals = findLiterals(source)
  const groups = (text: string): PatternGroups | undefined => findGroups(compiled(), text)
  if (literals !== undefined) {
    const set = new Set(literals)
    return { source, test: (text) => set.has(text), groups, literals }
  }
  if (source === '.*') return { source, test: () => true, groups, literals: undefined }
  if (source === '.+') return { source, test: (text) => text !== '', groups, literals: undefined }
  const prefix = /^([\w:/ -]+)\.([*+])$/.exec(source)
  if (prefix !== null) {
    const head = prefix[1]!
    const lengthMin = head.length + (prefix[2] === '+' ? 1 : 0)
    const test = (text: string): boolean => text.length >= lengthMin && text.startsWith(head)
    return { source, test, groups, literals: undefined }
  }
  compiled()
  return { source, test: (text) => compiled().testExact(text), groups, literals: undefined }
}

/** An unanchored search, for line filters. */
export function compileSearch(source: string): { test(text: string): boolean } {
  const engine = compileEngine(source)
  return { test: (text) => engine.test(text) }
}

function compileEngine(source: string): RE2JS {
  try {
    return RE2JS.compile(source)
  } catch (thrown) {
    throw new SyntaxError(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

/** `a|b|c` without special characters, or a plain word. */
function findLiterals(source: string): string[] | undefined {
  const inner = /^\(([^()?]*)\)$/.exec(source)?.[1] ?? source
  if (!/^[^\\^$.*+?()[\]{}]*$/.test(inner)) return undefined
  return inner.split('|')
}

function findGroups(engine: RE2JS, text: string): PatternGroups | undefined {
  const matcher = engine.matcher(text)
  if (!matcher.matches()) return undefined
  const byIndex: string[] = []
  for (let index = 0; index <= matcher.groupCount(); index++)
    byIndex.push(matcher.group(index) ?? '')
  const byName = new Map<string, string>()
  for (const [name, index] of Object.entries(engine.namedGroups() as Record<string, number>)) {
    byName.set(name, byIndex[index] ?? '')
  }
  return { byIndex, byName }
}

/** How many compiled replacements are kept. */
const replacementCountMax = 500
const replacements = new Map<string, RE2JS>()

/**
 * Replaces every match of the unanchored `source`; `$1`, `$name` and `${name}` stand for submatches and
 * `$$` for a dollar, as in Go's `ReplaceAllString`. Throws `SyntaxError` for a bad pattern.
 */
export function replaceMatches(source: string, text: string, replacement: string): string {
  let engine = replacements.get(source)
  if (engine === undefined) {
    engine = compileEngine(source)
    if (replacements.size >= replacementCountMax) replacements.clear()
    replacements.set(source, engine)
  }
  const names = engine.namedGroups() as Record<string, number>
  const matcher = engine.matcher(text)
  let result = ''
  let end = 0
  while (matcher.find()) {
    const groupOf = (name: string): string => {
      const index = /^\d+$/.test(name)
        ? Number(name)
        : Object.hasOwn(names, name)
          ? names[name]!
          : -1
      return index >= 0 && index <= matcher.groupCount() ? (matcher.group(index) ?? '') : ''
    }
    result += text.slice(end, matcher.start())
    result += replacement.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (whole, braced, bare) =>
      whole === '$$' ? '$' : groupOf((braced ?? bare) as string),
    )
    end = matcher.end()
  }
  return result + text.slice(end)
}
