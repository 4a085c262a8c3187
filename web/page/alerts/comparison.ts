/**
 * Splits a rule's expression at its last comparison with a number outside of brackets, so that the
 * signal itself can be drawn (a comparison leaves only what fires) with the number as its threshold.
 */

/** The signal, and the number it is compared with when there is one. */
export interface Comparison {
  query: string
  threshold: number | undefined
}

/** `sum(rate(x[1m])) > 0.05` -> the sum and 0.05; anything else is left whole. */
export function splitComparison(expression: string): Comparison {
  const whole = { query: expression.trim(), threshold: undefined }
  const match = /^([\s\S]*?)(==|!=|>=|<=|>|<)\s*(-?[\d.]+(?:e[+-]?\d+)?)\s*$/i.exec(whole.query)
  if (!match) return whole
  const query = match[1]!.trim()
  const threshold = Number(match[3])
  if (query === '' || !Number.isFinite(threshold) || !isBalanced(query)) return whole
  // `a > 1 and b > 2`: the number belongs to the right side only.
  if (/\b(and|or|unless)\b/i.test(topLevelText(query))) return whole
  return { query, threshold }
}

function isBalanced(text: string): boolean {
  let depth = 0
  for (const char of withoutStrings(text)) {
    if (char === '(' || char === '[' || char === '{') depth += 1
    else if (char === ')' || char === ']' || char === '}') depth -= 1
    if (depth < 0) return false
  }
  return depth === 0
}

function topLevelText(text: string): string {
  let depth = 0
  let out = ''
  for (const char of withoutStrings(text)) {
    if (char === '(' || char === '[' || char === '{') depth += 1
    if (depth === 0) out += char
    if (char === ')' || char === ']' || char === '}') depth -= 1
  }
  return out
}

function withoutStrings(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g, '""')
}
