/**
 * Rules on who may import whom: floors, doors, circles, packages, and what nobody imports. `import
 * type` counts as any import. The floors are those of ARCHITECTURE.md; the folders of packages are
 * those of the table in STYLE.md, so that a table and a rule cannot disagree.
 */

import { posix } from 'node:path'
import {
  isProduct,
  isTest,
  packageOf,
  type Problem,
  type Project,
  resolveImport,
} from './project.ts'
import type { Source } from './source.ts'

/** Floor of each folder of src/; imports run down only. */
export const floors: Readonly<Record<string, number>> = {
  base: 0,
  model: 1,
  config: 1,
  prepare: 2,
  store: 2,
  oncall: 2,
  api: 2,
  collect: 3,
  query: 3,
  notify: 3,
  detect: 4,
  alert: 4,
  incident: 5,
  deliver: 6,
  server: 7,
  app: 8,
  cli: 9,
}

/**
 * Folders whose every file may be imported. `app` is one because its door loads every part of the
 * product, and a command such as `version` must not wait for that.
 */
const openFolders = new Set(['base', 'model', 'api', 'config', 'app'])
/** Files of a stage that app/ joins from all stages. */
const joinedFiles = new Set(['settings.ts', 'errors.ts', 'metrics.ts'])

/** The folder of a file of src/, `main.ts` for the entry, undefined elsewhere. */
function stageOf(path: string): string | undefined {
  return /^src\/([^/]+)/.exec(path)?.[1]
}

/** Calls `visit` for each import of one file of the repository by another. */
function eachImport(
  project: Project,
  visit: (from: Source, to: string, use: Source['imports'][number]) => void,
): void {
  for (const source of project.sources.values()) {
    for (const use of source.imports) {
      const to = resolveImport(project, source.path, use.specifier)
      if (to !== undefined) visit(source, to, use)
    }
  }
}

/** Imports run down only and never sideways; the product does not import tests, src/ not web/. */
export function findFloorProblems(project: Project): Problem[] {
  const problems: Problem[] = []
  for (const path of project.sources.keys()) {
    const stage = stageOf(path)
    if (stage === undefined || stage.endsWith('.ts') || floors[stage] !== undefined) continue
    problems.push({
      path,
      line: 1,
      message: `src/${stage}/ has no floor; give it one in test/tidy/imports.ts and ARCHITECTURE.md.`,
    })
  }
  eachImport(project, (from, to, use) => {
    const at = { path: from.path, line: use.line }
    if (isProduct(from.path) && !isProduct(to)) {
      const message = `The product imports ${to}; move what it needs into src/ or web/.`
      problems.push({ ...at, message })
      return
    }
    if (from.path.startsWith('web/') && to.startsWith('src/') && !/^src\/(api|model)\//.test(to)) {
      const message = `web/ imports ${to}; of src/ it may import only api/ and model/.`
      problems.push({ ...at, message })
    }
    if (from.path.startsWith('src/') && to.startsWith('web/')) {
      problems.push({ ...at, message: `src/ imports ${to}; the server never imports the web UI.` })
    }
    const upper = stageOf(from.path)
    const lower = stageOf(to)
    if (upper === undefined || lower === undefined || upper === lower || upper === 'main.ts') return
    const upperFloor = floors[upper] ?? 0
    const lowerFloor = floors[lower] ?? Number.POSITIVE_INFINITY
    if (lowerFloor < upperFloor) return
    const way = lowerFloor === upperFloor ? 'sideways' : 'up'
    problems.push({
      ...at,
      message:
        `${upper} (floor ${upperFloor}) imports ${way}: ${to} (floor ${lowerFloor}). ` +
        'Take a port from model/flow.ts in the constructor and let app/ connect the two.',
    })
  })
  return problems
}

/** From outside, a stage is imported through the file that bears its name. */
export function findDoorProblems(project: Project): Problem[] {
  const problems: Problem[] = []
  eachImport(project, (from, to, use) => {
    const folder = stageOf(to)
    if (folder === undefined || folder.endsWith('.ts') || openFolders.has(folder)) return
    const user = stageOf(from.path)
    if (user === folder || to === `src/${folder}/${folder}.ts`) return
    if (user === 'app' && to === `src/${folder}/${posix.basename(to)}`) {
      if (joinedFiles.has(posix.basename(to))) return
    }
    // Tests make settings of their own from the described ones.
    if (isTest(from.path) && to === `src/${folder}/settings.ts`) return
    problems.push({
      path: from.path,
      line: use.line,
      message: `imports ${to} past the door; import it from src/${folder}/${folder}.ts, or export it there.`,
    })
  })
  return problems
}

/** No file reaches itself through imports. */
export function findCircles(project: Project): Problem[] {
  const edges = new Map<string, string[]>()
  eachImport(project, (from, to) => {
    edges.set(from.path, [...(edges.get(from.path) ?? []), to])
  })
  const state = new Map<string, 'open' | 'done'>()
  const problems: Problem[] = []
  const visit = (path: string, trail: string[]): void => {
    state.set(path, 'open')
    for (const next of edges.get(path) ?? []) {
      if (state.get(next) === 'open') {
        const circle = [...trail.slice(trail.indexOf(next)), next].join(' -> ')
        const message = `stands in a circle: ${circle}. Move what both need below them.`
        problems.push({ path, line: 1, message })
      } else if (state.get(next) === undefined) visit(next, [...trail, next])
    }
    state.set(path, 'done')
  }
  for (const path of [...edges.keys()].sort()) {
    if (state.get(path) === undefined) visit(path, [path])
  }
  return problems
}

/** One row of the table of dependencies in STYLE.md. */
interface PackageRow {
  folders: string[]
  isComplete: boolean
  line: number
}

/** Rows of the table under the heading "Dependencies", by package. */
function readPackageTable(style: string): Map<string, PackageRow> {
  const rows = new Map<string, PackageRow>()
  const lines = style.split('\n')
  const heading = lines.findIndex((line) => /^## .*dependencies/i.test(line))
  for (const [index, line] of lines.entries()) {
    if (heading < 0 || index <= heading || !line.startsWith('| `')) continue
    const cells = line.split('|').map((cell) => cell.trim())
    const name = /^`([^`]+)`$/.exec(cells[1] ?? '')?.[1]
    if (name === undefined) continue
    const folders = [...(cells[2] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1]!)
    const isComplete = cells.length >= 8 && cells.slice(2, 7).every((cell) => cell !== '')
    rows.set(name, { folders, isComplete, line: index + 1 })
  }
  return rows
}

/**
 * Each package of package.json has a complete row in STYLE.md and is imported only from the folders
 * named there; `tests` as a folder means files of tests, wherever they are.
 */
export function findPackageProblems(project: Project): Problem[] {
  const rows = readPackageTable(project.texts.get('STYLE.md') ?? '')
  const manifest = JSON.parse(project.texts.get('package.json') ?? '{}') as {
    dependencies?: Record<string, string>
    devDependencies?: Record<string, string>
  }
  const declared = new Set(
    Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).sort(),
  )
  const problems: Problem[] = []
  for (const name of declared) {
    if (rows.has(name)) continue
    const message = `${name} has no row in the dependency table of STYLE.md; write why it is here.`
    problems.push({ path: 'package.json', line: 1, message })
  }
  for (const [name, row] of rows) {
    const at = { path: 'STYLE.md', line: row.line }
    if (!declared.has(name)) {
      problems.push({ ...at, message: `${name} is not in package.json; remove the row.` })
    } else if (!row.isComplete) {
      const message = `${name} needs folder, reason, size, licence and replacement in its row.`
      problems.push({ ...at, message })
    }
  }
  const used = new Set<string>()
  for (const source of project.sources.values()) {
    for (const use of source.imports) {
      const name = packageOf(use.specifier)
      if (name === undefined) continue
      used.add(name)
      const at = { path: source.path, line: use.line }
      const folders = rows.get(name)?.folders ?? []
      if (!declared.has(name)) {
        problems.push({ ...at, message: `imports ${name}, which package.json does not name.` })
      } else if (rows.has(name) && !folders.some((folder) => isInFolder(source.path, folder))) {
        const where = folders.join(' or ') || 'nowhere'
        const message = `imports ${name}, which lives in ${where} (STYLE.md); use that folder's door.`
        problems.push({ ...at, message })
      }
    }
  }
  for (const [name, row] of rows) {
    if (!declared.has(name) || row.folders.length === 0 || used.has(name)) continue
    const message = `${name} is imported nowhere; remove it from package.json and from this table.`
    problems.push({ path: 'STYLE.md', line: row.line, message })
  }
  return problems
}

function isInFolder(path: string, folder: string): boolean {
  return folder === 'tests' ? isTest(path) : path === folder || path.startsWith(folder)
}

/** Files that somebody starts, rather than imports. */
function isRoot(path: string): boolean {
  if (path === 'src/main.ts' || path === 'web/main.tsx' || path === 'web/vite.config.ts')
    return true
  return /^(scripts|bench|examples)\//.test(path) || path.endsWith('.d.ts')
}

/** Every file that a start reaches; a string that names a file (of a worker, of a child) counts. */
function findReached(project: Project, isStart: (path: string) => boolean): Set<string> {
  const reached = new Set<string>()
  const queue = [...project.sources.keys()].filter(isStart)
  for (const path of queue) {
    if (reached.has(path)) continue
    reached.add(path)
    const source = project.sources.get(path)
    if (source === undefined) continue
    for (const use of source.imports) {
      const to = resolveImport(project, path, use.specifier)
      if (to !== undefined) queue.push(to)
    }
    for (const { text } of source.strings) {
      if (!/\.(ts|tsx|mjs)$/.test(text) || text.includes('*')) continue
      const beside = posix.join(posix.dirname(path), text)
      queue.push(...[beside, text].filter((name) => project.sources.has(name)))
    }
  }
  return reached
}

/** Every file of code is reached from something that is started; product files not by tests alone. */
export function findDeadFiles(project: Project): Problem[] {
  const started = findReached(project, isRoot)
  const tested = findReached(project, (path) => isRoot(path) || /\.test\.tsx?$/.test(path))
  const problems: Problem[] = []
  for (const path of project.sources.keys()) {
    if (isProduct(path) && !started.has(path)) {
      const message = tested.has(path)
        ? 'is used by its tests only; use it in the product or delete both.'
        : 'is reached from nothing that is started; use it or delete it.'
      problems.push({ path, line: 1, message })
    } else if (!tested.has(path)) {
      problems.push({ path, line: 1, message: 'is used by no test and no program; delete it.' })
    }
  }
  return problems
}

/**
 * Every export is imported somewhere. Exempt: files that are started, the class and the types of a
 * door, and types that an export of the same file speaks of.
 */
export function findDeadExports(project: Project): Problem[] {
  const used = new Map<string, Set<string>>()
  eachImport(project, (_from, to, use) => {
    const names = used.get(to) ?? new Set()
    used.set(to, names)
    for (const name of use.names) names.add(name)
  })
  const problems: Problem[] = []
  for (const source of project.sources.values()) {
    if (isRoot(source.path) || /\.test\.tsx?$/.test(source.path)) continue
    const names = used.get(source.path) ?? new Set()
    if (names.has('*')) continue
    const folder = posix.basename(posix.dirname(source.path))
    const isDoor = posix.basename(source.path) === `${folder}.ts`
    for (const item of source.exports) {
      if (names.has(item.name)) continue
      if (item.kind !== 'value' && isDoor) continue
      if (
        item.kind === 'type' &&
        item.from === undefined &&
        countWord(source.code, item.name) > 1
      ) {
        continue
      }
      const message = `exports ${item.name}, which nobody imports; remove the word export, or the thing.`
      problems.push({ path: source.path, line: item.line, message })
    }
  }
  return problems
}

function countWord(code: string, word: string): number {
  return code.split(new RegExp(`(?<![\\w$])${word.replaceAll('$', '\\$')}(?![\\w$])`)).length - 1
}
