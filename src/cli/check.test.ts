import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from './cli.ts'

/** Runs a command over files with these texts; file names in the words are replaced by their paths. */
async function run(
  t: TestContext,
  words: readonly string[],
  files: Record<string, string>,
): Promise<{ code: number; out: string; err: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'cli-'))
  t.after(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  let out = ''
  let err = ''
  const code = await runCli(
    words.map((word) => (word in files ? join(dir, word) : word)),
    {
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
    },
  )
  return { code, out: out.replaceAll(`${dir}/`, ''), err: err.replaceAll(`${dir}/`, '') }
}

const goodRules = `groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    annotations: {summary: '{{ $labels.instance }} is down'}
  - record: job:up:sum
    expr: sum by (job) (up)
`

test('check rules says what a good file has', async (t) => {
  const { code, out, err } = await run(t, ['check', 'rules', 'a.yml'], { 'a.yml': goodRules })
  assert.equal(out, 'a.yml: fine (1 group, 1 alert, 1 recording rule)\n')
  assert.equal(err, '')
  assert.equal(code, 0)
})

test('check rules names every mistake of every file with its place, and still reads the others', async (t) => {
  const bad = goodRules.replace('up == 0', 'up ==').replace('$labels', '$label')
  const { code, out, err } = await run(t, ['check', 'rules', 'bad.yml', 'a.yml'], {
    'bad.yml': bad,
    'a.yml': goodRules,
  })
  assert.match(err, /^bad\.yml:5:5: groups\[0\]\.rules\[0\]\.expr: could not parse expression: /m)
  assert.match(err, /^bad\.yml:6:\d+: .*undefined variable "\$label"/m)
  assert.match(out, /^a\.yml: fine/)
  assert.equal(code, 1)
})

test('check rules notes recordings that overwrite each other, and refuses to check nothing', async (t) => {
  const twice = goodRules + goodRules.split('\n').slice(-3).join('\n')
  const { code, out } = await run(t, ['check', 'rules', 'a.yml'], { 'a.yml': twice })
  assert.match(out, /note: 2 rules record job:up:sum with the same labels/)
  assert.equal(code, 0)
  assert.equal((await run(t, ['check', 'rules'], {})).code, 2)
  assert.equal((await run(t, ['check', 'rules', '/nowhere/x.yml'], {})).code, 1)
})
