/**
 * The Sources page at work, in a real browser against the real server.
 *  1. with every drawer it opens in both languages and modes without an error or a barrier, and fits into 320 px
 *  2. a target that does not answer says why, with its labels as relabeling made them, rule by rule
 *  3. a source that brings too many series is shown against its limit, with the label that explodes and what to do
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { BrowserBench, focusOn, untilText } from './browser.ts'
import { type Served, startServe } from '../support/serve.ts'

let served: Served
const bench = new BrowserBench(() => served)

const config = `
global: { keep_dropped_targets: 5 }
series_limit: 20
host_agent: { enabled: false }
scrape_configs:
  - job_name: gone
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{ targets: ['127.0.0.1:1', 'dropped:9'], labels: { zone: a } }]
    relabel_configs:
      - { source_labels: [__address__], regex: 'dropped.*', action: drop }
      - { source_labels: [zone], target_label: area, replacement: 'area-$1' }
`

before(async () => {
  served = await startServe({ config })
  const lines = Array.from({ length: 40 }, (_, user) => `clicks_total{user="u${user}"} 1`)
  const reply = await fetch(`${served.base}/api/v1/import/prometheus`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'text/plain' },
    body: `${lines.join('\n')}\n`,
  })
  await reply.arrayBuffer()
})

after(async () => {
  await bench.close()
  await served.stop()
})

const target = 'scrape:gone:127.0.0.1:1:http://127.0.0.1:1/metrics'
const paths = [
  '/sources',
  `/sources?source=${encodeURIComponent(target)}`,
  '/sources?source=receiver:text-import',
  '/sources?census=text-import',
  '/sources?dropped=0',
]

for (const language of ['en-US', 'zh-CN']) {
  test(`sources and their drawers open well in ${language}, light and dark`, async (context) => {
    if (!(await bench.launch(context))) return
    assert.deepEqual(
      await bench.findProblems(paths, {
        language,
        ready: async (page, path) => {
          if (path.includes('?')) await page.waitForSelector('[role="dialog"]')
        },
      }),
      [],
    )
  })
}

test('320 px are enough for sources and their drawers', async (context) => {
  if (!(await bench.launch(context))) return
  assert.deepEqual(await bench.findWidePages(paths), [])
})

test('a target that does not answer is opened by keyboard and says why, rule by rule', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/sources')
  await untilText(page.locator('main'), /cannot be reached/)
  await focusOn(page.locator('tr', { hasText: 'cannot be reached' }))
  await page.keyboard.press('Enter')
  await page.waitForURL(/source=scrape/)
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'What relabeling did' }).click()
  await dialog.getByText('target_label: area').waitFor()
  await untilText(dialog, /Discovered.*__address__.*changes nothing.*area.*area-a/s)
  await dialog.locator('figure canvas').first().waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await focusOn(page.locator('tr', { hasText: 'dropped:9' }))
  await page.keyboard.press('Enter')
  await dialog.getByText('Dropped by this rule').waitFor()
  await window.close()
})

test('the label that explodes is named beside the limit, with what to do', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/sources')
  const row = page.locator('tr', { hasText: 'text-import' }).filter({ hasText: '20 of 20' })
  await row.waitFor()
  await untilText(row, /user/)
  await untilText(page.locator('tr', { hasText: 'series-limit' }).first(), /label that explodes/)
  await focusOn(row)
  await page.keyboard.press('Enter')
  await page.waitForURL(/census=text-import/)
  const dialog = page.getByRole('dialog')
  await dialog.getByText('metric_relabel_configs').waitFor()
  // The census is read when the drawer opens.
  await untilText(dialog, /user\s*20 values/)
  await window.close()
})
