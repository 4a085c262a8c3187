/**
 * Rules on documents: what they link to, the paths, commands, codes and metrics that they name exist.
 * A path or name with `<…>`, `*` or `…` in it is a pattern for the reader and is not looked up.
 */

import { posix } from 'node:path'
import { floors } from './imports.ts'
import type { Problem, Project } from './project.ts'

/** Calls `visit` for every line of every page; `isCode` inside a fenced block. */
function eachLine(
  project: Project,
  visit: (at: { path: string; line: number }, text: string, isCode: boolean) => void,
): void {
  for (const [path, text] of project.texts) {
    if (!path.endsWith('.md')) continue
    let isCode = false
    for (const [index, line] of text.split('\n').entries()) {
      if (/^\s*```/.test(line)) isCode = !isCode
      else visit({ path, line: index + 1 }, line, isCode)
    }
  }
}

function exists(project: Project, path: string): boolean {
  const bare = path.replace(/\/$/, '')
  if (project.texts.has(bare) || project.otherPaths.has(bare)) return true
  return [...project.texts.keys()].some((name) => name.startsWith(`${bare}/`))
}

/** The address of a heading, as code hosts make it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[`*]/g, '')
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')
}

/** Links between pages lead somewhere, also to headings. */
export function findBrokenLinks(project: Project): Problem[] {
  const problems: Problem[] = []
  eachLine(project, (at, text, isCode) => {
    if (isCode) return
    for (const match of text.matchAll(/\]\(([^()\s]+)\)/g)) {
      const [target = '', anchor] = match[1]!.split('#')
      if (/^[a-z]+:/.test(target)) continue
      const path = target === '' ? at.path : posix.join(posix.dirname(at.path), target)
      if (!exists(project, path)) {
        problems.push({ ...at, message: `links to ${match[1]}, which does not exist.` })
      } else if (anchor !== undefined && path.endsWith('.md')) {
        const headings = project.texts.get(path)?.matchAll(/^#+ (.+)$/gm) ?? []
        if ([...headings].some((heading) => anchorOf(heading[1]!) === anchor)) continue
        problems.push({ ...at, message: `links to ${match[1]}, but there is no such heading.` })
      }
    }
  })
  return problems
}

/** Paths of the repository that are named as code exist. */
export function findMissingPaths(project: Project): Problem[] {
  const problems: Problem[] = []
  const inRepository = /^(?:src|web|test|bench|scripts|examples|docs|\.ci)\/[^\s]*$/
  // Stages are named without src/ where that is plain.
  const inStage = new RegExp(`^(?:${Object.keys(floors).join('|')})/[a-z-/]+\\.ts$`)
  eachLine(project, (at, text, isCode) => {
    if (isCode) return
    for (const match of text.matchAll(/`([^`]+)`/g)) {
      const path = match[1]!.replace(/:\d+$/, '')
      const isInStage = inStage.test(path)
      if (!(isInStage || inRepository.test(path)) || /[<>*…{]|\.\.\./.test(path)) continue
      // Made by building, so absent in a fresh clone.
      if (path.startsWith('web/dist')) continue
      if (exists(project, isInStage ? `src/${path}` : path)) continue
      problems.push({ ...at, message: `names \`${path}\`, which does not exist.` })
    }
  })
  return problems
}

/** npm scripts and commands of Shipwatch that are named exist. */
export function findUnknownCommands(project: Project, commands: readonly string[]): Problem[] {
  const problems: Problem[] = []
  const manifest = JSON.parse(project.texts.get('package.json') ?? '{}') as {
    scripts?: Record<string, string>
  }
  const scripts = new Set(Object.keys(manifest.scripts ?? {}))
  eachLine(project, (at, text, isCode) => {
    const pieces = isCode ? [text] : [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)
    for (const piece of pieces) {
      for (const match of piece.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)) {
        const isRun = match[0].startsWith('npm run ')
        const name = match[1]!
        if (isRun ? scripts.has(name) : !['test', 'start'].includes(name) || scripts.has(name))
          continue
        problems.push({ ...at, message: `names "${match[0]}", which package.json does not have.` })
      }
      const call = /(?:^\s*(?:\$ )?shipwatch|npm run shipwatch --) ([a-z]+(?: [a-z]+)?)/.exec(piece)
      if (call === null) continue
      const known = commands.some((name) => call[1] === name || call[1]!.startsWith(`${name} `))
      if (!known && !commands.some((name) => name.startsWith(`${call[1]} `))) {
        problems.push({ ...at, message: `names the command "${call[1]}", which does not exist.` })
      }
    }
  })
  return problems
}

/** Codes of errors and names of our metrics that are named exist. */
export function findUnknownNames(
  project: Project,
  known: { codes: readonly string[]; metrics: readonly string[] },
): Problem[] {
  const problems: Problem[] = []
  const codes = new Set(known.codes)
  const prefixes = new Set(known.codes.map((code) => code.split('_')[0]))
  const metrics = new Set(known.metrics)
  eachLine(project, (at, text) => {
    for (const match of text.matchAll(/(?<![\w{])([A-Z]+)_[A-Z][A-Z_]*[A-Z](?![\w*<])/g)) {
      if (!prefixes.has(match[1]!) || codes.has(match[0])) continue
      problems.push({ ...at, message: `names the code ${match[0]}, which is in no table.` })
    }
    for (const match of text.matchAll(/(?<![\w/.-])shipwatch_[a-z]+_[a-z_]*[a-z](?![\w*<])/g)) {
      const name = match[0].replace(/_(?:bucket|sum|count)$/, '')
      if (/^shipwatch_(?:process|nodejs)_/.test(name)) continue
      if (metrics.has(name) || metrics.has(match[0])) continue
      problems.push({ ...at, message: `names the metric ${match[0]}, which nobody declares.` })
    }
  })
  return problems
}

/** The blocks of YAML in documents that say in their first line that they are a shipwatch.yml. */
export function findConfigExamples(
  project: Project,
): { path: string; line: number; yaml: string }[] {
  const examples: { path: string; line: number; yaml: string }[] = []
  for (const [path, text] of project.texts) {
    if (!path.endsWith('.md')) continue
    for (const match of text.matchAll(/^```yaml\n(# shipwatch\.yml[\s\S]*?)^```/gm)) {
      const line = text.slice(0, match.index).split('\n').length + 1
      examples.push({ path, line, yaml: match[1]! })
    }
  }
  return examples
}
