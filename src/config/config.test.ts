/** Reading the configuration: values, defaults, every mistake with its place. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodedError } from '../base/error.ts'
import { checkConfig, type ConfigProblem, parseYaml } from './config.ts'
import { redactYaml } from './redact.ts'
import { bytesOr, describeSettings, durationOr, labelMap, secret, z } from './schema.ts'

const schema = z.strictObject({
  interval: durationOr('15s', 'How often.'),
  targets: z
    .array(
      z.strictObject({
        limit: bytesOr('1MiB', 'How much.'),
        password: secret('Who may.').optional(),
      }),
    )
    .default([])
    .meta({ description: 'Where.' }),
})

function problemsOf(text: string): ConfigProblem[] {
  try {
    checkConfig(parseYaml(text, 'shipwatch.yml'), schema)
  } catch (thrown) {
    assert.ok(thrown instanceof CodedError)
    return thrown.facts['problems'] as ConfigProblem[]
  }
  return []
}

test('durations and sizes become numbers and defaults fill in', () => {
  assert.deepEqual(checkConfig(parseYaml('', 'f'), schema), { interval: 15_000, targets: [] })
  const config = checkConfig(
    parseYaml('interval: 1m\ntargets: [{limit: 2KB, password: x}]', 'f'),
    schema,
  )
  assert.equal(config.interval, 60_000)
  assert.equal(config.targets[0]!.limit, 2_048)
  assert.equal(JSON.stringify(config.targets[0]!.password), '"<secret>"')
})

test('every mistake is told at once with file, line and column', () => {
  const problems = problemsOf('interval: 10x\ntargets:\n  - limit: 5MB\n    limits: 3\n')
  assert.deepEqual(
    problems.map(({ line, column, path }) => ({ line, column, path })),
    [
      { line: 1, column: 1, path: 'interval' },
      { line: 4, column: 5, path: 'targets[0].limits' },
    ],
  )
  assert.match(problems[0]!.message, /"10x" is not a duration; write for example 15s/)
  assert.equal(problems[1]!.lineText, '    limits: 3')
})

test('broken YAML, doubled keys and endless aliases are mistakes, not crashes', () => {
  for (const text of [
    'a: [\nb: }',
    'interval: 1s\ninterval: 2s',
    '- a',
    'x',
    `a: &a [1]\nb: [${'*a,'.repeat(5_000)}]`,
  ]) {
    assert.ok(problemsOf(text).length > 0, text.slice(0, 40))
  }
})

test('a key with nothing behind it is as if it were not there', () => {
  const { value } = parseYaml('rule_files:\n  # - first.yml\na: {b: null, c: 1}\nd: [null]\n', 'f')
  assert.deepEqual(value, { a: { c: 1 }, d: [null] })
})

test('a key that is no setting is one without a value too', () => {
  assert.deepEqual(
    problemsOf('interval:\nfoo:\n').map(({ line, path }) => ({ line, path })),
    [{ line: 2, path: 'foo' }],
  )
})

test('a text is what is written, and a flag may be yes or off, also below an alias or a merged mapping', () => {
  const texts = labelMap('Texts.').default({})
  const shape = z.strictObject({
    a: texts,
    b: texts,
    c: texts,
    list: z.array(z.string()),
    flags: z.array(z.boolean()),
  })
  const text = `
a: &a {version: 1.10, code: 0x1F, id: 0042, big: 99999999999999999999, on: true}
b: *a
c: {<<: *a, code: yes}
list: [7, 1e3, no]
flags: [yes, Off, true]
`
  const a = { version: '1.10', code: '0x1F', id: '0042', big: '99999999999999999999', on: 'true' }
  assert.deepEqual(checkConfig(parseYaml(text, 'f'), shape), {
    a,
    b: a,
    c: { ...a, code: 'yes' },
    list: ['7', '1e3', 'no'],
    flags: [true, false, true],
  })
  const quoted = 'a: {}\nlist: []\nflags: ["yes"]\n'
  assert.throws(() => checkConfig(parseYaml(quoted, 'f'), shape), /expected boolean/)
})

test('what the parser cannot take is said in words about the file, cut to a line', () => {
  const messageFor = (text: string): string => {
    try {
      parseYaml(text, 'f.yml')
    } catch (thrown) {
      return (thrown as Error).message
    }
    return ''
  }
  assert.match(messageFor('a: 1\n---\nb: 2\n'), /^f\.yml:2:1: a second document begins/)
  const deep = messageFor(`a: ${'['.repeat(20_000)}`)
  assert.match(deep, /nested too deeply/)
  assert.ok(deep.length < 20_000, `${deep.length} characters`)
  assert.match(messageFor(`a: &a [1]\nb: [${'*a,'.repeat(5_000)}]`), /aliases/)
})

test('settings describe themselves for the reference page', () => {
  const rows = describeSettings(schema)
  assert.deepEqual(
    rows.map((row) => row.path),
    ['interval', 'targets', 'targets[].limit', 'targets[].password'],
  )
  assert.equal(rows[3]!.description, 'Who may.')
  assert.equal(rows[0]!.defaultText, '15s')
})

test('a shown configuration has no secret in it', () => {
  const shown = redactYaml(`global:
  smtp_auth_password: hunter2 # note
  smtp_auth_password_file: /run/secret
receivers:
  - name: ops
    webhook_configs: [{url: 'http://user:hunter2@host/x?access_token=hunter2', secret: "hunter2"}]
    dingtalk_configs:
      - secret: |
          hunter2
          hunter2
        url: https://host/send?access_token=hunter2
      - "secret": hunter2
scrape_configs:
  - job_name: shop
    tls_config:
      key: |
        -----BEGIN PRIVATE KEY-----
        hunter2
        -----END PRIVATE KEY-----
    oauth2: {client_id: shop, client_secret: hunter2, token_url: 'https://host/token'}
    proxy_url: http://user:hunter2@proxy:3128
    proxy_connect_header: {X-Key: [hunter2]}
    http_headers: {X-Key: {secrets: [hunter2]}}
`)
  assert.ok(!shown.includes('hunter2'), shown)
  assert.ok(
    shown.includes('/run/secret') &&
      shown.includes('name: ops') &&
      shown.includes('https://host/send'),
    shown,
  )
})
