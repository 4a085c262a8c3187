/** A thousand targets, each a server of its own: every turn comes, on its grid, spread over the interval. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeMatcher } from '../../model/matcher.ts'
import { makeCollector } from '../testdata/make-collector.ts'

const targetCount = 1000
const intervalMs = 4000
const turnCount = 3

/** How late a timer came at worst while the watch ran: turns cannot be better than that. */
function watchTimers(): { stop: () => number } {
  let worstMs = 0
  let dueMs = performance.now() + 20
  const timer = setInterval(() => {
    const nowMs = performance.now()
    worstMs = Math.max(worstMs, nowMs - dueMs)
    dueMs = nowMs + 20
  }, 20)
  return {
    stop: () => {
      clearInterval(timer)
      return worstMs
    },
  }
}

async function startServers(): Promise<{ ports: number[]; close: () => void }> {
  const servers: Server[] = []
  for (let index = 0; index < targetCount; index++) {
    const page = `target_number ${index}\n`
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(page)
    })
    servers.push(server.listen(0, '127.0.0.1'))
  }
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  const close = (): void => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  }
  return { ports, close }
}

/** Each target takes a listening socket and both ends of a connection. */
function findTooFewFiles(): string | false {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
  return files < 4 * targetCount && `${files} open files are allowed, too few for the test`
}

test('a thousand targets are scraped without drift and without a turn left out', {
  skip: findTooFewFiles(),
  timeout: 300_000,
}, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-thousand-'))
  const { ports, close } = await startServers()
  const targets = ports.map((port) => `'127.0.0.1:${port}'`).join(', ')
  const yaml = `host_agent: {enabled: false}
scrape_configs:
  - job_name: many
    scrape_interval: ${intervalMs}ms
    scrape_timeout: ${intervalMs}ms
    static_configs: [{targets: [${targets}]}]
`
  const { store, collector } = makeCollector(yaml, folder)
  const readUps = () =>
    store.select({
      matchers: [makeMatcher('__name__', '=', 'up')],
      startTimeMs: 0,
      endTimeMs: Date.now() + 60_000,
    })
  const watch = watchTimers()
  try {
    await collector.start()
    let ups = await readUps()
    while (ups.length < targetCount || ups.some(({ count }) => count < turnCount)) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      ups = await readUps()
    }
    const worstMs = watch.stop()
    context.diagnostic(`the latest timer came ${Math.round(worstMs)} ms late`)
    const lateMsMax = 100 + 2 * worstMs
    assert.equal(ups.length, targetCount)
    const ofTenth = new Array<number>(10).fill(0)
    let onGridCount = 0
    let sampleCount = 0
    for (const { count, timeMs, value } of ups) {
      const firstTimeMs = timeMs[0]!
      ofTenth[Math.floor(((firstTimeMs % intervalMs) / intervalMs) * 10)]!++
      for (let turn = 0; turn < count; turn++) {
        assert.equal(value[turn], 1)
        const lateMs = timeMs[turn]! - firstTimeMs - turn * intervalMs
        // A turn left out would be a whole interval late, and drift would add up.
        const isInTime = Math.abs(lateMs) < lateMsMax
        assert.ok(isInTime || lateMsMax > intervalMs / 2, `turn ${turn} is ${lateMs} ms late`)
        sampleCount++
        if (lateMs === 0) onGridCount++
      }
    }
    // Targets stand by the hash of their address: each tenth of the interval gets about a hundred.
    if (worstMs < intervalMs / 20) {
      for (const count of ofTenth) assert.ok(count > 50 && count < 160, `spread: ${ofTenth}`)
    }
    context.diagnostic(`${onGridCount} of ${sampleCount} samples are on the millisecond`)
    // What is a hundredth of the interval late at most bears its planned time.
    if (lateMsMax < intervalMs / 10) assert.ok(onGridCount > sampleCount / 2)
  } finally {
    watch.stop()
    await collector.stop()
    close()
    await rm(folder, { recursive: true, force: true })
  }
})
