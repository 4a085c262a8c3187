/** The On-call page in a real browser: read in both languages and modes, and a shift taken over by keyboard alone. */

import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Served, startServe } from '../support/serve.ts'
import {
  BrowserBench,
  chooseByKeys,
  findBarriers,
  focusOn,
  pressChord,
  tabTo,
  watchErrors,
} from './browser.ts'

const config = `
receivers:
  - name: ann-hook
    webhook_configs: [{ url: "http://127.0.0.1:9/" }]
  - name: ben-hook
    webhook_configs: [{ url: "http://127.0.0.1:9/" }]
people:
  - name: ann
    time_zone: Europe/Berlin
    contacts: [{ name: hook, receiver: ann-hook }]
  - name: ben
    contacts: [{ name: hook, receiver: ben-hook }]
teams:
  - name: shop
    members: [ann, ben]
    schedule: primary
schedules:
  - name: primary
    time_zone: Europe/Berlin
    layers:
      - name: days
        people: [ann, ben]
        rotation: daily
        start: 2026-01-05
        handover: "09:00"
  - name: office hours
    layers:
      - people: [ben]
        rotation: weekly
        start: 2026-01-05
        restrictions: [{ start_time: "09:00", end_time: "09:01" }]
escalation_policies:
  - name: shop
    acknowledge_timeout: 1h
    steps:
      - schedule: primary
        delay: 5m
      - everyone: shop
`

let served: Served
const bench = new BrowserBench(() => served)

before(async () => {
  served = await startServe({ dataDir: mkdtempSync(join(tmpdir(), 'shipwatch-duty-')), config })
})

after(async () => {
  await bench.close()
  await served.stop()
})

for (const language of ['en-US', 'zh-CN']) {
  test(`duty is shown well in ${language}, light and dark, for a week and a month`, async (context) => {
    if (!(await bench.launch(context))) return
    assert.deepEqual(
      await bench.findProblems(['/on-call', '/on-call?span=month&date=2026-10-25'], {
        language,
        ready: async (page) => void (await page.waitForSelector('.calendar-bar')),
      }),
      [],
    )
  })
}

test('a shift is taken over and given back by keyboard alone', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/')
  const errors = watchErrors(page)
  await pressChord(page, 'g', 'c')
  await page.waitForSelector('.calendar-bar')
  await tabTo(page, /^Later/)
  await page.keyboard.press('Enter')
  await page.waitForURL(/date=\d{4}-/)
  await tabTo(page, /^(ann|ben), primary/)
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByText('the rotation days').waitFor()
  await tabTo(page, /\|Somebody takes over$/)
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await chooseByKeys(dialog.getByLabel('Who takes over'), 'ben')
  await focusOn(dialog.getByLabel('To'))
  await page.keyboard.press('Control+a')
  await page.keyboard.type('tomorrow')
  await dialog.getByText('Write it like 2026-11-20 18:00.').waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await tabTo(page, /^(ann|ben), primary/)
  await page.keyboard.press('Enter')
  await tabTo(page, /\|Somebody takes over$/)
  await page.keyboard.press('Enter')
  await chooseByKeys(dialog.getByLabel('Who takes over'), 'ben')
  await focusOn(dialog.getByLabel('Why'))
  await page.keyboard.type('a day at the sea')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await page.waitForSelector('.calendar-bar[data-override]')
  const problems = await findBarriers(page)
  await focusOn(page.locator('.calendar-bar[data-override]').first())
  await page.keyboard.press('Enter')
  await tabTo(page, /\|Take it back$/)
  await page.keyboard.press('Enter')
  await page.getByText('Take this back?').waitFor()
  await tabTo(page, /\|Cancel$/)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.calendar-bar[data-override]', { state: 'detached' })
  assert.deepEqual([...problems, ...errors], [])
  await window.close()
})

test('without people the page says how to begin', async (context) => {
  if (!(await bench.launch(context))) return
  const plain = await startServe({ dataDir: mkdtempSync(join(tmpdir(), 'shipwatch-duty-')) })
  const own = new BrowserBench(() => plain)
  await own.launch(context)
  const window = await own.window()
  const page = await own.open(window, '/on-call')
  await page.getByText('Nobody is set up to be on call').waitFor()
  await page.getByText('escalation_policies:').waitFor()
  await own.close()
  await plain.stop()
})
