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
const turnCount = 3
/** What a calm machine keeps easily; a busy one gets a longer interval. */
const intervalMsMin = 4000
/** A turn that begins so late still bears its planned time. */
const onGridMsMax = 10

/** How late timers came while the watch ran: turns cannot be better than that. */
function watchTimers(): { stop: () => { worstMs: number; lateRatio: number } } {
  let worstMs = 0
  let count = 0
  let lateCount = 0
  let dueMs = performance.now() + 20
  const timer = setInterval(() => {
    const nowMs = performance.now()
    worstMs = Math.max(worstMs, nowMs - dueMs)
    count++
    if (nowMs - dueMs > onGridMsMax) lateCount++
    dueMs = nowMs + 20
  }, 20)
  return {
    stop: () => {
      clearInterval(timer)
      return { worstMs, lateRatio: lateCount / count }
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

/** An interval that this machine can keep now: asking everybody once takes less than a third of it. */
async function findInterval(ports: readonly number[]): Promise<number> {
  const startMs = performance.now()
  const waiting = [...ports]
  const lanes = Array.from({ length: 20 }, async () => {
    for (let port = waiting.pop(); port !== undefined; port = waiting.pop())
      await (await fetch(`http://127.0.0.1:${port}/`)).text()
  })
  await Promise.all(lanes)
  const roundMs = performance.now() - startMs
  return Math.max(intervalMsMin, Math.ceil((roundMs * 3) / 1000) * 1000)
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
  const intervalMs = await findInterval(ports)
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
    const { worstMs, lateRatio } = watch.stop()
    context.diagnostic(
      `every ${intervalMs} ms; the latest timer came ${Math.round(worstMs)} ms late, ` +
        `${(lateRatio * 100).toFixed(1)} % were late`,
    )
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
    if (lateMsMax < intervalMsMin / 10) assert.ok(onGridCount > sampleCount / 2)
  } finally {
    watch.stop()
    await collector.stop()
    close()
    await rm(folder, { recursive: true, force: true })
  }
})
