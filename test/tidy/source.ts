/**
 * Reads a TypeScript file just far enough to judge its form: what it imports and exports, its
 * comments and strings, and its code with both blanked out. A hand-written scanner, because TypeScript
 * 7 has no stable interface for programs and the rules need no types. It knows comments, strings,
 * templates with expressions inside, and regular expressions (told from division by what stands
 * before); JSX text is read as code. Every position is that of the original text.
 */

/** One `import`, `export … from` or `import()`; `names` are those taken, `*` is everything. */
export interface ImportUse {
  specifier: string
  names: string[]
  line: number
}

/** One exported name; `isType` for interfaces and type aliases, `from` when passed on. */
export interface ExportedName {
  name: string
  kind: 'value' | 'class' | 'type'
  from: string | undefined
  line: number
}

/** A piece of the text with its line. */
export interface Piece {
  text: string
  line: number
}

/** A file as the rules see it. `code` has the length of the text, with comments and strings blank. */
export interface Source {
  path: string
  text: string
  code: string
  comments: Piece[]
  strings: Piece[]
  imports: ImportUse[]
  exports: ExportedName[]
}

/** Reads one file. */
export function readSource(path: string, text: string): Source {
  const scan = scanText(text)
  const lineAt = makeLineFinder(text)
  const locate = (spans: Span[]): Piece[] =>
    spans.map((span) => ({ text: text.slice(span.start, span.end), line: lineAt(span.start) }))
  const reader = { code: scan.code, strings: scan.strings, text, lineAt }
  return {
    path,
    text,
    code: scan.code,
    comments: locate(scan.comments),
    strings: locate(scan.strings),
    imports: findImports(reader),
    exports: findExports(reader),
  }
}

/** Finds the line, from 1, of a position. */
export function makeLineFinder(text: string): (position: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (position) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (starts[middle]! <= position) low = middle
      else high = middle
    }
    return low + 1
  }
}

interface Span {
  start: number
  end: number
}

const wordBeforeRegExp =
  /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|await|yield|else|do)\s*$/

/** Blanks comments, strings and regular expressions; quotes stay, so that statements keep their form. */
function scanText(text: string): { code: string; comments: Span[]; strings: Span[] } {
  const out = text.split('')
  const comments: Span[] = []
  const strings: Span[] = []
  /** Depth of braces at which each open template expression ends. */
  const templates: number[] = []
  let depth = 0
  let lastCode = ''
  const blank = (start: number, end: number): void => {
    for (let at = start; at < end; at++) if (out[at] !== '\n') out[at] = ' '
  }
  const endOfTemplatePart = (start: number): number => {
    let at = start
    while (at < text.length && text[at] !== '`') {
      if (text[at] === '\\') at++
      else if (text[at] === '$' && text[at + 1] === '{') return at
      at++
    }
    return at
  }
  let at = 0
  const readTemplatePart = (start: number): void => {
    const end = endOfTemplatePart(start)
    strings.push({ start, end })
    blank(start, end)
    if (text[end] === '$') {
      templates.push(depth++)
      at = end + 2
    } else at = end + 1
    lastCode = '`'
  }
  while (at < text.length) {
    const char = text[at]!
    const next = text[at + 1]
    if (char === '/' && (next === '/' || next === '*')) {
      const found = next === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at + 2) + 2
      const end = found < at + 2 ? text.length : found
      comments.push({ start: at, end })
      blank(at, end)
      at = end
    } else if (char === "'" || char === '"') {
      let end = at + 1
      while (end < text.length && text[end] !== char && text[end] !== '\n') {
        end += text[end] === '\\' ? 2 : 1
      }
      strings.push({ start: at + 1, end })
      blank(at + 1, end)
      at = end + 1
      lastCode = char
    } else if (char === '`') readTemplatePart(at + 1)
    else if (char === '}' && templates.at(-1) === depth - 1) {
      templates.pop()
      depth--
      readTemplatePart(at + 1)
    } else if (char === '/' && isRegExpStart(out, at, lastCode)) {
      const end = endOfRegExp(text, at + 1)
      blank(at + 1, end)
      at = end + 1
      lastCode = '/'
    } else {
      if (char === '{') depth++
      else if (char === '}') depth--
      if (!/\s/.test(char)) lastCode = char
      at++
    }
  }
  return { code: out.join(''), comments, strings }
}

function isRegExpStart(out: string[], at: number, lastCode: string): boolean {
  if (lastCode === '') return true
  if ('(,=:[!&|?{;+-*%>~^'.includes(lastCode)) return true
  return /\w/.test(lastCode) && wordBeforeRegExp.test(out.slice(Math.max(0, at - 12), at).join(''))
}

function endOfRegExp(text: string, start: number): number {
  let isInClass = false
  let at = start
  while (at < text.length && text[at] !== '\n') {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '[') isInClass = true
    else if (char === ']') isInClass = false
    else if (char === '/' && !isInClass) return at
    at++
  }
  return at
}

interface Reader {
  code: string
  strings: Span[]
  text: string
  lineAt: (position: number) => number
}

/** The text of the string whose opening quote stands at `quote`. */
function stringAt(reader: Reader, quote: number): string {
  const span = reader.strings.find((string) => string.start === quote + 1)
  return span === undefined ? '' : reader.text.slice(span.start, span.end)
}

function findImports(reader: Reader): ImportUse[] {
  const uses: ImportUse[] = []
  const add = (match: RegExpExecArray, names: string[]): void => {
    const quote = match.index + match[0].length - 1
    uses.push({ specifier: stringAt(reader, quote), names, line: reader.lineAt(match.index) })
  }
  const statement = /(?<![\w$.])(import|export)\b\s*(?:type\b\s*)?([\w$*{}\s,]*?)\bfrom\s*['"]/g
  for (const match of reader.code.matchAll(statement)) add(match, namesIn(match[2]!, match[1]!))
  for (const match of reader.code.matchAll(/(?<![\w$.])import\s*['"]/g)) add(match, [])
  for (const match of reader.code.matchAll(/(?<![\w$.])import\s*\(\s*['"]/g)) add(match, ['*'])
  return uses
}

/** Names taken by the clause of an import, as the other file calls them. */
function namesIn(clause: string, keyword: string): string[] {
  if (clause.includes('*')) return ['*']
  const names: string[] = []
  const braces = /\{([^}]*)\}/.exec(clause)
  for (const part of braces?.[1]?.split(',') ?? []) {
    const name = /^\s*(?:type\s+)?([\w$]+)/.exec(part)?.[1]
    if (name !== undefined) names.push(name)
  }
  const before = clause
    .replace(/\{[^}]*\}/, '')
    .replace(',', '')
    .trim()
  if (before !== '' && keyword === 'import') names.push('default')
  return names
}

function findExports(reader: Reader): ExportedName[] {
  const found: ExportedName[] = []
  const { code, lineAt } = reader
  const declaration =
    /(?<![\w$.])export\s+(?:declare\s+)?(default\b|(?:async\s+)?function\b\s*\*?|abstract\s+class\b|class\b|const\b|let\b|interface\b|type\b)\s*([\w$]+|\{[^}]*\}(?=\s*=))?/g
  for (const match of code.matchAll(declaration)) {
    const keyword = match[1]!
    const line = lineAt(match.index)
    if (keyword === 'default') found.push({ name: 'default', kind: 'value', from: undefined, line })
    else if (match[2] !== undefined && !(keyword === 'type' && match[2].startsWith('{'))) {
      const kind = kindOf(keyword)
      const names = match[2].startsWith('{') ? localNames(match[2]) : [match[2]]
      for (const name of names) found.push({ name, kind, from: undefined, line })
    }
  }
  const list = /(?<![\w$.])export\s*(type\b\s*)?\{([^}]*)\}(\s*from\s*['"])?/g
  for (const match of code.matchAll(list)) {
    const from =
      match[3] === undefined ? undefined : stringAt(reader, match.index + match[0].length - 1)
    for (const part of match[2]!.split(',')) {
      const name = /([\w$]+)\s*$/.exec(part)?.[1]
      const isType = match[1] !== undefined || /^\s*type\s/.test(part)
      const kind = isType ? 'type' : 'value'
      if (name !== undefined) found.push({ name, kind, from, line: lineAt(match.index) })
    }
  }
  return found
}

function kindOf(keyword: string): ExportedName['kind'] {
  if (keyword.endsWith('class')) return 'class'
  return keyword === 'interface' || keyword === 'type' ? 'type' : 'value'
}

/** The names that a destructuring pattern declares. */
function localNames(pattern: string): string[] {
  return pattern
    .slice(1, -1)
    .split(',')
    .map((part) => /([\w$]+)\s*$/.exec(part.split('=')[0]!)?.[1])
    .filter((name) => name !== undefined)
}
