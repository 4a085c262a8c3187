/**
 * Documents and code agree, in both directions: the reference pages are what the code declares, all
 * that is declared is described, and what pages name exists. First the rules are shown to refuse.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadDeclarations, renderReference } from '../scripts/docs.ts'
import { configSchema } from '../src/app/settings.ts'
import { listErrors, messageOf } from '../src/base/error.ts'
import { listMetrics } from '../src/base/metrics.ts'
import { commands } from '../src/cli/cli.ts'
import { checkConfig, parseYaml } from '../src/config/config.ts'
import { describeSettings } from '../src/config/schema.ts'
import {
  findBrokenLinks,
  findConfigExamples,
  findMissingPaths,
  findUnknownCommands,
  findUnknownNames,
} from './tidy/documents.ts'
import { makeProject, type Problem, readProject } from './tidy/project.ts'

describe('a rule on documents refuses', () => {
  function check(found: Problem[], ...expected: RegExp[]): void {
    assert.equal(found.length, expected.length, JSON.stringify(found))
    for (const [index, pattern] of expected.entries()) assert.match(found[index]!.message, pattern)
  }
  const page = (text: string) =>
    makeProject([
      ['docs/a.md', text],
      ['docs/b.md', '# B\n\n## Second part\n'],
      ['src/main.ts', ''],
      ['package.json', '{"scripts":{"demo":"x","test":"x"}}'],
    ])

  test('a link that leads nowhere', () => {
    check(findBrokenLinks(page('[b](b.md) [c](c.md)')), /links to c\.md/)
    check(findBrokenLinks(page('[b](b.md#second-part) [c](b.md#third)')), /no such heading/)
    check(findBrokenLinks(page('[far](https://example.com/x)\n```\n[c](c.md)\n```')))
  })

  test('a path that does not exist', () => {
    check(findMissingPaths(page('`src/main.ts` and `src/other.ts`')), /src\/other\.ts/)
    check(findMissingPaths(page('`store/gone.ts` and `x/gone.ts`')), /store\/gone\.ts/)
    check(findMissingPaths(page('`src/<stage>/errors.ts`, `src/*.ts`, `src/`')))
  })

  test('a command that does not exist', () => {
    const find = (text: string) => findUnknownCommands(page(text), ['check config', 'query'])
    check(find('`npm run demo`, `npm test`, `npm run nothing`'), /npm run nothing/)
    check(find('```sh\nshipwatch query up\nshipwatch check config\nshipwatch fly\n```'), /"fly"/)
  })

  test('a code or a metric that nobody declares', () => {
    const known = { codes: ['STORE_FULL'], metrics: ['shipwatch_store_journal_bytes'] }
    check(findUnknownNames(page('`STORE_FULL` `STORE_EMPTY` `OTHER_THING`'), known), /STORE_EMPTY/)
    const text = '`shipwatch_store_journal_bytes` `shipwatch_store_nothing` `shipwatch_store_*`'
    check(findUnknownNames(page(text), known), /shipwatch_store_nothing/)
  })
})

describe('in this repository', async () => {
  const project = readProject(join(import.meta.dirname, '..'))
  await loadDeclarations()
  const tell = (problems: Problem[]): void => {
    const lines = problems.map((found) => `${found.path}:${found.line}: ${found.message}`)
    assert.ok(lines.length === 0, `${lines.length} found:\n${lines.join('\n')}`)
  }

  test('the reference pages are what the code declares', async () => {
    for (const [path, text] of await renderReference()) {
      assert.ok(project.texts.get(path) === text, `${path} is out of date; run: npm run docs`)
    }
  })

  test('every setting is described by a sentence', () => {
    const rows = describeSettings(configSchema)
    assert.ok(rows.length > 50, `only ${rows.length} settings found`)
    const bare = rows.filter((row) => !/^\S.*[.)]$/.test(row.description))
    assert.deepEqual(
      bare,
      [],
      'describe each in its settings.ts with a sentence that ends in a stop',
    )
  })

  test('every error says what happened and what to do, under a code of its folder', () => {
    const rows = listErrors()
    assert.ok(rows.length > 10, `only ${rows.length} codes found`)
    for (const row of rows) {
      assert.match(row.code, /^[A-Z]+(_[A-Z0-9]+)+$/)
      assert.ok(row.template.length > 0, `${row.code} has no message`)
      assert.match(row.hint, /\S/, `${row.code} has no hint; write what to do, or "none"`)
      assert.ok(row.status >= 400 && row.status < 600, `${row.code} has status ${row.status}`)
    }
    const codes = new Map<string, string>()
    for (const source of project.sources.values()) {
      if (!source.path.startsWith('src/') || source.path.endsWith('.test.ts')) continue
      for (const match of source.text.matchAll(/\berrorTable\(\s*'([A-Z]+)'/g)) {
        const other = codes.get(match[1]!)
        assert.equal(
          other,
          undefined,
          `${source.path} and ${other} both declare ${match[1]}_ codes`,
        )
        codes.set(match[1]!, source.path)
      }
    }
  })

  test('every metric has a name of our form and a sentence', () => {
    const rows = listMetrics()
    assert.ok(rows.length > 10, `only ${rows.length} metrics found`)
    for (const row of rows) {
      assert.match(row.name, /^shipwatch_[a-z]+(_[a-z0-9]+)+$/)
      assert.equal(
        row.name.endsWith('_total'),
        row.type === 'counter',
        `${row.name} is a ${row.type}`,
      )
      assert.match(row.help, /\S\.$/, `${row.name} needs a sentence that ends in a stop`)
    }
    assert.equal(new Set(rows.map((row) => row.name)).size, rows.length)
  })

  test('links lead somewhere', () => tell(findBrokenLinks(project)))

  test('paths exist', () => tell(findMissingPaths(project)))

  test('commands exist', () => {
    tell(
      findUnknownCommands(
        project,
        commands.map((command) => command.name),
      ),
    )
  })

  test('codes and metrics exist', () => {
    const known = {
      codes: listErrors().map((row) => row.code),
      metrics: listMetrics().map((row) => row.name),
    }
    tell(findUnknownNames(project, known))
  })

  test('examples of the configuration are accepted', () => {
    const examples = findConfigExamples(project)
    assert.ok(examples.length > 0, 'no block of YAML begins with "# shipwatch.yml"')
    for (const example of examples) {
      try {
        checkConfig(parseYaml(example.yaml, `${example.path}:${example.line}`), configSchema)
      } catch (thrown) {
        assert.fail(messageOf(thrown))
      }
    }
  })
})
