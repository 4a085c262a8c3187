/**
 * The form of the code itself: first each rule is shown to refuse a small bad input and to accept its
 * good twin, then the repository has to pass all of them.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import {
  findBannedCalls,
  findColourProblems,
  findCommentProblems,
  findForeignPlaces,
  findHeaderProblems,
  findLeftovers,
  findLooseWords,
  findNameProblems,
  findTitleProblems,
} from './tidy/form.ts'
import {
  findCircles,
  findDeadExports,
  findDeadFiles,
  findDoorProblems,
  findFloorProblems,
  findPackageProblems,
} from './tidy/imports.ts'
import { makeProject, type Problem, type Project, readProject } from './tidy/project.ts'
import { readSource } from './tidy/source.ts'

type Rule = (project: Project) => Problem[]
type Texts = Record<string, string>

/** The rule finds exactly these: one pattern for each problem, over `path: message`. */
function check(rule: Rule, texts: Texts, ...expected: RegExp[]): void {
  const found = rule(makeProject(Object.entries(texts))).map(
    (problem) => `${problem.path}:${problem.line}: ${problem.message}`,
  )
  assert.equal(found.length, expected.length, `found ${JSON.stringify(found, null, 1)}`)
  for (const [index, pattern] of expected.entries()) assert.match(found[index]!, pattern)
}

describe('the scanner', () => {
  const namesOf = (text: string): string[] =>
    readSource('a.ts', text).imports.flatMap((use) => use.names.map((name) => name))

  test('reads every form of import', () => {
    assert.deepEqual(namesOf("import { a, type B, c as d } from './x.ts'"), ['a', 'B', 'c'])
    assert.deepEqual(namesOf("import type { A } from './x.ts'"), ['A'])
    assert.deepEqual(namesOf("import e, { f } from './x.ts'"), ['f', 'default'])
    assert.deepEqual(namesOf("import * as all from './x.ts'"), ['*'])
    assert.deepEqual(namesOf("export { a as b } from './x.ts'"), ['a'])
    assert.deepEqual(namesOf("export * from './x.ts'"), ['*'])
    assert.deepEqual(namesOf("const x = await import('./x.ts')"), ['*'])
    assert.deepEqual(namesOf("import {\n  a,\n  b,\n} from './x.ts'"), ['a', 'b'])
    const bare = readSource('a.ts', "import './x.css'\nexport const a = 1").imports
    assert.deepEqual(bare, [{ specifier: './x.css', names: [], line: 1 }])
  })

  test('takes no import from comments, strings, templates or regular expressions', () => {
    assert.deepEqual(namesOf("// import { a } from './x.ts'"), [])
    assert.deepEqual(namesOf("/* import { a }\n from './x.ts' */"), [])
    assert.deepEqual(namesOf('const t = `import { a } from "./x.ts"`'), [])
    assert.deepEqual(namesOf('const r = /import { a } from "x"/'), [])
    assert.deepEqual(namesOf("const r = /['\"]/\nimport { a } from './x.ts'"), ['a'])
    assert.deepEqual(namesOf("const r = a / b / c\nimport { d } from './x.ts'"), ['d'])
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    assert.deepEqual(namesOf("const t = `${f(`}`)}'`\nimport { a } from './x.ts'"), ['a'])
  })

  test('reads every form of export', () => {
    const exportsOf = (text: string): string[] =>
      readSource('a.ts', text).exports.map((item) => `${item.kind} ${item.name}`)
    assert.deepEqual(exportsOf('export const a = 1'), ['value a'])
    assert.deepEqual(exportsOf('export const { a, b: c } = f()'), ['value a', 'value c'])
    assert.deepEqual(exportsOf('export async function* run() {}'), ['value run'])
    assert.deepEqual(exportsOf('export abstract class A {}'), ['class A'])
    assert.deepEqual(exportsOf('export interface A {}\nexport type B = A'), ['type A', 'type B'])
    assert.deepEqual(exportsOf('export { a as b, type C }'), ['value b', 'type C'])
    assert.deepEqual(exportsOf("export type { A } from './x.ts'"), ['type A'])
    assert.deepEqual(exportsOf('export default function f() {}'), ['value default'])
  })
})

describe('a rule refuses', () => {
  test('an import up, sideways, from a test, or between server and web', () => {
    const store = {
      'src/store/store.ts': '',
      'src/query/query.ts': '',
      'src/collect/collect.ts': '',
    }
    const up = { ...store, 'src/store/a.ts': "import { x } from '../query/query.ts'" }
    check(findFloorProblems, up, /store \(floor 2\) imports up/)
    const side = { ...store, 'src/query/a.ts': "import type { X } from '../collect/collect.ts'" }
    check(findFloorProblems, side, /imports sideways/)
    const down = { ...store, 'src/query/a.ts': "import { x } from '../store/store.ts'" }
    check(findFloorProblems, down)
    const test = { 'test/support/a.ts': '', 'src/query/a.ts': "import '../../test/support/a.ts'" }
    check(findFloorProblems, test, /product imports test\/support\/a\.ts/)
    const web = {
      'web/a.ts': "import '../src/store/b.ts'",
      'src/store/b.ts': "import '../../web/a.ts'",
    }
    check(findFloorProblems, web, /web\/ imports/, /never imports the web UI/)
    check(findFloorProblems, { 'src/thing/a.ts': '' }, /src\/thing\/ has no floor/)
  })

  test('an import past the door', () => {
    const stages = {
      'src/alert/alert.ts': '',
      'src/alert/group.ts': '',
      'src/alert/settings.ts': '',
    }
    const past = "import { x } from '../alert/group.ts'"
    check(findDoorProblems, { ...stages, 'src/server/a.ts': past }, /past the door/)
    check(findDoorProblems, { ...stages, 'src/alert/a.ts': "import './group.ts'" })
    check(findDoorProblems, { ...stages, 'src/server/a.ts': "import '../alert/alert.ts'" })
    check(findDoorProblems, { ...stages, 'src/app/a.ts': "import '../alert/settings.ts'" })
    const joined = { ...stages, 'src/server/a.ts': "import '../alert/settings.ts'" }
    check(findDoorProblems, joined, /past the door/)
  })

  test('a circle, also one of types', () => {
    const circle = {
      'src/base/a.ts': "import { b } from './b.ts'",
      'src/base/b.ts': "import { c } from './c.ts'",
      'src/base/c.ts': "import type { a } from './a.ts'",
    }
    check(
      findCircles,
      circle,
      /src\/base\/a\.ts -> src\/base\/b\.ts -> src\/base\/c\.ts -> src\/base\/a\.ts/,
    )
    check(findCircles, { ...circle, 'src/base/c.ts': '' })
  })

  test('a package outside its folder, without a row, or without use', () => {
    const row = '| `pino` | `src/base/` | logs | 1 MB | MIT | our own |'
    const style = `# Style\n\n## 5. Dependencies\n\n${row}\n`
    const manifest = '{"dependencies":{"pino":"1"}}'
    const good = { 'package.json': manifest, 'STYLE.md': style, 'src/base/a.ts': "import 'pino'" }
    check(findPackageProblems, good)
    const elsewhere = { ...good, 'src/alert/b.ts': "import { pino } from 'pino'" }
    check(findPackageProblems, elsewhere, /imports pino, which lives in src\/base\//)
    check(findPackageProblems, { ...good, 'STYLE.md': '# Style' }, /pino has no row/)
    check(findPackageProblems, { ...good, 'src/base/a.ts': '' }, /pino is imported nowhere/)
    check(
      findPackageProblems,
      { ...good, 'src/base/b.ts': "import x from 'other/sub'" },
      /imports other, which package\.json does not name/,
    )
    const thin = style.replace('| logs ', '| ')
    check(findPackageProblems, { ...good, 'STYLE.md': thin }, /needs folder, reason/)
    const gone = { ...good, 'package.json': '{"dependencies":{}}' }
    check(findPackageProblems, gone, /is not in package\.json/, /package\.json does not name/)
  })

  test('a dead file, and a product file that only its test uses', () => {
    const texts = {
      'src/main.ts': "import './cli/a.ts'",
      'src/cli/a.ts': "new Worker(new URL('./worker.ts', import.meta.url))",
      'src/cli/worker.ts': '',
      'src/cli/b.ts': '',
      'src/cli/b.test.ts': "import './b.ts'",
      'src/cli/c.ts': '',
      'test/support/d.ts': '',
    }
    check(findDeadFiles, texts, /b\.ts:1: is used by its tests only/, /c\.ts/, /d\.ts/)
  })

  test('a dead export', () => {
    const texts = {
      'src/base/a.ts':
        'export const used = 1\nexport const idle = 2\nexport interface Shape {}\n' +
        'export type Lone = 1\nexport function make(): Shape {}\n',
      'src/base/b.test.ts': "import { used, make } from './a.ts'",
      'src/alert/alert.ts': 'export class AlertDesk {}\nexport function spare() {}',
    }
    check(findDeadExports, texts, /a\.ts:2: exports idle/, /a\.ts:4: exports Lone/, /exports spare/)
  })

  test('a name that says nothing or has another form', () => {
    check(findNameProblems, { 'src/base/utils.ts': '' }, /called "utils"/)
    check(findNameProblems, { 'src/shared/a.ts': '' }, /called "shared"/)
    check(findNameProblems, { 'src/base/index.ts': '' }, /called "index"/)
    check(findNameProblems, { 'src/base/httpClient.ts': '' }, /not named in kebab-case/)
    const small = { 'web/kit/time-chart.tsx': 'export function TimeChart() {}' }
    check(findNameProblems, small, /name it TimeChart\.tsx/)
    check(findNameProblems, { 'src/base/http-client.test.ts': '', 'web/kit/Button.tsx': '' })
  })

  test('time, randomness, timers and HTTP outside of base/', () => {
    const find = (line: string, ...expected: RegExp[]): void =>
      check(findBannedCalls, { 'src/alert/a.ts': line }, ...expected)
    find('const a = Date.now()', /calls Date\.now/)
    find('const a = new Date()', /calls new Date\(\)/)
    find('const a = new Date(timeMs)')
    find('const a = Math.random()', /Math\.random/)
    find('setTimeout(run, 5)', /setTimeout/)
    find('globalThis.setInterval(run, 5)', /setInterval/)
    find('await fetch(url)', /calls fetch/)
    find('this.pool.fetch(url)')
    find("// Date.now() is not ours\nconst a = 'Date.now()'")
    find("import { setTimeout } from 'node:timers/promises'", /imports timers/)
    find("import { setImmediate } from 'node:timers/promises'")
    check(findBannedCalls, { 'src/base/clock.ts': 'Date.now()', 'src/a/a.test.ts': 'Date.now()' })
  })

  test('a file without a header and an export without a comment', () => {
    check(findHeaderProblems, { 'src/base/a.ts': 'export const a = 1' }, /does not open with/)
    check(findHeaderProblems, { 'src/base/a.ts': '/** What and why. */\nexport const a = 1' })
    const bare = '/** Header. */\n\nconst b = 1\nexport const a = 1'
    check(findCommentProblems, { 'src/base/a.ts': bare }, /exports a without a comment/)
    const said = '/** Header. */\n\n/** One. */\nexport const a = 1\nexport { b } from "./b.ts"'
    check(findCommentProblems, { 'src/base/a.ts': said })
  })

  test('work left to do in a comment', () => {
    const word = ['TO', 'DO'].join('')
    check(findLeftovers, { 'src/base/a.ts': `// ${word}: later` }, /do it, or open an issue/)
    check(findLeftovers, { 'src/base/a.ts': `const a = '${word}'` })
  })

  test('a colour outside of the tokens', () => {
    check(findColourProblems, { 'web/kit/A.tsx': "const a = '#fff'" }, /colour #fff/)
    check(findColourProblems, { 'web/kit/A.tsx': "const a = 'rgb(0 0 0)'" }, /colour rgb/)
    check(findColourProblems, { 'web/kit/a.css': 'a { color: #12345678 }' }, /#12345678/)
    check(findColourProblems, { 'web/kit/a.css': 'a { color: red }' }, /red/)
    check(findColourProblems, {
      'web/token/tokens.css': 'a { color: #fff }',
      'web/kit/A.tsx': "class A { #abc = 'var(--text)' } // #fff",
      'web/kit/a.css': '#head { color: var(--text) } /* #fff */',
    })
  })

  test('words in a component', () => {
    check(findLooseWords, { 'web/page/A.tsx': 'const a = <p>Hello there</p>' }, /Hello there/)
    check(findLooseWords, { 'web/page/A.tsx': '<input placeholder="Name" />' }, /"Name"/)
    check(findLooseWords, { 'web/page/A.tsx': '<p title={word.name}>{word.hello} · 5</p>' })
  })

  test('a page without a title or with two', () => {
    check(findTitleProblems, { 'docs/a.md': 'text' }, /has 0 titles/)
    check(findTitleProblems, { 'docs/a.md': '# A\n\n# B\n' }, /has 2 titles/)
    check(findTitleProblems, { 'docs/a.md': '# A\n\n```sh\n# not a title\n```\n' })
  })

  test('a place on one machine or a registry host', () => {
    check(findForeignPlaces, { 'docs/a.md': `see /${'work'}/main` }, /a place on one machine/)
    check(findForeignPlaces, { 'a.json': `{"resolved": "${'http'}://x"}` }, /a registry host/)
    check(findForeignPlaces, { 'docs/a.md': 'work in src/ and see docs/' })
  })
})

describe('in this repository', () => {
  const project = readProject(join(import.meta.dirname, '..'))
  const rules: readonly [string, Rule][] = [
    ['imports run down only, never sideways', findFloorProblems],
    ['folders are entered through their door', findDoorProblems],
    ['no file stands in a circle of imports', findCircles],
    ['each package lives in one folder, for a reason that is written down', findPackageProblems],
    ['no file is dead', findDeadFiles],
    ['no export is dead', findDeadExports],
    ['names say what is inside', findNameProblems],
    ['only base/ reads the clock, rolls dice, sets timers and calls out', findBannedCalls],
    ['every file opens with what it is', findHeaderProblems],
    ['every export of the server has its sentence', findCommentProblems],
    ['nothing is left to do in comments', findLeftovers],
    ['colours come from the tokens', findColourProblems],
    ['words come from the dictionaries', findLooseWords],
    ['every page has one title', findTitleProblems],
    ['nothing names the machine it was written on', findForeignPlaces],
  ]
  for (const [name, rule] of rules) {
    test(name, () => {
      const lines = rule(project).map((found) => `${found.path}:${found.line}: ${found.message}`)
      assert.ok(lines.length === 0, `${lines.length} found:\n${lines.sort().join('\n')}`)
    })
  }
})
