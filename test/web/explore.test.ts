/**
 * The Metrics page at work, in a real browser against the real server.
 *  1. its views open in both languages and both modes without an error or a barrier, and fit into 320 px
 *  2. queries are hidden, moved, named and removed, and the address holds all of it
 *  3. a query is explained by key, and its labels are opened
 *  4. the label explorer turns a value into a matcher
 *  5. histograms are heat maps, read by arrow keys; a quantile leads to its buckets
 *  6. a query that runs is stopped, and the page says so
 */

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { BrowserBench, focusOn, untilText, watchErrors } from './browser.ts'
import { eventually, type Served, startServe } from '../support/serve.ts'

let served: Served
const bench = new BrowserBench(() => served)

const buckets = 'sum by (le) (shop_duration_seconds_bucket)'
const addressOf = (query: string, rest = ''): string =>
  `/metrics?q=${encodeURIComponent(query)}&from=15m${rest}`

/** What a shop did, a sample every 15 s, up to now. */
async function feed(stepCount: number): Promise<void> {
  const nowTimeMs = Date.now()
  const lines: string[] = []
  for (let step = stepCount; step >= 0; step--) {
    const timeMs = nowTimeMs - step * 15_000
    for (const [le, count] of [
      ['0.1', 5],
      ['0.5', 8],
      ['+Inf', 9],
    ] as const)
      lines.push(`shop_duration_seconds_bucket{le="${le}",shop="a"} ${count} ${timeMs}`)
    for (const shop of ['a', 'b']) lines.push(`shop_orders{shop="${shop}"} ${step} ${timeMs}`)
  }
  const reply = await fetch(`${served.base}/api/v1/import/prometheus`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'text/plain' },
    body: `${lines.join('\n')}\n`,
  })
  assert.ok(reply.ok, `${reply.status} ${await reply.text()}`)
}

before(async () => {
  served = await startServe()
  await feed(20)
})

// What was fed is the newest for five minutes only, and the pages before may take longer.
beforeEach(() => feed(0))

after(async () => {
  await bench.close()
  await served.stop()
})

const paths = [
  addressOf('shop_orders', `&q1=${encodeURIComponent(buckets)}&explain=B&labels=all`),
  addressOf('shop_orders', '&labels=metric:shop_orders&label=shop&view=table'),
  addressOf(buckets, '&view=heat'),
  addressOf('shop_orders[1m]', '&view=raw'),
  addressOf('shop_orders', '&view=heat'),
  addressOf('shop_orders', '&running=1'),
]

for (const language of ['en-US', 'zh-CN']) {
  test(`the views of metrics open well in ${language}, light and dark`, async (context) => {
    if (!(await bench.launch(context))) return
    assert.deepEqual(await bench.findProblems(paths, { language }), [])
  })
}

test('320 px are enough for the views of metrics', async (context) => {
  if (!(await bench.launch(context))) return
  assert.deepEqual(await bench.findWidePages(paths), [])
})

test('queries are named, hidden, moved and removed, and the address holds it', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, addressOf('shop_orders', '&q1=vector(7)'))
  const errors = watchErrors(page)
  await page.getByLabel('Legend of query A').fill('shop {{shop}}')
  await page.keyboard.press('Enter')
  await page.waitForURL(/l=shop/)
  await untilText(page.locator('.legend').first(), /A shop b/)
  await page.getByRole('button', { name: 'Hide query B' }).click()
  await page.waitForURL(/hide=1/)
  await eventually('only the first is drawn', async () =>
    /vector/.test((await page.textContent('.legend')) ?? '') ? undefined : true,
  )
  await page.getByRole('button', { name: 'Move query B up' }).click()
  await page.waitForURL(/q=vector/)
  const search = new URL(page.url()).searchParams
  assert.deepEqual(
    ['q', 'q1', 'l1', 'hide'].map((name) => search.get(name)),
    ['vector(7)', 'shop_orders', 'shop {{shop}}', '0'],
  )
  const again = await bench.open(window, new URL(page.url()).pathname + new URL(page.url()).search)
  await again.waitForSelector('figure canvas')
  await untilText(again.locator('.legend').first(), /shop a/)
  await page.getByRole('button', { name: 'Remove query A' }).click()
  await page.waitForURL(/q=shop_orders/)
  assert.deepEqual(errors, [])
  await window.close()
})

test('what the server warns of stands beside the answer, in every view', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  for (const view of ['chart', 'table', 'raw']) {
    const page = await bench.open(window, addressOf('quantile(2, shop_orders)', `&view=${view}`))
    await page.getByText('quantile value should be between 0 and 1').waitFor()
    await page.close()
  }
  await window.close()
})

test('a query is explained by a key: parts, rows, and the labels of a part', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, addressOf('sum(rate(shop_orders[1m]))'))
  await page.waitForSelector('figure canvas')
  await page.keyboard.press('x')
  await page.waitForURL(/explain=A/)
  await page.locator('.explain tbody tr code').nth(2).waitFor()
  const parts = await page.locator('.explain tbody tr code').allTextContents()
  assert.deepEqual(parts, [
    'sum(rate(shop_orders[1m]))',
    'rate(shop_orders[1m])',
    'shop_orders[1m]',
  ])
  await page.getByRole('button', { name: 'shop_orders[1m]', exact: true }).click()
  await untilText(page.locator('.explain-labels').first(), /shop.*2 values.*a.*b/)
  await page.locator('.explain-open').last().press('Escape')
  await page.keyboard.press('x')
  await page.waitForURL((url) => !url.search.includes('explain='))
  await window.close()
})

test('a value of the label explorer becomes a matcher of the query', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, addressOf('rate(shop_orders[1m])'))
  await page.getByRole('button', { name: 'Labels' }).click()
  await page.getByRole('searchbox', { name: 'Filter by name' }).fill('shop_ord')
  await page.getByRole('button', { name: /^shop_orders/ }).click()
  await page.waitForURL(/labels=metric/)
  await page.getByRole('button', { name: /^shop(?!_)/ }).click()
  await page.waitForURL(/label=shop/)
  await page.getByTitle('Only shop = b').click()
  await page.waitForURL((url) => url.searchParams.get('q') === 'rate(shop_orders{shop="b"}[1m])')
  await page.getByRole('button', { name: 'Without shop = a' }).click()
  await page.waitForURL(
    (url) => url.searchParams.get('q') === 'rate(shop_orders{shop="b", shop!="a"}[1m])',
  )
  await window.close()
})

test('a quantile leads to its buckets, which are a heat map read by arrow keys', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(
    window,
    addressOf(`histogram_quantile(0.9, ${buckets})`, '&view=heat'),
  )
  await page.getByRole('button', { name: 'Ask for its buckets' }).click()
  await page.waitForURL((url) => url.searchParams.get('q') === buckets)
  const figure = page.locator('figure')
  await focusOn(figure)
  await page.keyboard.press('ArrowUp')
  await untilText(figure.getByRole('status'), /0\s?s – 100\s?ms · 5/)
  await page.getByRole('button', { name: 'Show as table ( t )' }).click()
  await untilText(figure, /> 500\sms/)
  await window.close()
})

test('a query that runs is stopped, and the page says so', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await window.newPage()
  let isGone = false
  // The answer never comes: only stopping ends the wait.
  await page.route(/query_range/, () => undefined)
  page.on('requestfailed', (request) => {
    isGone ||= request.url().includes('query_range')
  })
  await page.goto(served.base + addressOf('shop_orders'))
  await page.getByRole('button', { name: 'Stop' }).click()
  await untilText(page.locator('h1'), /Stopped/)
  await eventually('the request itself was given up', () => isGone || undefined)
  await window.close()
})
