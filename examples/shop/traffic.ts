/**
 * Steady made traffic for the shop: visitors who look and visitors who buy, at a fixed rate whatever
 * the answers (open loop, as real visitors do).
 *
 *   node examples/shop/traffic.ts --to http://127.0.0.1:7101 --rate 50
 */

import http from 'node:http'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    to: { type: 'string', default: 'http://127.0.0.1:7101' },
    rate: { type: 'string', default: '50' },
  },
})
const agent = new http.Agent({ keepAlive: true, maxSockets: 128 })
const rate = Number(options.rate)
const startTimeMs = Date.now()
let sentCount = 0

function send(index: number): void {
  const isBuying = index % 5 !== 0
  const request = http.request(
    new URL(isBuying ? '/buy' : '/', options.to),
    { method: isBuying ? 'POST' : 'GET', agent, timeout: 10_000 },
    (reply) => reply.resume(),
  )
  // A visitor whose request fails goes away; the shop's own metrics tell.
  request.on('error', () => undefined)
  request.on('timeout', () => request.destroy())
  request.end(isBuying ? '{"goods":["compass"]}' : undefined)
}

setInterval(() => {
  const dueCount = Math.floor(((Date.now() - startTimeMs) / 1_000) * rate)
  // After a pause of the machine only a second's worth is caught up.
  if (dueCount - sentCount > rate) sentCount = dueCount - rate
  while (sentCount < dueCount) send(sentCount++)
}, 20)
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => process.exit(0))
