/**
 * The coloured pieces of a line of YAML that may hold PromQL. Line by line and by form alone: colours help the eye, the
 * server says what is right.
 */

/** A piece of a line. */
export interface Piece {
  from: number
  to: number
  kind: 'comment' | 'label' | 'string' | 'number' | 'keyword'
}

const pieces =
  /(?<key>^\s*(?:-\s+)*[\w.$-]+(?=:(?:\s|$)))|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?<comment>(?:^|\s)#.*$)|(?<number>\b\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:ms|[smhdwy%])?\b)|(?<keyword>\b(?:by|without|on|ignoring|group_left|group_right|bool|offset|and|or|unless)\b)/g

/** The pieces of a line, in order. */
export function findPieces(line: string): Piece[] {
  const out: Piece[] = []
  for (const match of line.matchAll(pieces)) {
    const [kind, text] = Object.entries(match.groups ?? {}).find(
      ([, value]) => value !== undefined,
    )!
    const to = match.index + match[0].length
    // The indent and the dash before a key, the space before a comment, have no colour.
    const from = to - text.replace(/^[\s-]+/, '').length
    out.push({ from, to, kind: kind === 'key' ? 'label' : (kind as Piece['kind']) })
  }
  return out
}
