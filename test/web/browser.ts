/** A real browser for tests of the web UI: Debian's Chromium, signed in, with its mistakes and barriers collected. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'
import { findProgram } from '../support/programs.ts'
import { eventually, type Served } from '../support/serve.ts'

const launchArguments = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** How long a page may take for whatever is waited for; it costs only when a test fails. */
const patienceMs = 60_000

/** The browser of a test file and the server it looks at. */
export class BrowserBench {
  readonly #served: () => Served
  #browser: Browser | undefined

  constructor(served: () => Served) {
    this.#served = served
  }

  /** The browser, or `undefined` after the test was marked as skipped. */
  async launch(context: TestContext): Promise<Browser | undefined> {
    const executablePath = findProgram(context, 'chromium')
    if (executablePath === undefined) return undefined
    if (!existsSync(resolve(import.meta.dirname, '../../web/dist/index.html'))) {
      const reason = 'web/dist is not built; node scripts/setup.mjs builds it'
      if (process.env['CI'] === 'true') throw new Error(reason)
      context.skip(reason)
      return undefined
    }
    this.#browser ??= await chromium.launch({ executablePath, args: launchArguments })
    return this.#browser
  }

  /** A signed-in window. */
  async window(
    o: { language?: string; width?: number; token?: string } = {},
  ): Promise<BrowserContext> {
    const served = this.#served()
    const window = await this.#browser!.newContext({
      locale: o.language ?? 'en-US',
      colorScheme: 'light',
      // Colours that are on their way from one mode to the other are nobody's.
      reducedMotion: 'reduce',
      viewport: { width: o.width ?? 1280, height: 800 },
    })
    window.setDefaultTimeout(patienceMs)
    const reply = await window.request.post(`${served.base}/api/shipwatch/v1/session`, {
      data: { token: o.token ?? served.token() },
      headers: { origin: served.base },
    })
    assert.equal(reply.status(), 200)
    return window
  }

  /** A page of the UI, once everything that was loading has come. */
  async open(window: BrowserContext, path: string): Promise<Page> {
    const page = await window.newPage()
    await page.goto(this.#served().base + path)
    await untilLoaded(page)
    return page
  }

  /** Opens each path in a language, light and then dark, and tells what is wrong there; `ready` waits for more. */
  async findProblems(
    paths: readonly string[],
    o: { language: string; ready?: (page: Page, path: string) => Promise<void> },
  ): Promise<string[]> {
    const window = await this.window(o)
    const problems: string[] = []
    for (const path of paths) {
      const page = await window.newPage()
      const errors = watchErrors(page)
      await page.goto(this.#served().base + path)
      await untilLoaded(page)
      await o.ready?.(page, path)
      const found = await findBarriers(page)
      // The other mode has the same elements in other colours.
      await page.emulateMedia({ colorScheme: 'dark' })
      found.push(...(await findBarriers(page, ['color-contrast'])))
      problems.push(...[...found, ...errors].map((problem) => `${path}: ${problem}`))
      await page.close()
    }
    await window.close()
    return problems
  }

  /** Those of the paths that need more than 320 px, with their width. */
  async findWidePages(paths: readonly string[]): Promise<string[]> {
    const window = await this.window({ width: 320 })
    const wide: string[] = []
    for (const path of paths) {
      const page = await this.open(window, path)
      const width = Number(await page.evaluate('document.documentElement.scrollWidth'))
      if (width > 320) wide.push(`${path} is ${width} px wide`)
      await page.close()
    }
    await window.close()
    return wide
  }

  /** Ends the browser. */
  async close(): Promise<void> {
    await this.#browser?.close()
  }
}

/** Waits until everything that was loading has come. */
export async function untilLoaded(page: Page): Promise<void> {
  await page.waitForSelector('h1')
  await eventually('the page is loaded', async () =>
    (await page.locator('.skeleton').count()) === 0 ? true : undefined,
  )
}

/** Reads an element again and again until its text is like that; answers the text. */
export async function untilText(element: Locator, pattern: RegExp): Promise<string> {
  return await eventually(String(pattern), async () => {
    const text = (await element.textContent()) ?? ''
    return pattern.test(text) ? text : undefined
  })
}

/** Presses two keys as one hand does: a machine that is slow between two calls is no slow hand. */
export async function pressChord(page: Page, first: string, second: string): Promise<void> {
  await Promise.all([page.keyboard.press(first), page.keyboard.press(second)])
}

/** Puts the focus there and sees that it stays: a dialog takes it for itself a moment after it opened. */
export async function focusOn(element: Locator): Promise<void> {
  const page = element.page()
  await eventually('the focus stays', async () => {
    await element.focus()
    // After a frame and a timer, whoever wanted the focus has taken it. As text: the words are the browser's.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done)))')
    return (await element.and(page.locator(':focus')).count()) === 1 ? true : undefined
  })
}

/** Chooses an option by keyboard alone: arrow by arrow, since typing its name is a matter of speed. */
export async function chooseByKeys(select: Locator, name: string): Promise<void> {
  await focusOn(select)
  const { keyboard } = select.page()
  await keyboard.press('Home')
  for (let last: string | undefined; ; ) {
    // Numbers do not break from their units; to a reader that is a blank like any other.
    const now = (await select.locator('option:checked').textContent())?.replace(/\s/g, ' ')
    if (now === name) return
    assert.notEqual(now, last, `there is no option ${name}`)
    last = now
    await keyboard.press('ArrowDown')
  }
}

/** Presses Tab until what has the focus, written `label|text`, is like that. */
export async function tabTo(page: Page, pattern: RegExp): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (performance.now() < endMs) {
    const now = await page.evaluate(
      '(document.activeElement?.getAttribute("aria-label") ?? "") + "|" + (document.activeElement?.textContent ?? "")',
    )
    if (pattern.test(String(now))) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`the keyboard does not reach ${pattern}`)
}

/** Collects what goes wrong on a page. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('response', (response) => {
    if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`)
  })
  return errors
}

/** What axe finds that keeps people out; `rules` narrows it. */
export async function findBarriers(page: Page, rules: string[] = []): Promise<string[]> {
  const builder = new AxeBuilder({ page })
  const { violations } = await (rules.length === 0 ? builder : builder.withRules(rules)).analyze()
  return violations
    .filter((one) => /serious|critical/.test(one.impact ?? ''))
    .map((one) => `${one.help}: ${one.nodes.map((node) => node.html).join(' ')}`)
}
