/**
 * Starts Shipwatch for a harness that compares servers (`peer.json` describes it to one): a
 * configuration in Prometheus's format, and perhaps an address to notify, which that format cannot
 * name. Runs the program in this same process, so that its costs are those of one process id.
 */

import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    config: { type: 'string' },
    'data-dir': { type: 'string' },
    port: { type: 'string' },
    webhook: { type: 'string', default: '' },
    'group-wait': { type: 'string', default: '' },
  },
})

const words = ['serve', '--no-auth', '--log-level', 'warn']
for (const name of ['config', 'data-dir', 'port'] as const) {
  const value = values[name]
  if (value !== undefined) words.push(`--${name}`, value)
}
if (values.webhook !== '') {
  const wait = values['group-wait'] === '' ? {} : { group_wait: values['group-wait'] }
  const route = { receiver: 'bench', group_by: ['...'], group_interval: '1s', ...wait }
  const receivers = [{ name: 'bench', webhook_configs: [{ url: values.webhook }] }]
  words.push('--set', `route=${JSON.stringify(route)}`)
  words.push('--set', `receivers=${JSON.stringify(receivers)}`)
}
process.argv.splice(2, Number.POSITIVE_INFINITY, ...words)
await import('../src/main.ts')
