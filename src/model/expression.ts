/**
 * Takes a rule's expression apart as far as an incident needs it: the signal on the left of its
 * comparison, and the threshold on the right when that is a plain number. Looks only at the outermost
 * level; strings, brackets and comments are skipped. An expression that is put together from several
 * with `or` has no single signal. Knows nothing else of PromQL.
 */

/** A comparison taken apart. */
export interface SplitExpression {
  /** PromQL of the signal. */
  left: string
  operator: '>' | '>=' | '<' | '<=' | '==' | '!='
  threshold: number | undefined
}

/** Takes `expression` apart, or answers `undefined` when it compares nothing. */
export function splitComparison(expression: string): SplitExpression | undefined {
  const trimmed = unwrap(expression.trim())
  const words = scan(trimmed)
  const set = words.find((word) => word.kind === 'set')
  if (set !== undefined) {
    if (set.text.toLowerCase() === 'or') return undefined
    return splitComparison(trimmed.slice(0, set.index))
  }
  const comparison = words.findLast((word) => word.kind === 'comparison')
  if (comparison === undefined) return undefined
  const left = trimmed.slice(0, comparison.index).trim()
  let right = trimmed.slice(comparison.index + comparison.text.length).trim()
  right = right.replace(/^bool\b/i, '').trim()
  const number = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(right) ? Number(right) : undefined
  // "0.03 < ratio" is "ratio > 0.03".
  if (/^[-+\d.eE]+$/.test(left) && number === undefined) {
    return {
      left: right,
      operator: mirrored[comparison.text] ?? '==',
      threshold: Number(left),
    }
  }
  return { left, operator: comparison.text as SplitExpression['operator'], threshold: number }
}

const mirrored: Record<string, SplitExpression['operator']> = {
  '>': '<',
  '>=': '<=',
  '<': '>',
  '<=': '>=',
  '==': '==',
  '!=': '!=',
}

interface Word {
  kind: 'set' | 'comparison'
  text: string
  index: number
}

/** Set and comparison operators on the outermost level. */
function scan(text: string): Word[] {
  const words: Word[] = []
  let depth = 0
  let index = 0
  while (index < text.length) {
    const character = text[index]!
    if (character === '"' || character === "'" || character === '`') {
      index = endOfString(text, index)
      continue
    }
    if (character === '#') {
      const end = text.indexOf('\n', index)
      index = end < 0 ? text.length : end
      continue
    }
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    else if (depth === 0) {
      const comparison = /^(==|!=|>=|<=|>|<)/.exec(text.slice(index, index + 2))
      if (comparison !== null) {
        words.push({ kind: 'comparison', text: comparison[0], index })
        index += comparison[0].length
        continue
      }
      const word = /^[a-zA-Z_:][\w:]*/.exec(text.slice(index))
      if (word !== null) {
        if (/^(and|or|unless)$/i.test(word[0])) words.push({ kind: 'set', text: word[0], index })
        index += word[0].length
        continue
      }
    }
    index++
  }
  return words
}

function endOfString(text: string, start: number): number {
  const mark = text[start]
  let index = start + 1
  while (index < text.length && text[index] !== mark) {
    index += text[index] === '\\' && mark !== '`' ? 2 : 1
  }
  return index + 1
}

/** Removes brackets that enclose the whole. */
function unwrap(text: string): string {
  if (!text.startsWith('(') || !text.endsWith(')')) return text
  let depth = 0
  let index = 0
  while (index < text.length) {
    const character = text[index]!
    if (character === '"' || character === "'" || character === '`') {
      index = endOfString(text, index)
      continue
    }
    if (character === '(') depth++
    if (character === ')') depth--
    if (depth === 0 && index < text.length - 1) return text
    index++
  }
  return unwrap(text.slice(1, -1).trim())
}
