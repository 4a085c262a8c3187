/**
 * Rules, routes and the ledger at work, in a real browser against the real server.
 *  1. every view opens in both languages and modes without an error or a barrier, and fits into 320 px
 *  2. rules are filtered by state, and one tells its health, its limit and who would be told
 *  3. a text is written by keyboard: a mistake is shown at its line, tried, tested over the past, saved and in force
 *  4. two who save the same file: the second is told, and loses nothing
 *  5. labels light up the path through the routes, and every other route says why it was not taken
 *  6. the ledger is searched, an attempt opened, an undelivered message sent again, a receiver tested
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { eventually, type Served, startServe } from '../support/serve.ts'
import { BrowserBench, focusOn, pressChord, untilText, watchErrors } from './browser.ts'

let served: Served
let hook: Server
let isHookWell = false
const bench = new BrowserBench(() => served)

const rules = `groups:
  - name: made
    interval: 1s
    rules:
      - alert: Known
        expr: heat >= 0
        labels: { severity: page, team: shop }
        annotations: { summary: 'The heat is {{ $value }}' }
      - alert: Unknown
        expr: absent(nothing_of_the_kind)
        labels: { severity: refused }
      - record: room:heat
        expr: max by (room) (heat)
      - alert: Wrong
        expr: heat * on (room) group_left () heat_twice
`
const slo = `version: prometheus/v1
service: shop
slos:
  - name: checkout
    objective: 99.9
    description: Nobody waits at the till
    sli:
      events:
        error_query: sum(rate(till_errors_total[{{.window}}]))
        total_query: sum(rate(till_total[{{.window}}]))
    alerting: { name: TillBudget, page_alert: {}, ticket_alert: {} }
`

function configOf(port: number): string {
  return `
rule_files: [rules.yml]
rule_editing: { directory: rules }
slo_files: [slo.yml]
host_agent: { enabled: false }
route:
  receiver: team
  group_wait: 0s
  routes:
    - { receiver: pager, matchers: ['severity="page"'], continue: true, group_by: [alertname] }
    - { receiver: night, matchers: ['severity="page"', 'team="shop"'], mute_time_intervals: [always] }
    - { receiver: refused, matchers: ['severity="refused"'] }
receivers:
  - { name: team, webhook_configs: [{ url: 'http://127.0.0.1:${port}/taken' }] }
  - { name: pager, webhook_configs: [{ url: 'http://127.0.0.1:${port}/taken' }] }
  - { name: night, webhook_configs: [{ url: 'http://127.0.0.1:${port}/taken' }] }
  - { name: refused, webhook_configs: [{ url: 'http://127.0.0.1:${port}/refused' }] }
time_intervals: [{ name: always, time_intervals: [{}] }]
`
}

/** An hour of heat: hot for ten minutes, half an hour ago. */
function heatLines(nowTimeMs: number): string {
  const lines: string[] = []
  for (let ageMs = 3_600_000; ageMs >= 0; ageMs -= 15_000) {
    const isHot = ageMs <= 1_800_000 && ageMs > 1_200_000
    const timeMs = nowTimeMs - ageMs
    lines.push(`heat{room="attic"} ${isHot ? 40 : 20} ${timeMs}`)
    const count = 10_000 + (3_600_000 - ageMs) / 100
    lines.push(`till_total ${count} ${timeMs}`, `till_errors_total ${count / 1600} ${timeMs}`)
    for (const twin of ['a', 'b']) lines.push(`heat_twice{room="attic",twin="${twin}"} 1 ${timeMs}`)
  }
  return `${lines.join('\n')}\n`
}

before(async () => {
  hook = createServer((request, reply) => {
    const isTaken = request.url === '/taken' || isHookWell
    request.resume().on('end', () => {
      reply.statusCode = isTaken ? 200 : 400
      reply.end(isTaken ? 'thanks' : 'this address is closed')
    })
  })
  hook.listen(0, '127.0.0.1')
  await once(hook, 'listening')
  const dataDir = mkdtempSync(join(tmpdir(), 'shipwatch-rule-pages-'))
  mkdirSync(join(dataDir, 'rules'))
  writeFileSync(join(dataDir, 'rules.yml'), rules)
  writeFileSync(join(dataDir, 'slo.yml'), slo)
  writeFileSync(
    join(dataDir, 'rules', 'attic.yml'),
    'groups:\n  - name: attic\n    rules:\n      - alert: Hot\n        expr: heat > 30\n        for: 2m\n',
  )
  served = await startServe({ dataDir, config: configOf((hook.address() as AddressInfo).port) })
  await feed(heatLines(Date.now()))
  await eventually('a message that reached nobody', async () => {
    const { deadLetters } = await ask<{ deadLetters: object[] }>('/dead-letters')
    return deadLetters.length > 0 ? true : undefined
  })
  await eventually('a message that arrived', async () => {
    const { notifications } = await ask<{ notifications: object[] }>(
      '/notifications?outcome=delivered',
    )
    return notifications.length > 0 ? true : undefined
  })
})

after(async () => {
  await bench.close()
  await served.stop()
  hook.close()
})

// What was fed is the newest for five minutes only, and the pages before may take longer.
beforeEach(async () => {
  const twins = ['a', 'b'].map((twin) => `heat_twice{room="attic",twin="${twin}"} 1\n`)
  await feed(`heat{room="attic"} 20\n${twins.join('')}`)
})

async function feed(lines: string): Promise<void> {
  const reply = await fetch(`${served.base}/api/v1/import/prometheus`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'text/plain' },
    body: lines,
  })
  assert.ok(reply.ok, `${reply.status} ${await reply.text()}`)
}

async function ask<T>(path: string): Promise<T> {
  const reply = await fetch(`${served.base}/api/shipwatch/v1${path}`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  return (await reply.json()) as T
}

const known = encodeURIComponent('made/Known/heat >= 0')
const labels = encodeURIComponent('alertname="Known" severity="page" team="depot"')
const paths = [
  '/rules',
  `/rules?rule=${known}`,
  '/rules?view=objectives',
  '/rules?view=files',
  '/rules/edit',
  '/rules/edit?file=attic.yml&panel=past',
  `/rules/edit?copy=${known}`,
  '/routes',
  `/routes?labels=${labels}`,
  '/notifications',
  '/notifications?view=letters',
  '/notifications?view=receivers',
]

for (const language of ['en-US', 'zh-CN']) {
  test(`rules, routes and the ledger open well in ${language}, light and dark`, async (context) => {
    if (!(await bench.launch(context))) return
    assert.deepEqual(
      await bench.findProblems(paths, {
        language,
        ready: async (page, path) => {
          if (path.includes('rule=')) await page.waitForSelector('[role="dialog"] canvas')
          if (path.startsWith('/rules/edit')) await page.waitForSelector('.cm-content')
        },
      }),
      [],
    )
  })
}

test('320 px are enough for rules, routes and the ledger', async (context) => {
  if (!(await bench.launch(context))) return
  assert.deepEqual(await bench.findWidePages(paths), [])
})

test('rules are narrowed to the broken ones, and a rule tells its health and who would be told', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/rules')
  await page.keyboard.press('/')
  await page.keyboard.type('wrong')
  const row = page.locator('tbody tr')
  await row.filter({ hasText: 'Wrong' }).waitFor()
  await untilText(row.filter({ hasText: 'Wrong' }), /many-to-many|duplicate|multiple/i)
  await eventually('the others are left out', async () =>
    (await row.count()) === 1 ? true : undefined,
  )
  await page.getByLabel('Filter by name').fill('')
  await page.getByLabel('Which rules').selectOption('firing')
  await focusOn(row.filter({ hasText: 'Known' }).first())
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.locator('canvas').waitFor()
  await untilText(dialog, /Samples read.*when samples arrive/s)
  await focusOn(dialog.getByRole('link', { name: 'Who would be told' }))
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/routes\?labels=/)
  await page.getByText('pager and night would be told').waitFor()
  await window.close()
})

test('a rule is written by keyboard, tried, tested over the past, saved and in force', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/rules/edit')
  const errors = watchErrors(page)
  const editor = page.locator('.cm-content')
  await focusOn(editor)
  const text = 'groups:\n  - name: cellar\n    rules:\n      - alert: Warm\n        expr: heat > 30'
  await page.keyboard.insertText(`${text}\n        for: soon\n`)
  const problem = page.getByRole('button', { name: /Line 6/ })
  await problem.waitFor()
  await page.locator('.cm-lint-marker-error').waitFor()
  await focusOn(problem)
  await page.keyboard.press('Enter')
  await page.waitForSelector('.cm-content:focus')
  // The cursor stands at the end of the line with the mistake.
  for (let count = 0; count < 4; count++) await page.keyboard.press('Backspace')
  await page.keyboard.type('2m')
  await page.getByText('nothing wrong').waitFor()
  await page.locator('.try-head', { hasText: 'Quiet' }).waitFor()
  await page.getByText('Would be told: team').waitFor()
  await page.locator('canvas').waitFor()
  await focusOn(page.getByRole('radio', { name: 'Now' }))
  await page.keyboard.press('ArrowRight')
  await focusOn(page.getByRole('radio', { name: '7 days' }))
  await page.keyboard.press('ArrowLeft')
  await focusOn(page.getByRole('button', { name: 'Test over the past' }))
  await page.keyboard.press('Enter')
  await page.getByText('Would have fired once within').first().waitFor()
  await untilText(page.locator('main'), /40.*attic/s)
  await untilText(page.locator('main'), /team: \d+ message/)
  // The same test stands at the same address.
  await page.waitForURL(/test=\d+/)
  await page.getByLabel('File name').fill('cellar.yml')
  await page.keyboard.press('Enter')
  await page.waitForURL(/file=cellar\.yml/)
  assert.equal(
    readFileSync(join(served.dataDir, 'rules', 'cellar.yml'), 'utf8'),
    `${text}\n        for: 2m\n`,
  )
  const list = await bench.open(window, '/rules?filter=Warm')
  await list.locator('tbody tr', { hasText: 'Warm' }).waitFor()
  assert.deepEqual(errors, [])
  await window.close()
})

test('who saves a file that another has saved is told, and a file is deleted after asking', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const [one, other] = [
    await bench.open(window, '/rules/edit?file=attic.yml'),
    await bench.open(window, '/rules/edit?file=attic.yml'),
  ]
  for (const page of [one, other]) {
    await focusOn(page.locator('.cm-content'))
    await page.keyboard.press('Control+End')
    await page.keyboard.insertText(`# ${page === one ? 'first' : 'second'}\n`)
    await page.getByText('nothing wrong').waitFor()
    await page.getByRole('button', { name: 'Save' }).and(page.locator(':enabled')).waitFor()
  }
  await one.keyboard.press('Control+s')
  await one.getByText('Saved, and in force.').waitFor()
  await other.keyboard.press('Control+s')
  await other.getByText('DETECT_RULE_FILE_CHANGED').waitFor()
  await untilText(other.locator('.cm-content'), /# second/)
  assert.match(readFileSync(join(served.dataDir, 'rules', 'attic.yml'), 'utf8'), /# first\n$/)
  await one.getByRole('radio', { name: 'Older texts' }).click()
  await one.getByRole('button', { name: 'Take this text' }).first().click()
  await one.getByText('Not saved').waitFor()
  assert.doesNotMatch((await one.textContent('.cm-content')) ?? '', /# first/)
  await one.getByRole('button', { name: 'Discard the changes' }).click()
  await one.getByRole('button', { name: 'Delete' }).click()
  const dialog = one.getByRole('dialog')
  await untilText(dialog, /attic\.yml/)
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await one.waitForURL(/view=files/)
  assert.equal(existsSync(join(served.dataDir, 'rules', 'attic.yml')), false)
  await window.close()
})

test('labels light up the path through the routes, and the others say why not', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/')
  await pressChord(page, 'g', 'u')
  await page.getByText('4 routes to 4 receivers').waitFor()
  await focusOn(page.getByLabel('Labels of an alert'))
  await page.keyboard.type('severity="page" team="depot"')
  await page.getByText('pager would be told.').waitFor()
  const routes = page.locator('.route-branch .route-branch')
  assert.equal(await routes.nth(0).getAttribute('data-way'), 'told')
  await untilText(routes.nth(1), /team="shop" is wanted, and team is “depot”/)
  await untilText(routes.nth(2), /severity="refused" is wanted/)
  await untilText(page.locator('main'), /Nothing would hold it back now/)
  await page.waitForURL(/labels=/)
  await page.getByLabel('Labels of an alert').fill('severity="page" team="shop"')
  await page.getByText('pager and night would be told.').waitFor()
  await untilText(page.locator('main'), /silent now/)
  await page.getByLabel('Labels of an alert').fill('severity="page" nonsense')
  await page.getByText('“nonsense” is no label').waitFor()
  await page.getByLabel('Take those of an alert').selectOption({ label: 'Unknown' })
  await page.getByText('refused would be told.').waitFor()
  await window.close()
})

test('the ledger is searched, what reached nobody is sent again, and a receiver is tested', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/notifications')
  const errors = watchErrors(page)
  const row = page.locator('tbody tr')
  await page.keyboard.press('/')
  await page.keyboard.type('address is closed')
  await row.filter({ hasText: 'Failed' }).first().waitFor()
  await eventually('others are left out', async () =>
    (await row.filter({ hasText: 'Delivered' }).count()) === 0 ? true : undefined,
  )
  await focusOn(row.first())
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await dialog.getByText('What was said').waitFor()
  await untilText(dialog, /400.*alertname.*Unknown/s)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.getByLabel('Text, reason or answer').fill('nobody ever said this')
  await page.getByText('No attempt matches').waitFor()
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await page.getByLabel('Receiver').selectOption('pager')
  await row.filter({ hasText: 'pager' }).first().waitFor()
  // The rows of before stay until the answer comes.
  await eventually('the other receiver is left out', async () =>
    (await row.filter({ hasText: 'refused' }).count()) === 0 ? true : undefined,
  )
  isHookWell = true
  await focusOn(page.getByRole('radio', { name: 'Attempts' }))
  await page.keyboard.press('ArrowRight')
  await focusOn(page.getByRole('button', { name: 'Send again' }).first())
  await page.keyboard.press('Enter')
  await dialog.getByRole('button', { name: 'Send again' }).click()
  await row.filter({ hasText: 'Sent again' }).first().waitFor()
  await focusOn(page.getByRole('radio', { name: 'Undelivered' }))
  await page.keyboard.press('ArrowRight')
  await focusOn(row.filter({ hasText: 'refused' }).getByRole('button', { name: 'Test' }))
  await page.keyboard.press('Enter')
  await dialog.getByRole('button', { name: 'Test' }).click()
  await page.getByText('It arrived.').waitFor()
  assert.deepEqual(errors, [])
  await window.close()
})
