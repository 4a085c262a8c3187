/** The Silences page in a real browser: windows and silences are made, changed and ended by keyboard, and hold what they showed. */

import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { eventually, type Served, startServe } from '../support/serve.ts'
import {
  BrowserBench,
  chooseByKeys,
  findBarriers,
  focusOn,
  pressChord,
  watchErrors,
} from './browser.ts'

let served: Served
const bench = new BrowserBench(() => served)

before(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'shipwatch-silences-'))
  writeFileSync(
    join(dataDir, 'rules.yml'),
    'groups: [{ name: made, interval: 1s, rules: [{ alert: LoadIsKnown, expr: node_load1 >= 0, labels: { service: checkout } }] }]\n',
  )
  served = await startServe({ dataDir, config: 'rule_files: [rules.yml]\n' })
})

after(async () => {
  await bench.close()
  await served.stop()
})

async function heldReason(): Promise<string | undefined> {
  const reply = await fetch(`${served.base}/api/shipwatch/v1/alerts`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  const { alerts } = (await reply.json()) as {
    alerts: { name: string; held?: { reason: string } }[]
  }
  return alerts.find((alert) => alert.name === 'LoadIsKnown')?.held?.reason
}

test('a window of maintenance is made, changed and ended by keyboard', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/')
  const errors = watchErrors(page)
  await pressChord(page, 'g', 'x')
  await page.getByText('No maintenance is planned').waitFor()
  await focusOn(page.getByRole('button', { name: 'New window' }).first())
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await focusOn(dialog.getByLabel('Name'))
  await page.keyboard.type('database move')
  await page.keyboard.press('Tab')
  await page.keyboard.type('checkout')
  await eventually('what it would hold', async () =>
    (await page.locator('[data-preview="1"]').count()) === 1 ? true : undefined,
  )
  await chooseByKeys(dialog.getByLabel('Comes again'), 'Every week')
  const problems = await findBarriers(page)
  await focusOn(dialog.getByLabel('Why'))
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  const row = page.locator('tbody tr', { hasText: 'database move' })
  await row.getByText('every week').waitFor()
  await eventually('the alert is held', async () =>
    (await heldReason()) === 'maintenance' ? true : undefined,
  )
  await focusOn(row.getByRole('button', { name: 'Change' }))
  await page.keyboard.press('Enter')
  await focusOn(dialog.getByLabel('Why'))
  await page.keyboard.type('as announced')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await row.getByText('as announced').waitFor()
  problems.push(...(await findBarriers(page)))
  await page.emulateMedia({ colorScheme: 'dark' })
  problems.push(...(await findBarriers(page, ['color-contrast'])))
  await focusOn(row.getByRole('button', { name: 'End' }))
  await page.keyboard.press('Enter')
  await page.getByText('End this window?').waitFor()
  await focusOn(dialog.getByRole('button', { name: 'End' }))
  await page.keyboard.press('Enter')
  await eventually('the alert is told of again', async () =>
    (await heldReason()) === undefined ? true : undefined,
  )
  assert.deepEqual([...problems, ...errors], [])
  await window.close()
})

interface Kept {
  state: string
  comment: string
  resolved: string
  endTimeMs: number
}

async function keptSilences(): Promise<Kept[]> {
  const reply = await fetch(`${served.base}/api/shipwatch/v1/silences`, {
    headers: { authorization: `Bearer ${served.token()}` },
  })
  return ((await reply.json()) as { silences: Kept[] }).silences
}

test('a silence is changed by keyboard: the new one holds before the old one ends, and it can be made again', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const made = await window.request.post(`${served.base}/api/shipwatch/v1/silences`, {
    headers: { authorization: `Bearer ${served.token()}`, origin: served.base },
    data: {
      matchers: [{ name: 'service', operator: '=', value: 'checkout' }],
      endTimeMs: Date.parse('2099-01-01T00:00:00Z'),
      comment: 'planned',
    },
  })
  assert.equal(made.status(), 201)
  const page = await bench.open(window, '/silences?ended=yes')
  const errors = watchErrors(page)
  const rows = page.locator('tbody tr', { hasText: 'service="checkout"' })
  await rows.getByRole('link', { name: '1 alert' }).waitFor()
  await focusOn(rows.getByRole('button', { name: 'Change' }))
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Change the silence' })
  await dialog.locator('input:focus').waitFor()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('takes longer')
  await dialog.getByLabel('To', { exact: true }).fill('2000-01-01 00:00')
  await dialog.getByText('The end must be after the beginning.').waitFor()
  const problems = await findBarriers(page)
  await chooseByKeys(dialog.getByLabel('For how long'), '4 h')
  await chooseByKeys(dialog.getByLabel('When a held alert ends'), 'Say so when the silence is over')
  await dialog.getByLabel('Why').focus()
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await rows.getByText('takes longer').waitFor()
  const found = await keptSilences()
  assert.deepEqual(found.map(({ state, comment, resolved }) => [state, comment, resolved]).sort(), [
    ['active', 'takes longer', 'delay'],
    ['expired', 'planned', 'drop'],
  ])
  assert.equal(await heldReason(), 'silenced')
  await focusOn(rows.getByRole('button', { name: 'Again' }))
  await page.keyboard.press('Enter')
  await dialog.locator('input:focus').waitFor()
  assert.equal(await dialog.getByLabel('Why').inputValue(), 'planned')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  problems.push(...(await findBarriers(page)))
  assert.deepEqual([...problems, ...errors], [])
  await window.close()
})
