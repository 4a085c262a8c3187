/**
 * How deep the brackets of an expression lie, read in one pass before it is parsed: the grammar's
 * parser spends seconds on 100,000 of them, and then calls the place where it gave up unexpected.
 */

/**
 * Deepest brackets; people write ten, generators perhaps fifty. The parser gives up at about 560 for
 * the binary operators with the longest modifiers.
 */
const bracketsMax = 500

/** The place of the first bracket that lies too deep, or `undefined`. */
export function findTooDeep(text: string): number | undefined {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (char === '(' || char === '[' || char === '{') {
      if (++depth > bracketsMax) return at
    } else if (char === ')' || char === ']' || char === '}') depth--
    else if (char === '#') at = endOf(text, '\n', at)
    else if (char === '"' || char === "'" || char === '`') at = endOfString(text, at)
  }
  return undefined
}

function endOfString(text: string, start: number): number {
  const quote = text[start]!
  if (quote === '`') return endOf(text, quote, start + 1)
  let at = start + 1
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
  return at
}

function endOf(text: string, mark: string, start: number): number {
  const at = text.indexOf(mark, start)
  return at < 0 ? text.length : at
}
