/**
 * Reads YAML and checks it against a schema. Every mistake is reported at once, each with file,
 * line, column, the text of the line, and what to write instead. Knows nothing of what settings mean.
 */

import { readFileSync } from 'node:fs'
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  stringify,
} from 'yaml'
import { messageOf } from '../base/error.ts'
import { configErrors } from './errors.ts'
import { mendScalars, type WrittenScalar } from './mend-scalars.ts'
import type { z } from './schema.ts'

/** Mistakes that are told; one wrong indentation may make thousands. */
const shownCountMax = 50
/** Characters of a line that are shown with its mistake. */
const lineLengthMax = 200

/** One mistake and its place. `line` and `column` count from 1; 0 when the place is unknown. */
export interface ConfigProblem {
  file: string
  line: number
  column: number
  /** For example `scrape_configs[0].scrape_interval`. */
  path: string
  message: string
  lineText: string
}

/** Finds where a path of keys and indexes stands in the text. */
export type Locate = (path: readonly PropertyKey[]) => { line: number; column: number }

/** A parsed file: plain values, and where each stands. */
export interface ParsedYaml {
  value: unknown
  file: string
  text: string
  locate: Locate
  /** The plain scalar at a path, as it is written. */
  findScalar?: (path: readonly PropertyKey[]) => WrittenScalar | undefined
  /** Keys without a value, and the mappings that they were taken out of. */
  emptyKeys?: readonly EmptyKey[]
}

interface EmptyKey {
  from: object
  name: string
}

/** Reads a file; throws `CONFIG_FILE_UNREADABLE`. */
export function readConfigFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    throw configErrors.FILE_UNREADABLE({ path, reason: messageOf(thrown) }, thrown)
  }
}

/** Parses YAML; throws `CONFIG_INVALID` with every syntax error. An empty text is an empty mapping. */
export function parseYaml(text: string, file: string): ParsedYaml {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    uniqueKeys: true,
    // `<<: *name`, which people know from Prometheus and Alertmanager.
    merge: true,
    maxAliasCount: 100,
  } as object)
  const problems: ConfigProblem[] = document.errors.map((error) => {
    const { line, col } = lineCounter.linePos(error.pos[0])
    return {
      file,
      line,
      column: col,
      path: '',
      message: sayPlainly(error.message),
      lineText: lineOf(text, line),
    }
  })
  if (problems.length > 0) throw makeConfigError(problems)
  const locate: Locate = (path) => {
    let node: unknown = document.contents
    let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
    for (const key of path) {
      if (isMap(node)) {
        const pair = node.items.find(
          (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
        )
        if (pair === undefined) break
        if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
        node = pair.value
      } else {
        const child = (node as { items?: unknown[] } | null)?.items?.[Number(key)]
        if (child === undefined) break
        node = child
        if (isNode(node)) offset = node.range?.[0] ?? offset
      }
    }
    const { line, col } = lineCounter.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
    const emptyKeys: EmptyKey[] = []
    dropNulls(value, emptyKeys)
    const findScalar = (path: readonly PropertyKey[]) => findWritten(document, path)
    return { value, file, text, locate, findScalar, emptyKeys }
  } catch (thrown) {
    const message = sayPlainly(messageOf(thrown))
    throw makeConfigError([
      { file, line: 1, column: 1, path: '', message, lineText: lineOf(text, 1) },
    ])
  }
}

/** Mappings in which a key without a value is a mistake: a condition must not vanish. */
const conditionKey = /(?:^|_)match(?:_re)?$/

/**
 * `rule_files:` with nothing but comments below, as Prometheus's own example has it, means the same as
 * no such key.
 */
function dropNulls(
  value: unknown,
  emptyKeys: EmptyKey[],
  key = '',
  seen = new Set<unknown>(),
): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  for (const [name, inner] of Object.entries(value)) {
    if (inner !== null) dropNulls(inner, emptyKeys, name, seen)
    else if (!Array.isArray(value) && !conditionKey.test(key)) {
      Reflect.deleteProperty(value, name)
      emptyKeys.push({ from: value, name })
    }
  }
}

/** The scalar that stands at a path, without quotes; `undefined` when there is none. */
function findWritten(
  document: Document.Parsed,
  path: readonly PropertyKey[],
): WrittenScalar | undefined {
  let node: unknown = document.contents
  for (const key of path) node = findChild(node, key, document)
  node = isAlias(node) ? node.resolve(document) : node
  if (!isScalar(node) || node.type !== 'PLAIN' || node.source === undefined) return undefined
  return { value: node.value, source: node.source }
}

/** What stands below a node, also where the node is an alias or takes keys from another mapping. */
function findChild(node: unknown, key: PropertyKey, document: Document.Parsed): unknown {
  const real = isAlias(node) ? node.resolve(document) : node
  if (isSeq(real)) return real.items[Number(key)]
  if (!isMap(real)) return undefined
  const own = real.items.find(({ key: name }) => isScalar(name) && name.source === String(key))
  if (own !== undefined) return own.value
  for (const { key: name, value } of real.items) {
    if (!isScalar(name) || name.source !== '<<') continue
    const sources = isSeq(value) ? value.items : [value]
    for (const source of sources) {
      const found = findChild(source, key, document)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** The parser's own words where they speak of its code instead of the file. */
function sayPlainly(message: string): string {
  if (/call stack|stack overflow/i.test(message)) return 'this is nested too deeply'
  if (message.includes('multiple documents')) return 'a second document begins; leave only one'
  if (message.includes('alias count')) return 'aliases (*name) repeat too much'
  return message
}

/** Plain values as YAML. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 })
}

/**
 * Checks parsed YAML against a schema; throws `CONFIG_INVALID` with every mistake. A scalar is what the
 * schema asks for, as in Prometheus and Alertmanager: `1.10` as a text is "1.10"; not so in JSON.
 */
export function checkConfig<Schema extends z.ZodType>(
  parsed: ParsedYaml,
  schema: Schema,
  options: { isJson?: boolean } = {},
): z.output<Schema> {
  let result = schema.safeParse(parsed.value)
  while (!result.success && options.isJson !== true && mendScalars(parsed, result.error.issues))
    result = schema.safeParse(parsed.value)
  const issues = result.success ? findUnknownEmpty(parsed, schema) : result.error.issues
  if (result.success && issues.length === 0) return result.data
  throw makeConfigError(issues.flatMap((issue) => problemsOf(issue, parsed)))
}

/** Keys that are no settings and have no value: they were out of the way when the rest was checked. */
function findUnknownEmpty(parsed: ParsedYaml, schema: z.ZodType): z.core.$ZodIssue[] {
  const { emptyKeys = [] } = parsed
  if (emptyKeys.length === 0) return []
  for (const { from, name } of emptyKeys) Reflect.set(from, name, undefined)
  const result = schema.safeParse(parsed.value)
  for (const { from, name } of emptyKeys) Reflect.deleteProperty(from, name)
  return (result.error?.issues ?? []).filter(({ code }) => code === 'unrecognized_keys')
}

/** One mistake found after the schema, with its place; throw with `makeConfigError`. */
export function problemAt(
  parsed: ParsedYaml,
  path: readonly PropertyKey[],
  message: string,
): ConfigProblem {
  const { line, column } = parsed.locate(path)
  return {
    file: parsed.file,
    line,
    column,
    path: formatPath(path),
    message,
    lineText: lineOf(parsed.text, line),
  }
}

/** The error that carries all problems; `facts.problems` has them as data. */
export function makeConfigError(problems: ConfigProblem[]): Error {
  const more = problems.length - shownCountMax
  const texts = problems.slice(0, shownCountMax).map(formatProblem)
  if (more > 0) texts.push(`… and ${more} more mistakes`)
  const error = configErrors.INVALID({
    text: texts.join('\n'),
    count: problems.length,
    problems,
  } as { text: string; count: number })
  return error
}

/** `file:line:column: path: message` and the line itself. */
function formatProblem(problem: ConfigProblem): string {
  const path = problem.path === '' ? '' : `${problem.path}: `
  const shown = problem.lineText.trim()
  const cut = shown.length > lineLengthMax ? `${shown.slice(0, lineLengthMax)}…` : shown
  const line = cut === '' ? '' : `\n    ${cut}`
  return `${problem.file}:${problem.line}:${problem.column}: ${path}${problem.message}${line}`
}

function problemsOf(issue: z.core.$ZodIssue, parsed: ParsedYaml): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      problemAt(
        parsed,
        [...issue.path, key],
        `"${key}" is not a setting here; remove it or correct its spelling`,
      ),
    )
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The alternative that got furthest is the one that was meant.
    const best = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a))[0]!
    if (depthOf(best) > 0) {
      return best.flatMap((inner) =>
        problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, parsed),
      )
    }
  }
  return [problemAt(parsed, issue.path, issue.message)]
}

function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length))
}

function formatPath(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path)
    text += typeof part === 'number' ? `[${part}]` : `${text === '' ? '' : '.'}${String(part)}`
  return text
}

function lineOf(text: string, line: number): string {
  return text.split('\n', line)[line - 1] ?? ''
}
