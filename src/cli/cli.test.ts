/** The command line: help, wrong usage, and which exit code says what. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commands, runCli } from './cli.ts'

const root = mkdtempSync(join(tmpdir(), 'shipwatch-cli-'))
after(() => rmSync(root, { recursive: true, force: true }))

async function run(...words: string[]) {
  const said = { out: '', err: '' }
  const code = await runCli(words, {
    out: (text) => {
      said.out += text
    },
    err: (text) => {
      said.err += text
    },
  })
  return { code, ...said }
}

test('each command has its help, and only `--help` is fine without one', async () => {
  for (const { name, options } of commands) {
    const { code, out, err } = await run(...name.split(' '), '--help')
    assert.deepEqual([code, err], [0, ''])
    assert.match(out, new RegExp(`^Usage: shipwatch ${name}`, 'm'))
    for (const option of Object.keys(options)) assert.ok(out.includes(`--${option}`), option)
  }
  assert.equal((await run()).code, 2)
  assert.equal((await run('--help')).code, 0)
})

test('wrong usage is 2 and named, before anything is done', async () => {
  for (const [words, said] of [
    [['sail'], /no command "sail"/],
    [['check'], /no command "check"/],
    [['serve', '--speed', '5'], /Unknown option '--speed'/],
    [['serve', 'shipwatch.yml'], /"shipwatch\.yml" is not expected/],
    [['serve', '--port', 'http'], /--port is a number from 0 to 65535, not "http"/],
    [['serve', '--port', '70000'], /not "70000"/],
    [['serve', '--port', '-x'], /not "-x"/],
    [['alert', 'ack', 'x', '--token', '--y'], /write --token=VALUE when the value begins with d/],
    [['alert', 'ack', 'x', '--token'], /'--token <value>' argument missing/],
    [['serve', '--log-level', 'loud'], /--log-level is debug, info, warn or error/],
    [['serve', '--log-format', 'xml'], /--log-format is text or json/],
    [['version', 'now'], /"now" is not expected/],
    [['query'], /an expression is missing/],
    [['check', 'config', 'a.yml', 'b.yml'], /one file at a time/],
    [['incident', 'list', '--state', 'shut'], /--state is open, resolved or all/],
    [['deployment', 'record', '--service', 'x'], /--service and --version are required/],
  ] as const) {
    const { code, err } = await run(...words)
    assert.equal(code, 2, words.join(' '))
    assert.match(err, said)
    assert.ok(!err.includes('    at '), 'no stack')
  }
})

test('check config takes what Prometheus ships, and says of a foreign section what to do', async () => {
  const file = join(root, 'prometheus.yml')
  const stock = `global:
  scrape_interval: 15s # Default is every 1 minute.
rule_files:
  # - "first_rules.yml"
scrape_configs:
  - job_name: "prometheus"
    static_configs:
      - targets: ["localhost:9090"]
        labels:
          app: "prometheus"
`
  writeFileSync(file, stock)
  const fine = await run('check', 'config', file)
  assert.deepEqual([fine.code, fine.err], [0, ''])
  assert.match(fine.out, /fine \(1 scrape configurations/)
  writeFileSync(file, `${stock}alerting:\n  alertmanagers: []\n`)
  const foreign = await run('check', 'config', file)
  assert.equal(foreign.code, 1)
  assert.match(
    foreign.err,
    /prometheus\.yml:11:1: alerting: Shipwatch notifies by itself: bring "route"/,
  )
  writeFileSync(join(root, 'bad.tmpl'), '{{ define "x" }}{{ .Foo ')
  writeFileSync(file, `${stock}templates: [bad.tmpl]\n`)
  const template = await run('check', 'config', file)
  assert.equal(template.code, 1)
  assert.match(template.err, /bad\.tmpl cannot be read: template: bad\.tmpl:1: unclosed action/)
  const missing = await run('check', 'config', join(root, 'none.yml'))
  assert.equal(missing.code, 1)
  assert.match(missing.err, /Cannot read .*none\.yml.*\nCheck the path/)
})
