/**
 * Rules on the form of single files: names, header comments, calls that only base/ may make, colours
 * and words of the web UI, Markdown titles, and what no tracked text may name. Sizes of files and
 * functions are advice (STYLE.md), so there is no rule for them here.
 */

import { posix } from 'node:path'
import { isTest, type Problem, type Project } from './project.ts'
import { makeLineFinder } from './source.ts'

/** Names that say nothing of what is inside. */
const emptyNames = new Set([
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'misc',
  'shared',
  'types',
  'index',
])

/** Files are kebab-case, components PascalCase, and no name is empty of meaning. */
export function findNameProblems(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const path of project.sources.keys()) {
    const file = posix.basename(path)
    const stem = file.replace(/\.(?:(?:test|fuzz|types|d|config|module)\.)?(?:ts|tsx|mjs)$/, '')
    const isFree = path.startsWith('web/word/')
    const exports = project.sources.get(path)?.exports ?? []
    const component = stem.replace(/(?:^|-)([a-z])/g, (_part, letter: string) =>
      letter.toUpperCase(),
    )
    const isPascal = file.endsWith('.tsx') && /^[A-Z][A-Za-z0-9]*$/.test(stem)
    if (
      file.endsWith('.tsx') &&
      stem !== component &&
      exports.some((it) => it.name === component)
    ) {
      problems.push({ path, line: 1, message: `holds ${component}; name it ${component}.tsx.` })
    } else if (!isFree && !isPascal && !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem)) {
      const message = 'is not named in kebab-case after its main export; rename it.'
      problems.push({ path, line: 1, message })
    }
    for (const part of [...posix.dirname(path).split('/'), stem]) {
      if (!emptyNames.has(part)) continue
      const message = `is called "${part}", which says nothing; name it after what it does.`
      problems.push({ path, line: 1, message })
    }
  }
  return problems
}

/** Calls that would escape from the clock, the seed or the limits that tests and operators set. */
const bannedCalls: readonly [RegExp, string][] = [
  [/(?<![\w.$])Date\.now\s*\(/g, 'Date.now; take a Clock (base/clock.ts)'],
  [/(?<![\w.$])new\s+Date\s*(?:\(\s*\)|(?![\w\s(]))/g, 'new Date(); take a Clock (base/clock.ts)'],
  [/(?<![\w.$])Math\.random\b/g, 'Math.random; take a Random (base/random.ts)'],
  [/(?<![\w.$#])(?:globalThis\.)?setTimeout\s*\(/g, 'setTimeout; use Clock.after or Clock.sleep'],
  [/(?<![\w.$#])(?:globalThis\.)?setInterval\s*\(/g, 'setInterval; use Clock.after'],
  [/(?<![\w.$#])(?:globalThis\.)?fetch\s*\(/g, 'fetch; use base/http-client.ts, which has limits'],
]

/** Time, randomness and outgoing HTTP come from base/ only, in the code of the server. */
export function findBannedCalls(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const source of project.sources.values()) {
    const { path } = source
    if (!path.startsWith('src/') || path.startsWith('src/base/') || isTest(path)) continue
    const lineAt = makeLineFinder(source.text)
    for (const [pattern, instead] of bannedCalls) {
      for (const match of source.code.matchAll(pattern)) {
        const message = `calls ${instead}.`
        problems.push({ path, line: lineAt(match.index), message })
      }
    }
    for (const use of source.imports) {
      // setImmediate lets others have their turn and measures no time.
      if (use.names.every((name) => name === 'setImmediate')) continue
      if (!/^(node:)?timers(\/promises)?$/.test(use.specifier)) continue
      problems.push({ path, line: use.line, message: 'imports timers; take a Clock instead.' })
    }
  }
  return problems
}

/** Every file of code, save tests, opens with a comment on what it is and why. */
export function findHeaderProblems(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const { path, text } of project.sources.values()) {
    if (isTest(path) && !path.startsWith('test/')) continue
    if (/\.test\.tsx?$/.test(path)) continue
    if (/^(#!.*\n)?\/\*\*\s[\s\S]*?\w/.test(text)) continue
    const message = 'does not open with a comment that says what it is and why it exists.'
    problems.push({ path, line: 1, message })
  }
  return problems
}

/** Every export of the server has a comment of its own. */
export function findCommentProblems(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const source of project.sources.values()) {
    if (!source.path.startsWith('src/') || isTest(source.path)) continue
    const lines = source.text.split('\n')
    for (const item of source.exports) {
      const line = lines[item.line - 1] ?? ''
      if (/^export\s*(type\s*)?[{*]/.test(line)) continue
      const before = lines
        .slice(0, item.line - 1)
        .reverse()
        .find((other) => !/^\s*(\/\/ biome-ignore.*)?$/.test(other))
      if (before !== undefined && /\*\/\s*$/.test(before)) continue
      const message = `exports ${item.name} without a comment; say in one sentence what it is.`
      problems.push({ path: source.path, line: item.line, message })
    }
  }
  return problems
}

/** Work that is left to do stands in an issue, not in the code. */
export function findLeftovers(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const source of project.sources.values()) {
    for (const comment of source.comments) {
      const word = /\b(TODO|FIXME|XXX|HACK)\b/.exec(comment.text)?.[1]
      if (word === undefined) continue
      const message = `has a ${word}; do it, or open an issue and say here what holds today.`
      problems.push({ path: source.path, line: comment.line, message })
    }
  }
  return problems
}

const colourInString =
  /^#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch)\(/i
const colourInCss =
  /#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch)\(|:\s*(?:white|black|red|green|blue|grey|gray|orange|yellow)\b/gi

/** Colours stand in web/token/tokens.css and nowhere else. */
export function findColourProblems(project: Project): Problem[] {
  const problems: Problem[] = []
  const add = (path: string, line: number, colour: string): void => {
    const message = `names the colour ${colour}; use a token of web/token/tokens.css.`
    problems.push({ path, line, message })
  }
  for (const [path, text] of project.texts) {
    if (!path.startsWith('web/') || path === 'web/token/tokens.css' || isTest(path)) continue
    const source = project.sources.get(path)
    if (source !== undefined) {
      for (const { text: value, line } of source.strings) {
        if (colourInString.test(value)) add(path, line, value.slice(0, 40))
      }
    } else if (/\.(css|html)$/.test(path)) {
      const lineAt = makeLineFinder(text)
      const bare = text.replace(/\/\*[\s\S]*?\*\/|<!--[\s\S]*?-->/g, (part) =>
        part.replace(/[^\n]/g, ' '),
      )
      for (const match of bare.matchAll(colourInCss)) add(path, lineAt(match.index), match[0])
    }
  }
  return problems
}

/** Words that people read come from web/word/, so that every language has them. */
export function findLooseWords(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const source of project.sources.values()) {
    if (!/^web\/.*\.tsx$/.test(source.path) || isTest(source.path)) continue
    const lineAt = makeLineFinder(source.text)
    const add = (at: number, words: string): void => {
      const message = `has the words "${words.trim()}"; put them into web/word/ in every language.`
      problems.push({ path: source.path, line: lineAt(at), message })
    }
    for (const match of source.code.matchAll(/>([^<>{}]*[A-Za-z]{2}[^<>{}]*)<\//g)) {
      // The product's own name is the same in every language.
      const isWords = !/=>|[;=()]/.test(match[1]!) && match[1]!.trim() !== 'Shipwatch'
      if (isWords) add(match.index, match[1]!)
    }
    const attribute = /\b(?:aria-label|title|placeholder|label|alt|description)=(["'])/g
    for (const match of source.code.matchAll(attribute)) {
      const start = match.index + match[0].length
      const value = source.text.slice(start, source.text.indexOf(match[1]!, start))
      if (/[A-Za-z]{2}/.test(value)) add(match.index, value)
    }
  }
  return problems
}

/** One title per page. */
export function findTitleProblems(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const [path, text] of project.texts) {
    if (!path.endsWith('.md')) continue
    const prose = text.replace(/^```[\s\S]*?^```/gm, '')
    const titles = prose.match(/^# .+/gm) ?? []
    if (titles.length === 1) continue
    const message = `has ${titles.length} titles ("# …"); a page has one.`
    problems.push({ path, line: 1, message })
  }
  return problems
}

/** Places that exist on the machine of one author only, and hosts that a clone need not reach. */
const foreignPlaces: readonly [RegExp, string][] = [
  [/\/(?:work|root)\/\w|\/tmp\/brief|\.\.\/shared\/|\/\.library\b/, 'a place on one machine'],
  [/https?:\/\/registry\.|https?:\/\/[\w.-]*(?:artifactory|verdaccio|nexus)\b/, 'a registry host'],
  [/"resolved":\s*"http/, 'a registry host'],
]

/** No text names a path of the machine that wrote it, or a package registry. */
export function findForeignPlaces(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const [path, text] of project.texts) {
    const lines = text.split('\n')
    for (const [pattern, what] of foreignPlaces) {
      const index = lines.findIndex((line) => pattern.test(line))
      if (index < 0) continue
      const found = pattern.exec(lines[index]!)![0]
      const message = `names ${what} ("${found}"); a clone elsewhere does not have it.`
      problems.push({ path, line: index + 1, message })
    }
  }
  return problems
}
