import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureAlertmanager } from './alertmanager.ts'

const config = `route:
  receiver: a
  group_wait: 0s
  group_interval: 1s
  routes: [{receiver: b, matchers: [team=b]}]
receivers:
- name: a
  webhook_configs: [{url: 'http://WEBHOOK/a'}]
- name: b
`

test('met cases are counted, and each kind of unmet case is named with what was found', async (t) => {
  const from = mkdtempSync(join(tmpdir(), 'shipwatch-suite-'))
  t.after(() => rmSync(from, { recursive: true, force: true }))
  mkdirSync(join(from, 'config'))
  const files = { 'good.yml': config, 'empty.yml': '', 'bad.yml': 'route: {receiver: x}' }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(from, 'config', name), text)
  const save = (name: string, value: unknown): void =>
    writeFileSync(join(from, name), JSON.stringify(value))
  save('config/index.json', [
    { file: 'good.yml', valid: true },
    { file: 'empty.yml', valid: false },
    { file: 'bad.yml', valid: true },
    { file: 'bad.yml', valid: null },
  ])
  save('routes.json', {
    configs: { one: config },
    cases: [
      { config: 'one', labels: { team: 'b' }, receivers: ['b'] },
      { config: 'one', labels: { team: 'c' }, receivers: ['b'] },
    ],
  })
  const alerts = [{ labels: { alertname: 'X' }, startsAt: null, endsAt: 60 }]
  const call = {
    at: 0,
    webhook: 'a',
    receiver: 'a',
    status: 'firing',
    groupLabels: {},
    alerts: [{ labels: { alertname: 'X' }, status: 'firing' }],
    truncatedAlerts: 0,
  }
  // The suite runs on the machine's clock, and a busy machine needs seconds for one message.
  const scenario = { config, until: 8, steps: [{ at: 0, alerts }] }
  save('timeline.json', {
    tolerance_seconds: 8,
    scenarios: [
      { ...scenario, name: 'told', notifications: [call] },
      { ...scenario, name: 'not expected', notifications: [] },
      { ...scenario, name: 'too late', notifications: [{ ...call, at: 99 }] },
    ],
  })
  const lines: string[] = []
  const result = await measureAlertmanager({
    from,
    listsFailures: true,
    print: (line) => lines.push(line),
  })
  assert.equal(result.passed, 4)
  assert.equal(result.total, 8)
  assert.deepEqual(result.figures, { config: 2 / 3, routes: 1 / 2, timeline: 1 / 3 })
  const text = lines.join('\n')
  assert.match(text, /config bad\.yml\n.*there is no receiver "x"/)
  assert.match(text, /routes one \{"team":"c"\}\n {4}expected b, got a/)
  assert.match(text, /timeline not expected\n {4}should not have come: \d\.\d s a \| a \| firing/)
  assert.match(text, /timeline too late\n {4}missing: 99\.0 s/)
})
