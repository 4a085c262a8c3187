/** Alerts in a real browser: who has one is seen, taken, given on and told about, by keyboard alone. */

import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually, type Served, startServe } from '../support/serve.ts'
import { BrowserBench, chooseByKeys, findBarriers, focusOn, tabTo, watchErrors } from './browser.ts'

let served: Served
let hook: Server
let calledCount = 0
const bench = new BrowserBench(() => served)

before(async () => {
  hook = createServer((request, response) => {
    request.resume()
    calledCount++
    response.end('ok')
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
  const dataDir = mkdtempSync(join(tmpdir(), 'shipwatch-alerts-'))
  writeFileSync(
    join(dataDir, 'rules.yml'),
    [
      'groups:',
      '  - name: made',
      '    interval: 1s',
      '    rules:',
      '      - { alert: LoadIsKnown, expr: node_load1 >= 0, labels: { service: checkout } }',
      '      - { alert: MemoryIsKnown, expr: node_memory_MemTotal_bytes > 0, labels: { service: cart } }',
    ].join('\n'),
  )
  const hookOf = (name: string): string =>
    `  - { name: ${name}, webhook_configs: [{ url: "${url}" }] }`
  served = await startServe({
    dataDir,
    config: [
      'rule_files: [rules.yml]',
      'receivers:',
      `  - { name: team, escalation_policy: team, webhook_configs: [{ url: "${url}" }] }`,
      hookOf('ann-hook'),
      hookOf('ben-hook'),
      'route: { receiver: team, group_by: [alertname], group_wait: 0s }',
      'people:',
      '  - { name: ann, contacts: [{ name: hook, receiver: ann-hook }] }',
      '  - { name: ben, contacts: [{ name: hook, receiver: ben-hook }] }',
      'escalation_policies:',
      '  - { name: team, steps: [{ person: ann, delay: 30m }, { person: ben }] }',
      '',
    ].join('\n'),
  })
})

after(async () => {
  await bench.close()
  await served.stop()
  await new Promise<void>((resolve) => hook.close(() => resolve()))
})

/** Presses Tab until the button of this name has the focus, then presses it. */
async function press(page: Page, name: string): Promise<void> {
  await tabTo(page, new RegExp(`\\|\\s*${name}\\s*$`))
  await page.keyboard.press('Enter')
}

test('a page is escalated, given to somebody, taken, and tells its story', async (context) => {
  if (!(await bench.launch(context))) return
  await eventually('the pages', async () => (calledCount >= 2 ? true : undefined))
  const window = await bench.window()
  const page = await bench.open(window, '/alerts?state=firing&filter=LoadIsKnown')
  const errors = watchErrors(page)
  await page.locator('tbody tr').getByText('Nobody has it yet').waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  const panel = page.getByRole('region', { name: 'Who has it' })
  await panel.getByText('Without an answer, step 2 of team at').waitFor()
  await panel.getByText('Opened').waitFor()
  const problems = await findBarriers(page)
  await press(page, 'Escalate now')
  await focusOn(page.getByRole('dialog', { name: 'Escalate now' }).getByLabel('Why'))
  await page.keyboard.type('ann is on a train')
  await page.keyboard.press('Enter')
  await panel.getByText('Escalated to step 2').waitFor()
  await panel.getByText('ann is on a train').waitFor()
  await press(page, 'Give to somebody')
  await chooseByKeys(page.getByRole('dialog').getByLabel('Person'), 'ann')
  await press(page, 'Give to somebody')
  await panel.getByText('given to ann').waitFor()
  await press(page, 'Acknowledge')
  await focusOn(page.getByRole('dialog', { name: 'Acknowledge' }).getByLabel('Why'))
  await page.keyboard.press('Enter')
  await panel.getByText('has it', { exact: false }).first().waitFor()
  await panel.getByRole('button', { name: 'Give it back' }).waitFor()
  await page.emulateMedia({ colorScheme: 'dark' })
  problems.push(...(await findBarriers(page, ['color-contrast'])))
  assert.deepEqual([...problems, ...errors], [])
  await window.close()
})

test('alerts are found by label, silenced as a group and taken from the list, and the focus comes back', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window()
  const page = await bench.open(window, '/alerts?state=firing&group=service')
  const errors = watchErrors(page)
  const cart = page.locator('section', {
    has: page.getByRole('heading', { name: 'cart', exact: false }),
  })
  await focusOn(cart.last().getByRole('button', { name: 'Silence these' }))
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Silence alerts' })
  await dialog.getByText('It would hold 1 alert that fires now').waitFor()
  assert.equal(await dialog.getByLabel('Label').inputValue(), 'service')
  assert.equal(await dialog.getByLabel('Value').inputValue(), 'cart')
  await dialog.locator('input:focus').waitFor()
  assert.equal(
    await page.evaluate('document.activeElement === document.querySelector("[data-autofocus]")'),
    true,
  )
  const problems = await findBarriers(page)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await eventually('the focus is back', async () =>
    (await page.evaluate('document.activeElement?.textContent')) === 'Silence these'
      ? true
      : undefined,
  )
  await page.goto(`${served.base}/alerts?state=firing&filter=service%3D%22cart%22`)
  await page.locator('tbody tr').getByText('MemoryIsKnown').waitFor()
  await eventually('the others are left out', async () =>
    (await page.locator('tbody tr').count()) === 1 ? true : undefined,
  )
  await page.keyboard.press('j')
  await page.keyboard.press('a')
  await page.getByRole('dialog', { name: 'Acknowledge' }).waitFor()
  await page.keyboard.press('Escape')
  await page.goto(`${served.base}/alerts?alert=0123456789abcdef`)
  await page.getByText('The alert of this link is over').waitFor()
  problems.push(...(await findBarriers(page)))
  assert.deepEqual([...problems, ...errors], [])
  await window.close()
})

test('alerts stand in groups, and all pages of what is shown are taken at once', async (context) => {
  if (!(await bench.launch(context))) return
  const window = await bench.window({ language: 'zh-CN' })
  const page = await bench.open(window, '/alerts?state=firing&filter=MemoryIsKnown&group=service')
  const errors = watchErrors(page)
  await page.getByRole('heading', { name: 'cart' }).waitFor()
  const problems = await findBarriers(page)
  await focusOn(page.getByRole('button', { name: '认领 1 个呼叫' }))
  await page.keyboard.press('Enter')
  await focusOn(page.getByRole('dialog').getByLabel('原因'))
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const held = await bench.open(window, '/alerts?state=held&filter=MemoryIsKnown')
  await held.locator('tbody tr').getByText('在处理').waitFor()
  assert.deepEqual([...problems, ...errors], [])
  await window.close()
})
