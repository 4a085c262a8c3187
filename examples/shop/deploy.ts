/**
 * Rolls out a version of a service of the shop and waits until it answers. Pipelines call it, and so
 * does Shipwatch when it takes a release back (see services[].rollback in shipwatch.yml).
 *
 *   node examples/shop/deploy.ts --service checkout --version v2
 */

import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    service: { type: 'string' },
    version: { type: 'string' },
    control: { type: 'string', default: process.env['SHOP_CONTROL'] ?? 'http://127.0.0.1:7100' },
  },
})
if (options.service === undefined || options.version === undefined) {
  console.error('usage: deploy.ts --service NAME --version VERSION [--control ADDRESS]')
  process.exit(2)
}

const reply = await fetch(new URL('/deploy', options.control), {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ service: options.service, version: options.version }),
  signal: AbortSignal.timeout(30_000),
})
if (!reply.ok) {
  console.error(`not deployed: ${await reply.text()}`)
  process.exit(1)
}
console.log(`${options.service} ${options.version} is deployed and answers`)
