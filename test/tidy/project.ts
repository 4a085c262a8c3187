/**
 * All files of the repository as the rules see them: read from disk, or made from a few lines of text
 * by the tests of the rules. Paths are relative to the root and use slashes.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { readSource, type Source } from './source.ts'

/** One breach of a rule: where, what is wrong, and what to do. */
export interface Problem {
  path: string
  line: number
  message: string
}

/** The repository: every text, and every file of code read. */
export interface Project {
  texts: ReadonlyMap<string, string>
  /** Files that are no text, such as images. */
  otherPaths: ReadonlySet<string>
  sources: ReadonlyMap<string, Source>
}

/** Folders that are not ours to judge: made by tools or by running the product. */
const foreignFolders = new Set(['node_modules', '.git', '.cache', 'data', 'web/dist'])
const textFile = /\.(ts|tsx|mjs|css|html|md|json|ya?ml|sh|test|txt)$|^LICENSE$|^\.ci\/run$/
const codeFile = /\.(ts|tsx|mjs)$/

/** Makes a project of texts by path. */
export function makeProject(
  texts: Iterable<[string, string]>,
  otherPaths: Iterable<string> = [],
): Project {
  const all = new Map(texts)
  const sources = new Map<string, Source>()
  for (const [path, text] of all) {
    if (codeFile.test(path)) sources.set(path, readSource(path, text))
  }
  return { texts: all, otherPaths: new Set(otherPaths), sources }
}

/** Reads the repository at `root`. */
export function readProject(root: string): Project {
  const texts: [string, string][] = []
  const others: string[] = []
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!foreignFolders.has(path) && entry.name !== 'node_modules') visit(path)
      } else if (textFile.test(path)) {
        texts.push([path, readFileSync(join(root, path), 'utf8')])
      } else others.push(path)
    }
  }
  visit('')
  return makeProject(texts, others)
}

/** The file that a relative specifier names, or undefined when it is a package or absent. */
export function resolveImport(
  project: Project,
  from: string,
  specifier: string,
): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const path = posix.join(posix.dirname(from), specifier.replace(/\?.*$/, ''))
  return [path, `${path}.ts`, `${path}.tsx`].find((name) => project.texts.has(name))
}

/** The package that a specifier names, or undefined for relative ones and Node's own. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]
}

/** Tests and what only tests use. */
export function isTest(path: string): boolean {
  return (
    /(\.(test|fuzz|types)|-contract)\.tsx?$/.test(path) ||
    path.startsWith('test/') ||
    path.includes('/testdata/')
  )
}

/** What the product consists of: server and web UI without their tests. */
export function isProduct(path: string): boolean {
  return /^(src|web)\//.test(path) && !isTest(path)
}
