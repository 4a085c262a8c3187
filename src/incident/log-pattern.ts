/**
 * The pattern of a log line: what stays when everything that changes from line to line is masked.
 * Structured lines (JSON, logfmt) count by their message alone. Masks in order: UUID, address with
 * port, timestamps, hexadecimal, quoted text, numbers. Cheap enough for a few thousand lines per
 * search; not a template miner.
 */

/** Lines are cut here before masking. */
const lineLengthMax = 2_000

const masks: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(Z|[+-]\d\d:?\d\d)?/g, '<time>'],
  [/\b\d\d:\d\d:\d\d[.,\d]*/g, '<time>'],
  [/\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g, '<address>'],
  [/\b0x[0-9a-f]+\b/gi, '<hex>'],
  [/\b(?=[a-z]*\d)(?=\d*[a-f])[0-9a-f]{6,}\b/gi, '<hex>'],
  [/"(?:[^"\\]|\\.)*"/g, '<text>'],
  [/'[^']*'/g, '<text>'],
  // An identifier such as tok_00a1 or order-77: letters, then a part with digits.
  [/\b[a-z]+[_-][\w-]*\d[\w-]*/gi, '<id>'],
  [/\d+(\.\d+)?/g, '<n>'],
]

/** The pattern of `line`. */
export function maskLine(line: string): string {
  let text = messageOfLine(line.slice(0, lineLengthMax))
  for (const [pattern, word] of masks) text = text.replace(pattern, word)
  return text.replace(/\s+/g, ' ').trim()
}

/** The longest plain stretch of the pattern, for a line filter; empty when too short to mean anything. */
export function plainPartOf(pattern: string): string {
  const parts = pattern.split(/<\w+>/).map((part) => part.trim())
  const longest = parts.reduce((best, part) => (part.length > best.length ? part : best), '')
  return longest.length >= 6 ? longest : ''
}

const messageKeys = ['msg', 'message', 'event', 'error', 'err']

/** The message inside a structured line; the line itself when it is not structured. */
function messageOfLine(line: string): string {
  const trimmed = line.trim()
  if (trimmed.startsWith('{') && trimmed.endsWith('}')) {
    try {
      const fields = new Map(Object.entries(JSON.parse(trimmed) as Record<string, unknown>))
      for (const key of messageKeys) {
        const value = fields.get(key)
        if (typeof value === 'string' && value !== '') return value
      }
    } catch {
      return trimmed
    }
    return trimmed
  }
  for (const key of messageKeys) {
    const match = new RegExp(`(?:^|\\s)${key}=("((?:[^"\\\\]|\\\\.)*)"|\\S+)`).exec(trimmed)
    if (match !== null) return match[2] ?? match[1] ?? trimmed
  }
  return trimmed
}
