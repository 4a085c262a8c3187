/** The API of rules over the real desk: checking, trying, testing over the past, and files. */

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { apiRoot } from '../../api/api.ts'
import type { BackTestView, RuleFileView } from '../../api/rules.ts'
import { makeLabels } from '../../model/labels.ts'
import { SampleBatchBuilder } from '../../model/sample.ts'
import type { Server } from '../server.ts'

const headers = { host: '127.0.0.1:9595', 'content-type': 'application/json' }
let bench: ServerBench
let server: Server
let failReload: Error | undefined
let reloadCount = 0

before(() => {
  bench = new ServerBench()
  bench.reload = async () => {
    reloadCount++
    if (failReload !== undefined) throw failReload
  }
  server = bench.makeServer({ isAuthRequired: false })
  const builder = new SampleBatchBuilder()
  const nowTimeMs = bench.clock.nowTimeMs()
  for (let ageMs = 3_600_000; ageMs >= 0; ageMs -= 15_000) {
    const id = bench.store.seriesId(makeLabels({ __name__: 'heat', room: 'attic' }))
    // ten minutes of heat, half an hour ago, and it is hot now
    const isHot = (ageMs <= 1_800_000 && ageMs > 1_200_000) || ageMs <= 60_000
    builder.add(id, nowTimeMs - ageMs, isHot ? 40 : 20)
  }
  bench.store.appendNow(builder.batch)
})
after(() => bench.close())

async function send(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) {
  const payload = body === undefined ? {} : { payload: JSON.stringify(body) }
  return server.inject({ method, url: `${apiRoot}${path}`, headers, ...payload })
}

const rules = `groups:
- name: g
  rules:
  - record: room:heat:max
    expr: max by (room) (heat)
  - alert: Hot
    expr: room:heat:max > 30
    for: 2m
    annotations: {summary: '{{ $labels.room }} has {{ $value }}'}
  - alert: Level
    expr: heat > 30
    annotations:
      shipwatch: "levels: [{ severity: warning }, { severity: page, when: '> 35' }]"
`

describe('a text', () => {
  test('is read with its strategies, or refused with every place', async () => {
    const good = (await send('POST', '/rules/check', { text: rules })).json()
    assert.equal(good.isValid, true)
    assert.deepEqual(
      good.groups[0].rules.map((rule: { name: string }) => rule.name),
      ['room:heat:max', 'Hot', 'Level'],
    )
    assert.deepEqual(good.groups[0].rules[2].strategy.levels[1], {
      severity: 'page',
      when: '> 35',
      holdMs: 0,
      until: '',
    })
    const text = rules.replace('max by (room) (heat)', 'max((heat').replace('for: 2m', 'for: soon')
    const reply = await send('POST', '/rules/check', { text })
    assert.equal(reply.statusCode, 200)
    const bad = reply.json()
    assert.equal(bad.isValid, false)
    assert.deepEqual(bad.problems[0].line, 8)
    assert.match(bad.problems[0].message, /"soon" is not a duration/)
  })

  test('is tried on the data of now, each rule by itself, with those who would be told', async () => {
    const text = `${rules}  - alert: Broken\n    expr: heat / on (room) group_left () heat{a="b"} > 1\n`
    const { rules: rows } = (await send('POST', '/rules/preview', { text })).json()
    const [, hot, level] = rows
    // the recording is not kept yet, so that what reads it has no data
    assert.equal(hot.elementCount, 0)
    assert.equal(level.elements[0].value, '40')
    assert.deepEqual(level.alerts[0].labels, {
      alertname: 'Level',
      room: 'attic',
      severity: 'page',
    })
    assert.equal(level.alerts[0].state, 'firing')
    assert.deepEqual(level.alerts[0].receivers, ['team of Level'])
    assert.equal(rows[3].error, '')
  })

  test('is tested over the past beside everything else, and the result names firings and messages', async () => {
    const nowTimeMs = bench.clock.nowTimeMs()
    const startTimeMs = nowTimeMs - 3_600_000
    const reply = await send('POST', '/rules/backtest', { text: rules, startTimeMs })
    assert.equal(reply.statusCode, 202)
    const { id } = reply.json() as BackTestView
    let view = reply.json() as BackTestView
    while (view.state === 'running') {
      await new Promise((resolve) => setImmediate(resolve))
      view = (await send('GET', `/rules/backtest/${id}`)).json()
    }
    assert.equal(view.error, '')
    assert.equal(view.state, 'done')
    const [hot, level] = view.rules
    assert.equal(hot!.firingCount, 1)
    const [firing] = hot!.firings
    assert.equal(firing!.peakValue, '40')
    assert.deepEqual(firing!.receivers, ['team of Hot'])
    assert.ok(firing!.firedTimeMs - firing!.activeTimeMs >= 120_000)
    assert.deepEqual([firing!.heldBy[0]!.title, hot!.heldCount], ['known noise', 1])
    assert.equal(level!.firingCount, 2)
    assert.deepEqual(view.messages, [{ receiver: 'team', messageCount: 3, firstTimeMs: 1 }])
    assert.equal((await send('DELETE', `/rules/backtest/${id}`)).statusCode, 204)
    assert.equal((await send('GET', `/rules/backtest/${id}`)).statusCode, 404)
  })

  test('that is no rule file, or a span that cannot be, is refused', async () => {
    const bad = await send('POST', '/rules/backtest', { text: 'groups: 3', startTimeMs: 1 })
    assert.equal(bad.json().error.code, 'CONFIG_INVALID')
    const late = { text: rules, startTimeMs: bench.clock.nowTimeMs() + 1 }
    const reply = await send('POST', '/rules/backtest', late)
    assert.equal(reply.json().error.code, 'DETECT_BACK_TEST_SPAN_INVALID')
  })
})

describe('files', () => {
  test('are saved, kept in older texts, and taken into force', async () => {
    const saved = await send('PUT', '/rules/files/a.yml', { text: rules, revision: '' })
    assert.equal(saved.statusCode, 200, saved.body)
    const first = saved.json() as RuleFileView
    assert.equal(reloadCount, 1)
    const text = rules.replace('for: 2m', 'for: 3m')
    const { revision } = first
    const second = (await send('PUT', '/rules/files/a.yml', { text, revision })).json()
    assert.equal(second.versions.length, 1)
    const path = `/rules/files/a.yml/versions/${second.versions[0].id}`
    assert.equal((await send('GET', path)).json().text, rules)
    assert.equal((await send('GET', '/rules/files')).json().files[0].name, 'a.yml')
    const stale = await send('PUT', '/rules/files/a.yml', { text: rules, revision })
    assert.equal(stale.statusCode, 409)
    assert.equal(stale.json().error.code, 'DETECT_RULE_FILE_CHANGED')
    assert.equal((await send('GET', '/rules/files/a.yml')).json().text, text)
  })

  test('with mistakes are not saved, and one that cannot be taken into force is taken back', async () => {
    const bad = await send('PUT', '/rules/files/b.yml', { text: 'groups: 3', revision: '' })
    assert.equal(bad.json().error.code, 'CONFIG_INVALID')
    failReload = new Error('the configuration is bad')
    const refused = await send('PUT', '/rules/files/b.yml', { text: rules, revision: '' })
    failReload = undefined
    assert.equal(refused.statusCode, 500)
    assert.ok(!existsSync(join(bench.dataDir, 'rules', 'b.yml')))
  })

  test('of other names, outside of the folder or behind a link are out of reach', async () => {
    for (const name of ['..%2fx.yml', 'x.txt', '.hidden.yml', 'a%2fb.yml', '%2e%2e']) {
      const reply = await send('PUT', `/rules/files/${name}`, { text: rules, revision: '' })
      assert.ok([400, 404].includes(reply.statusCode), `${name}: ${reply.statusCode}`)
    }
    const outside = join(bench.dataDir, 'outside.yml')
    writeFileSync(outside, rules)
    mkdirSync(join(bench.dataDir, 'rules'), { recursive: true })
    symlinkSync(outside, join(bench.dataDir, 'rules', 'link.yml'))
    const reply = await send('PUT', '/rules/files/link.yml', { text: 'groups: []', revision: '' })
    assert.equal(reply.json().error.code, 'DETECT_RULE_FILE_NAME_INVALID')
    assert.equal((await send('GET', '/rules/files/link.yml')).statusCode, 404)
    const version = await send('GET', '/rules/files/a.yml/versions/..%2f..%2foutside.yml')
    assert.equal(version.statusCode, 404)
  })

  test('keep no more older texts than the setting says, and are removed with the last kept', async () => {
    let { revision } = (await send('GET', '/rules/files/a.yml')).json() as RuleFileView
    for (const span of ['4m', '5m', '6m', '7m']) {
      const text = rules.replace('for: 2m', `for: ${span}`)
      revision = (await send('PUT', '/rules/files/a.yml', { text, revision })).json().revision
    }
    const removed = await send('DELETE', `/rules/files/a.yml?revision=${revision}`)
    assert.equal(removed.statusCode, 204)
    assert.equal((await send('GET', '/rules/files/a.yml')).statusCode, 404)
    assert.equal(readdirSync(join(bench.dataDir, 'rules', '.versions', 'a.yml')).length, 3)
  })

  test('changes are in the audit, and need an administrator', async () => {
    const actions = (await bench.records.access.listAudit(100)).map((entry) => entry.action)
    assert.ok(actions.includes('rule-file-save') && actions.includes('rule-file-remove'))
    const guarded = bench.makeServer({ isAuthRequired: true })
    const made = await send('POST', '/tokens', { name: 'viewer', scope: 'read' })
    const { token } = made.json()
    const as = (method: 'PUT' | 'POST', url: string, payload: object) =>
      guarded.inject({
        method,
        url: `${apiRoot}${url}`,
        headers: { ...headers, authorization: `Bearer ${token}` },
        payload: JSON.stringify(payload),
      })
    const saved = await as('PUT', '/rules/files/c.yml', { text: rules, revision: '' })
    assert.equal(saved.statusCode, 403)
    assert.equal((await as('POST', '/rules/check', { text: rules })).statusCode, 200)
  })
})
