/**
 * Configurations of Alertmanager, good and bad: what it takes we take, what it refuses we refuse. Debian's
 * amtool gives its verdict on each as well, but for what came after its version.
 */

import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../src/app/load-config.ts'
import { messageOf } from '../src/base/error.ts'
import { findProgram } from './support/programs.ts'

const plain = 'receivers: [{name: r}]\n'

function routed(route: string): string {
  return `route: {receiver: r, routes: [{${route}}]}\n${plain}`
}

function received(kind: string, body: string, global = ''): string {
  const route = 'route: {receiver: r}\n'
  return `global: {${global}}\n${route}receivers: [{name: r, ${kind}_configs: [{${body}}]}]\n`
}

function timed(span: string): string {
  return `route: {receiver: r}\n${plain}time_intervals: [{name: t, time_intervals: [{${span}}]}]\n`
}

function inhibited(rule: string): string {
  return `route: {receiver: r}\n${plain}inhibit_rules: [{${rule}}]\n`
}

const good = [
  'route: {receiver: 007}\nreceivers: [{name: "007"}]\n',
  `route: {receiver: r, group_wait: 0s}\n${plain}`,
  `route: &x {receiver: r}\n${plain}`,
  'route: {receiver: r}\nreceivers: [&a {name: r}, {<<: *a, name: s}]\n',
  routed('receiver: ""'),
  routed('continue: yes, matchers: [a=b]'),
  routed('group_by: ["...", "..."]'),
  routed('match: {severity: 5}'),
  routed('matchers: ["{a=b"]'),
  routed(String.raw`matchers: ['instance=~"10\.0\.\d+"']`),
  routed('repeat_interval: 106751d'),
  timed('days_of_month: ["1:-1", "+5", "007"], years: ["+2026", 20260]'),
  timed('days_of_month: ["24:-4"]'),
  timed('location: ""'),
  timed('location: US/Pacific, weekdays: ["MONDAY:friday"]'),
  received('slack', 'channel: 12, api_url: "http://h/", api_url_file: ""'),
  received('slack', 'fields: [{title: 1.10, value: yes, short: on}], api_url: "http://h/"'),
  received('pagerduty', 'routing_key: a, service_key: b'),
  received('pagerduty', 'routing_key: a, images: [{}], links: [{}]'),
  received('opsgenie', 'api_key: a, responders: [{id: x, type: Team}]'),
  received('opsgenie', 'api_key: a, responders: [{id: x, type: "{{ .Status }}"}]'),
  received('email', 'to: x, from: y, smarthost: "[::1]:smtp", require_tls: no'),
  received('wechat', 'api_secret: s, corp_id: c, agent_id: 1000002, message_type: ""'),
  received('sns', 'topic_arn: t, sigv4: {region: r}, api_url: "{{ .ExternalURL }}"'),
  received(
    'webhook',
    'url: "http://h/", http_config: {bearer_token: "", basic_auth: {username: 5}}',
  ),
]

const bad = [
  `route: {receiver: r}\n${plain}foo:\n`,
  `route: {receiver: r}\n${plain}time_intervals: [{name: t}]\nmute_time_intervals: [{name: t}]\n`,
  `global: {smtp_smarthost: mail}\nroute: {receiver: r}\n${plain}`,
  `global: {slack_api_url: nonsense}\nroute: {receiver: r}\n${plain}`,
  `global: {opsgenie_api_key: a, opsgenie_api_key_file: /b}\nroute: {receiver: r}\n${plain}`,
  `global: {slack_api_url: "http://h/", slack_api_url_file: /b}\nroute: {receiver: r}\n${plain}`,
  routed('match: {"a-b": c}'),
  routed('match_re: {"ä": c}'),
  routed('group_by: [""]'),
  routed('group_wait: 300y'),
  inhibited('source_match: {"a b": c}'),
  inhibited('equal: [""]'),
  timed('days_of_month: ["20:-10"]'),
  timed('days_of_month: ["1 :5"]'),
  timed('days_of_month: [1.0]'),
  timed('weekdays: ["monday : friday"]'),
  timed('location: europe/berlin'),
  timed('location: PST'),
  timed('location: "+02:00"'),
  received('webhook', 'url: "http://h/%zz"'),
  received('webhook', 'url: "http://h/", http_config: {foo: }'),
  received('slack', 'actions: [{type: button, text: a}], api_url: "http://h/"'),
  received('pagerduty', 'routing_key: ""'),
  received('opsgenie', 'api_key: ""'),
  received('opsgenie', 'api_key: a, responders: [{id: x, type: crew}]'),
  received('victorops', 'api_key: k, routing_key: r, custom_fields: {routing_key: b}'),
  received('pushover', 'user_key: "", token: t'),
  received('telegram', 'bot_token: t, chat_id: "12"'),
  received('telegram', 'bot_token: t, chat_id: 0'),
  received('telegram', 'bot_token: "", chat_id: 5'),
  received('wechat', 'api_secret: s, corp_id: ""'),
  received('email', 'to: x, from: "", smarthost: "h:25"'),
  received('email', 'to: x, from: y, smarthost: "::1:25"'),
]

/** What amtool's version does not know yet. */
const newer = [
  routed(`matchers: ['"a.b"="c"', "größe=x"], group_by: ["a.b"]`),
  inhibited('name: n, equal: ["a.b"]'),
  received('telegram', 'chat_id: -5', 'telegram_bot_token: t'),
]

function makeFiles(t: TestContext, texts: readonly string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'shipwatch-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return texts.map((text, index) => {
    const file = join(dir, `${index}.yml`)
    writeFileSync(file, text)
    return file
  })
}

function refusalOf(file: string): string {
  try {
    loadConfig({ file, overrides: [] })
    return ''
  } catch (thrown) {
    return messageOf(thrown)
  }
}

test('what Alertmanager takes is taken', (t) => {
  for (const file of makeFiles(t, [...good, ...newer])) assert.equal(refusalOf(file), '')
})

test('what Alertmanager refuses is refused', (t) => {
  for (const [index, file] of makeFiles(t, bad).entries())
    assert.notEqual(refusalOf(file), '', bad[index])
})

test('amtool says the same of each', (t) => {
  const amtool = findProgram(t, 'amtool')
  if (amtool === undefined) return
  const texts = [...good, ...bad]
  for (const [index, file] of makeFiles(t, texts).entries()) {
    const said: SpawnSyncReturns<string> = spawnSync(amtool, ['check-config', file], {
      encoding: 'utf8',
    })
    assert.equal(said.status === 0, index < good.length, `${texts[index]}\n${said.stdout}`)
  }
})
