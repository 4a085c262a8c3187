/** What the UI offers to whom: buttons of what one may do, and none of what would be refused. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Served, startServe } from '../support/serve.ts'
import { BrowserBench, untilText } from './browser.ts'

let served: Served
const bench = new BrowserBench(() => served)

before(async () => {
  served = await startServe()
})

after(async () => {
  await bench.close()
  await served.stop()
})

async function makeToken(scope: 'respond' | 'read'): Promise<string> {
  const reply = await fetch(`${served.base}/api/shipwatch/v1/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: scope, scope }),
  })
  assert.equal(reply.status, 201)
  return ((await reply.json()) as { token: string }).token
}

for (const { scope, silences, windows, says } of [
  { scope: 'admin', silences: true, windows: true, says: /^Signed in as \S+\.$/ },
  { scope: 'respond', silences: true, windows: false, says: /act on alerts and incidents/ },
  { scope: 'read', silences: false, windows: false, says: /You may read, and change nothing/ },
] as const)
  test(`a session with the right "${scope}" is offered what it may do`, async (context) => {
    if (!(await bench.launch(context))) return
    const window = await bench.window(scope === 'admin' ? {} : { token: await makeToken(scope) })
    const page = await bench.open(window, '/silences')
    await page.waitForSelector('.verdict')
    const count = (name: string): Promise<number> =>
      page.locator('.page-head').getByRole('button', { name }).count()
    assert.equal(await count('New silence'), silences ? 1 : 0)
    assert.equal(await count('New window'), windows ? 1 : 0)
    const settings = await bench.open(window, '/settings')
    await settings.waitForSelector('.verdict')
    await untilText(settings.locator('.verdict').first(), says)
    assert.equal(
      await settings.getByRole('button', { name: 'Create a token' }).count(),
      windows ? 1 : 0,
    )
    await window.close()
  })
