/** Labels as they are typed, `severity="page" team=shop`: read with the part that is wrong, and written. */

/** What was read; `fault` is the first part that is no label. */
export interface ReadLabels {
  labels: Record<string, string>
  fault: string | undefined
}

const part = /^[\s,]*([^\s=,"{}]+|"(?:[^"\\]|\\.)*")\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"}]*)/

/** Reads labels apart by spaces or commas, in braces or without. */
export function readLabelText(text: string): ReadLabels {
  const pairs: [string, string][] = []
  let rest = text.trim().replace(/^\{/, '').replace(/\}$/, '').trim()
  while (rest !== '') {
    const match = part.exec(rest)
    if (!match) return { labels: Object.fromEntries(pairs), fault: rest }
    pairs.push([unquote(match[1]!), unquote(match[2]!)])
    rest = rest.slice(match[0].length).replace(/^[\s,]+/, '')
  }
  return { labels: Object.fromEntries(pairs), fault: undefined }
}

/** Writes labels as they can be read again. */
export function writeLabelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ')
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text
  try {
    return String(JSON.parse(text))
  } catch {
    return text.slice(1, -1)
  }
}
