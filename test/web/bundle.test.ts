/** The size of what a browser loads, against the budget: gzip, of the UI as it is built. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'

const dist = resolve(import.meta.dirname, '../../web/dist')
const assets = join(dist, 'assets')
const kib = 1024

function sizeOf(name: string): number {
  return gzipSync(readFileSync(join(assets, name))).length
}

/** What the first page needs: all that index.html names, the page Now and one language. */
function firstPaint(ending: string): string[] {
  const named = [...readFileSync(join(dist, 'index.html'), 'utf8').matchAll(/assets\/([^"]+)/g)]
  const names = new Set(named.map((match) => match[1]!))
  const queue = readdirSync(assets).filter((name) =>
    // A hash follows at once: zh-CN-pages comes with later pages.
    /^(NowPage|zh-CN)-[\w-]{8}\.js$/.test(name),
  )
  for (const name of queue) {
    names.add(name)
    // Chunks that the page imports itself; what it imports lazily comes later.
    for (const [, other] of readFileSync(join(assets, name), 'utf8').matchAll(
      /from\s*["'`]\.\/([\w.-]+\.js)["'`]/g,
    )) {
      if (!names.has(other!)) queue.push(other!)
    }
  }
  if (ending === '.css') {
    for (const name of readdirSync(assets))
      if (/^(NowPage|chart)-.*\.css$/.test(name)) names.add(name)
  }
  return [...names].filter((name) => name.endsWith(ending))
}

function needDist(context: TestContext): boolean {
  if (existsSync(join(dist, 'index.html'))) return true
  const reason = 'web/dist is not built; node scripts/setup.mjs builds it'
  if (process.env['CI'] === 'true') throw new Error(reason)
  context.skip(reason)
  return false
}

function assertSize(what: string, names: readonly string[], maxKib: number): void {
  const bytes = names.reduce((sum, name) => sum + sizeOf(name), 0)
  assert.ok(bytes > 0, `${what}: nothing was found to measure`)
  assert.ok(
    bytes <= maxKib * kib,
    `${what} has ${(bytes / kib).toFixed(1)} KiB, the budget is ${maxKib}: ${names.join(', ')}`,
  )
}

test('the first paint needs at most 200 KiB of scripts and 20 KiB of styles', (context) => {
  if (!needDist(context)) return
  assertSize('first paint, scripts', firstPaint('.js'), 200)
  assertSize('first paint, styles', firstPaint('.css'), 20)
})

test('each page is at most 30 KiB, the editor 150, everything 520', (context) => {
  if (!needDist(context)) return
  const scripts = readdirSync(assets).filter((name) => name.endsWith('.js'))
  const pages = scripts.filter((name) => /^[A-Z]\w*Page-/.test(name))
  assert.ok(pages.length >= 14, `only ${pages.length} pages are chunks of their own`)
  for (const name of pages) assertSize(name, [name], 30)
  assertSize(
    'the editor',
    scripts.filter((name) => name.startsWith('PromqlEditor-')),
    150,
  )
  // Nobody loads all of it: a reader of every page does, in every language and with both editors.
  assertSize('all scripts', scripts, 520)
})
