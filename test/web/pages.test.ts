/**
 * The web UI in a real browser against the real server.
 *  1. the sign-in link works once
 *  2. every page opens in both languages and both modes without an error, and axe finds nothing serious
 *  3. tasks by keyboard alone: going places, the command bar, a query, a row, a dialog
 *  4. the address is the state
 *  5. 320 px are enough
 *  6. a mistake in a query is shown at its place; a server that went away is said
 *  7. a token is made, shown once, and taken back; an alert is silenced
 */

import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually, type Served, startServe } from '../support/serve.ts'
import {
  BrowserBench,
  findBarriers,
  focusOn,
  pressChord,
  untilLoaded,
  untilText,
  watchErrors,
} from './browser.ts'

const paths = [
  '/',
  '/incidents',
  '/alerts',
  '/silences?new=silence',
  '/silences?new=window',
  '/deliveries',
  '/metrics',
  '/metrics?q=node_load1',
  '/logs',
  '/rules',
  '/notifications',
  '/sources',
  '/settings',
]
/** Waits until the page of a name is the one that is shown. */
async function untilPage(page: Page, name: string): Promise<void> {
  await eventually(name, async () =>
    (await page.title()) === `${name} · Shipwatch` ? true : undefined,
  )
  await untilLoaded(page)
}

let served: Served
const bench = new BrowserBench(() => served)
let incidentPath = ''
let deliveryPath = ''
let alertPath = ''

before(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'shipwatch-web-'))
  // A rule that fires at once makes an incident to be looked at.
  writeFileSync(
    join(dataDir, 'rules.yml'),
    [
      'groups:',
      '  - name: made',
      '    interval: 1s',
      '    rules:',
      '      - alert: LoadIsKnown',
      '        expr: node_load1 >= 0',
      '        labels: { severity: critical, service: checkout }',
      '        annotations: { summary: The load is known }',
      '',
    ].join('\n'),
  )
  const config = ['services:', '  - name: checkout', 'rule_files: [rules.yml]', ''].join('\n')
  served = await startServe({ dataDir, config })
})

after(async () => {
  await bench.close()
  await served.stop()
})

async function callApi(method: string, path: string, body?: unknown): Promise<Response> {
  return await fetch(`${served.base}/api/shipwatch/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${served.token()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

test('the sign-in link signs in once, and a second use is refused in words', async (context) => {
  const one = await bench.launch(context)
  if (!one) return
  const first = await one.newContext()
  const page = await first.newPage()
  await page.goto(served.signInLink)
  await page.waitForURL(`${served.base}/`)
  await page.waitForSelector('.verdict')
  assert.equal(await page.evaluate('document.cookie'), '', 'scripts must not see the session')
  await first.close()
  const second = await one.newContext()
  const again = await second.newPage()
  await again.goto(served.signInLink)
  await again.waitForSelector('[role="alert"]')
  await untilText(again.locator('[role="alert"]').first(), /does not work any more/)
  await second.close()
})

test('without a session every page leads to signing in, and back to the page', async (context) => {
  const one = await bench.launch(context)
  if (!one) return
  const stranger = await one.newContext()
  const page = await stranger.newPage()
  await page.goto(`${served.base}/alerts?state=resolved`)
  await page.waitForURL(/\/sign-in/)
  await page.getByLabel('Token').fill(served.token())
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/alerts\?.*state=resolved/)
  await stranger.close()
})

test('a delivery and an incident exist to be looked at', async (context) => {
  if (!(await bench.launch(context))) return
  const made = await callApi('POST', '/deployments', { service: 'checkout', version: 'v1' })
  assert.equal(made.status, 201)
  const { id } = (await made.json()) as { id: string }
  deliveryPath = `/deliveries/${id}`
  incidentPath = await eventually('the incident', async () => {
    const list = await callApi('GET', '/incidents?state=all')
    const { incidents } = (await list.json()) as { incidents: { id: string }[] }
    return incidents[0] && `/incidents/${incidents[0].id}`
  })
  alertPath = await eventually('the alert', async () => {
    const list = await callApi('GET', '/alerts')
    const { alerts } = (await list.json()) as { alerts: { name: string; fingerprint: string }[] }
    const made = alerts.find((alert) => alert.name === 'LoadIsKnown')
    return made && `/alerts?state=firing&alert=${made.fingerprint}`
  })
})

for (const language of ['en-US', 'zh-CN']) {
  test(`every page opens well in ${language}, light and dark`, async (context) => {
    if (!(await bench.launch(context))) return
    assert.deepEqual(
      await bench.findProblems([...paths, deliveryPath, incidentPath, alertPath], {
        language,
        ready: async (page) => {
          const tag = await page.getAttribute('html', 'lang')
          assert.equal(tag, language === 'zh-CN' ? 'zh-CN' : 'en')
        },
      }),
      [],
    )
  })
}

test('a person with a keyboard alone finds the way', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/')
  await pressChord(page, 'g', 'r')
  await untilPage(page, 'Rules')
  await page.waitForSelector('tbody tr')
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role="dialog"]')
  await page.keyboard.press('Escape')
  await page.waitForSelector('[role="dialog"]', { state: 'detached' })
  await page.keyboard.press('Control+k')
  await page.waitForSelector('[role="combobox"]:focus')
  await page.keyboard.type('sourc')
  await page.keyboard.press('Enter')
  await untilPage(page, 'Sources')
  await page.keyboard.press('?')
  await page.waitForSelector('[role="dialog"]')
  await untilText(page.getByRole('dialog'), /Keys of this page/)
  await page.keyboard.press('Escape')
  await page.waitForSelector('[role="dialog"]', { state: 'detached' })
  await pressChord(page, 'g', 'l')
  await untilPage(page, 'Logs')
  // Keys do nothing inside of fields.
  await page.keyboard.press('/')
  await page.keyboard.type('gn')
  assert.match(page.url(), /\/logs/)
  assert.equal(await page.inputValue('#main input[type="text"]'), 'gn')
  await window.close()
})

test('an alert is silenced by keyboard after seeing what is held, and the silence is ended', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/alerts?state=firing&filter=LoadIsKnown')
  const errors = watchErrors(page)
  await page.waitForSelector('tbody tr')
  await page.keyboard.press('j')
  await page.keyboard.press('s')
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  await page.waitForURL(/silence=[0-9a-f]{16}/)
  await page.waitForSelector('[data-preview="1"]')
  const barriers = await findBarriers(page)
  // A condition that the alert does not fulfil: nothing would be held.
  await dialog.getByLabel('Comparison').first().selectOption('!=')
  await page.waitForSelector('[data-preview="0"]')
  await dialog.getByLabel('Comparison').first().selectOption('=')
  await page.waitForSelector('[data-preview="1"]')
  await dialog.getByLabel('Why').fill('known since noon')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  const { silences } = (await (await callApi('GET', '/silences')).json()) as {
    silences: { state: string; comment: string; heldCount: number }[]
  }
  assert.deepEqual(
    silences.map(({ state, comment, heldCount }) => ({ state, comment, heldCount })),
    [{ state: 'active', comment: 'known since noon', heldCount: 1 }],
  )
  const held = await bench.open(window, '/alerts?state=held')
  await held.waitForSelector('tbody tr')
  const list = await bench.open(window, '/silences')
  await list.waitForSelector('tbody tr')
  barriers.push(...(await findBarriers(list)))
  await list.locator('tbody').getByRole('button', { name: 'End' }).click()
  await list.getByRole('dialog').getByRole('button', { name: 'End' }).click()
  await eventually('the alert is told of again', async () => {
    const reply = await callApi('GET', '/alerts')
    const { alerts } = (await reply.json()) as { alerts: { held?: object; name: string }[] }
    return alerts.some((alert) => alert.name === 'LoadIsKnown' && alert.held === undefined)
      ? true
      : undefined
  })
  assert.deepEqual([...barriers, ...errors], [])
  await window.close()
})

test('a query is typed, run and drawn by keyboard, and its address shows it again', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/metrics')
  await page.waitForSelector('.cm-content')
  await page.keyboard.press('/')
  await page.keyboard.type('node_load1')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Enter')
  await page.waitForURL(/q=node_load1/)
  await page.waitForSelector('figure canvas')
  const again = await bench.open(window, new URL(page.url()).pathname + new URL(page.url()).search)
  await again.waitForSelector('figure canvas')
  await untilText(again.locator('.legend').first(), /node_load1/)
  await focusOn(again.locator('figure'))
  await again.keyboard.press('ArrowLeft')
  await untilText(again.locator('figure [role="status"]').first(), /node_load1/)
  await window.close()
})

test('a mistake in a query is shown at its place', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, `/metrics?q=${encodeURIComponent('sum(node_load1')}`)
  await page.waitForSelector('[role="alert"]')
  const [line, mark] = ((await page.textContent('[role="alert"] pre')) ?? '').split('\n')
  assert.equal(line, 'sum(node_load1')
  assert.match(mark ?? '', /^ *\^ \S/)
  await window.close()
})

test('320 px are enough for every page', async (context) => {
  if (!(await bench.launch(context))) return
  assert.deepEqual(await bench.findWidePages([...paths, deliveryPath, incidentPath]), [])
})

test('a token is made, shown once, and taken back after asking', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/settings')
  await page.getByLabel('Name', { exact: true }).fill('pipeline')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.secret pre')
  const secret = ((await page.textContent('.secret pre')) ?? '').trim()
  const asked = await fetch(`${served.base}/api/v1/labels`, {
    headers: { authorization: `Bearer ${secret}` },
  })
  assert.notEqual(asked.status, 401, 'the token that is shown is the one that works')
  await page.reload()
  await page.waitForSelector('tbody tr')
  assert.ok(!(await page.content()).includes(secret))
  await page.locator('tr', { hasText: 'pipeline' }).getByRole('button').click()
  const dialog = page.getByRole('dialog')
  await untilText(dialog, /pipeline/)
  await dialog.getByRole('button', { name: 'Revoke' }).click()
  await eventually('the token is refused', async () => {
    const { status } = await fetch(`${served.base}/api/v1/labels`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    return status === 401 ? true : undefined
  })
  await window.close()
})

test('a server that went away is said, and the page recovers by itself', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/')
  await window.setOffline(true)
  await pressChord(page, 'g', 'a')
  await page.waitForSelector('.stale')
  await untilText(page.locator('.stale').first(), /does not reply/)
  await window.setOffline(false)
  await page.waitForSelector('.stale', { state: 'detached' })
  await window.close()
})
