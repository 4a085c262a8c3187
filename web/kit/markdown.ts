/**
 * The Markdown of post-mortems as a tree: headings, paragraphs, lists, quotes, code, tables, rules, and
 * inside them strong, emphasis, code and links. A subset of CommonMark 0.31 with the tables of GitHub;
 * raw HTML is text, and only http, https and own addresses become links, so nothing can be injected.
 */

/** A piece of a line. */
export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'strong' | 'em'; children: Inline[] }
  | { kind: 'link'; address: string; children: Inline[] }

/** A block of the page. */
export type Block =
  | { kind: 'heading'; level: number; children: Inline[] }
  | { kind: 'paragraph'; children: Inline[] }
  | { kind: 'list'; isOrdered: boolean; items: Block[][] }
  | { kind: 'quote'; children: Block[] }
  | { kind: 'code'; text: string }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'rule' }

/** Nesting beyond this is shown as text, so that hostile input cannot exhaust the stack. */
const depthMax = 8

/** Reads a text into blocks. */
export function parseMarkdown(text: string): Block[] {
  return parseBlocks(text.replaceAll('\r\n', '\n').split('\n'), 0)
}

function parseBlocks(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = []
  let index = 0
  while (index < lines.length) {
    const line = lines[index]!
    if (line.trim() === '') {
      index += 1
      continue
    }
    const [block, next] = readBlock(lines, index, depth)
    blocks.push(block)
    index = next
  }
  return blocks
}

function readBlock(lines: readonly string[], at: number, depth: number): [Block, number] {
  const line = lines[at]!
  const fence = /^ {0,3}(```+|~~~+)/.exec(line)
  if (fence) return readCode(lines, at, fence[1]!)
  const heading = /^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$/.exec(line)
  if (heading) {
    return [
      { kind: 'heading', level: heading[1]!.length, children: parseInline(heading[2]!, 0) },
      at + 1,
    ]
  }
  if (/^ {0,3}([-*_])(\s*\1){2,}\s*$/.test(line)) return [{ kind: 'rule' }, at + 1]
  if (/^ {0,3}>/.test(line) && depth < depthMax) return readQuote(lines, at, depth)
  if (listMark(line) && depth < depthMax) return readList(lines, at, depth)
  if (isTableAt(lines, at)) return readTable(lines, at)
  return readParagraph(lines, at)
}

function readCode(lines: readonly string[], at: number, fence: string): [Block, number] {
  let end = at + 1
  while (end < lines.length && !lines[end]!.trim().startsWith(fence)) end += 1
  return [{ kind: 'code', text: lines.slice(at + 1, end).join('\n') }, end + 1]
}

function readQuote(lines: readonly string[], at: number, depth: number): [Block, number] {
  let end = at
  while (end < lines.length && /^ {0,3}>/.test(lines[end]!)) end += 1
  const inner = lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, ''))
  return [{ kind: 'quote', children: parseBlocks(inner, depth + 1) }, end]
}

function listMark(line: string): { indent: number; width: number; isOrdered: boolean } | undefined {
  const match = /^( {0,7})([-*+]|\d{1,9}[.)])(\s+)\S/.exec(line)
  if (!match) return undefined
  return {
    indent: match[1]!.length,
    width: match[1]!.length + match[2]!.length + Math.min(match[3]!.length, 4),
    isOrdered: /\d/.test(match[2]!),
  }
}

function readList(lines: readonly string[], at: number, depth: number): [Block, number] {
  const first = listMark(lines[at]!)!
  const items: string[][] = []
  let index = at
  while (index < lines.length) {
    const line = lines[index]!
    const mark = listMark(line)
    if (mark && mark.indent <= first.indent + 1 && mark.isOrdered === first.isOrdered) {
      items.push([readTask(line.slice(mark.width))])
    } else if (line.trim() === '') {
      const after = lines[index + 1]
      const isOver = after === undefined || (!/^\s{2,}\S/.test(after) && !listMark(after))
      if (isOver) break
      items.at(-1)!.push('')
    } else if (/^\s{2,}/.test(line)) {
      items.at(-1)!.push(line.slice(Math.min(first.width, line.search(/\S/))))
    } else if (mark || isBlockStart(line)) {
      break
    } else {
      items.at(-1)!.push(line)
    }
    index += 1
  }
  const block: Block = {
    kind: 'list',
    isOrdered: first.isOrdered,
    items: items.map((item) => parseBlocks(item, depth + 1)),
  }
  return [block, index]
}

/** A task of a list as its box. */
function readTask(text: string): string {
  const match = /^\[([ xX])\] (.*)$/s.exec(text)
  return match ? `${match[1] === ' ' ? '☐' : '☑'} ${match[2]}` : text
}

function splitCells(line: string): string[] {
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '')
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'))
}

function isTableAt(lines: readonly string[], at: number): boolean {
  const rule = lines[at + 1]
  return (
    lines[at]!.includes('|') &&
    rule !== undefined &&
    /^\s*\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?)?\s*$/.test(rule)
  )
}

function readTable(lines: readonly string[], at: number): [Block, number] {
  const head = splitCells(lines[at]!).map((cell) => parseInline(cell, 0))
  const rows: Inline[][][] = []
  let index = at + 2
  while (index < lines.length && lines[index]!.includes('|')) {
    rows.push(splitCells(lines[index]!).map((cell) => parseInline(cell, 0)))
    index += 1
  }
  return [{ kind: 'table', head, rows }, index]
}

function isBlockStart(line: string): boolean {
  return /^ {0,3}(#{1,6}\s|```|~~~|>)/.test(line)
}

function readParagraph(lines: readonly string[], at: number): [Block, number] {
  let end = at + 1
  while (end < lines.length) {
    const line = lines[end]!
    if (line.trim() === '' || isBlockStart(line) || listMark(line)) break
    end += 1
  }
  const text = lines
    .slice(at, end)
    .map((line) => line.trim())
    .join(' ')
  return [{ kind: 'paragraph', children: parseInline(text, 0) }, end]
}

const inlinePattern =
  /\\([\\`*_[\]()#+\-.!|<>])|(`+)(.+?)\2(?!`)|\*\*(?=\S)(.+?)(?<=\S)\*\*|\*(?=\S)([^*]+?)(?<=\S)\*|(?<![\p{L}\p{N}_])_(?=\S)([^_]+?)(?<=\S)_(?![\p{L}\p{N}_])|\[([^\]]*)\]\(([^()\s]*)\)|(https?:\/\/[^\s<>()"'`]+[^\s<>()"'`.,;:!?])/u

/** Reads the pieces of a line. */
export function parseInline(text: string, depth = 0): Inline[] {
  const out: Inline[] = []
  let rest = text
  while (rest !== '') {
    const match = depth < depthMax ? inlinePattern.exec(rest) : null
    if (!match) {
      pushText(out, rest)
      break
    }
    pushText(out, rest.slice(0, match.index))
    const [whole, escaped, , code, strong, star, underscore, label, address, bare] = match
    if (escaped !== undefined) pushText(out, escaped)
    else if (code !== undefined) out.push({ kind: 'code', text: code.trim() })
    else if (strong !== undefined) {
      out.push({ kind: 'strong', children: parseInline(strong, depth + 1) })
    } else if (star !== undefined || underscore !== undefined) {
      out.push({ kind: 'em', children: parseInline((star ?? underscore)!, depth + 1) })
    } else if (bare !== undefined) {
      out.push({ kind: 'link', address: bare, children: [{ kind: 'text', text: bare }] })
    } else if (isSafeAddress(address!)) {
      out.push({ kind: 'link', address: address!, children: parseInline(label!, depth + 1) })
    } else pushText(out, whole)
    rest = rest.slice(match.index + whole.length)
  }
  return out
}

/** Only web addresses and addresses of this UI; `javascript:`, `data:`, `//host` are text. */
export function isSafeAddress(address: string): boolean {
  return /^https?:\/\/[^\s]+$/i.test(address) || /^\/(?![/\\])[^\s\\]*$/.test(address)
}

function pushText(out: Inline[], text: string): void {
  if (text === '') return
  const last = out.at(-1)
  if (last?.kind === 'text') last.text += text
  else out.push({ kind: 'text', text })
}
