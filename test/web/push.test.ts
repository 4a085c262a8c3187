/** Pushes in a real browser: the service worker shows what it gets, and the Settings page says how things stand. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, type Served, startServe } from '../support/serve.ts'
import { BrowserBench, findBarriers, untilLoaded } from './browser.ts'

interface Shown {
  title: string
  body: string
  tag: string
  url: string
}

let served: Served
const bench = new BrowserBench(() => served)

before(async () => {
  served = await startServe()
})
after(async () => {
  await bench.close()
  await served?.stop()
})

test('the worker shows a push as one notification for each trouble', async (context) => {
  if ((await bench.launch(context)) === undefined) return
  const window = await bench.window()
  await window.grantPermissions(['notifications'], { origin: served.base })
  const page = await bench.open(window, '/settings')
  // As text: these words are the browser's, not ours.
  await page.evaluate(`(async () => {
    await navigator.serviceWorker.register('/push-worker.js')
    await navigator.serviceWorker.ready
  })()`)
  const session = await window.newCDPSession(page)
  const found = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      if (registrations[0] !== undefined) resolve(registrations[0].registrationId)
    })
  })
  await session.send('ServiceWorker.enable')
  const registrationId = await found
  const push = (title: string) =>
    session.send('ServiceWorker.deliverPushMessage', {
      origin: served.base,
      registrationId,
      data: JSON.stringify({
        title,
        body: 'since 10:00',
        status: 'firing',
        tag: 'group',
        url: '/incidents',
        actions: [{ kind: 'acknowledge', title: 'Acknowledge', url: '/acknowledge/t' }],
      }),
    })
  const shown = () =>
    page.evaluate<Shown[]>(`(async () => {
      const registration = await navigator.serviceWorker.ready
      const all = await registration.getNotifications()
      return all.map(({ title, body, tag, data }) => ({ title, body, tag, url: data.url }))
    })()`)
  await push('[FIRING:1] Down')
  await eventually('it is shown', async () => ((await shown()).length === 1 ? true : undefined))
  await push('[FIRING:2] Down')
  await eventually('the later one took its place', async () =>
    (await shown())[0]?.title === '[FIRING:2] Down' ? true : undefined,
  )
  const expected = {
    title: '[FIRING:2] Down',
    body: 'since 10:00',
    tag: 'group',
    url: '/incidents',
  }
  assert.deepEqual(await shown(), [expected])
})

test('Settings offers pushes where the browser takes them, and says when it does not', async (context) => {
  if ((await bench.launch(context)) === undefined) return
  const window = await bench.window()
  const page = await bench.open(window, '/settings')
  await untilLoaded(page)
  await page.getByRole('heading', { name: 'Alerts on this device' }).waitFor()
  const text = await eventually('the state is said', async () => {
    const card = page.locator('section, .card').filter({ hasText: 'Alerts on this device' }).last()
    const said = (await card.textContent()) ?? ''
    return /tell this browser|no notifications|takes no pushes/.test(said) ? said : undefined
  })
  assert.deepEqual(await findBarriers(page), [])
  assert.match(text, /Show alerts here|allow them there|begins with https/)
})
