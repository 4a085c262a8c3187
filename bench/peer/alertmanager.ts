/** Debian's Alertmanager, which notifies for the peers that cannot themselves. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort, type PeerNeeds, type PeerProgram } from './peer.ts'

/** Its address and its process, set to wait for nothing. */
export async function planAlertmanager(
  needs: PeerNeeds,
): Promise<{ address: string; program: PeerProgram }> {
  const address = `127.0.0.1:${await findFreePort()}`
  const config = join(needs.folder, 'alertmanager.yml')
  writeFileSync(
    config,
    `route: { receiver: bench, group_by: ['...'], group_wait: 0s, group_interval: 1s }
receivers: [{ name: bench, webhook_configs: [{ url: '${needs.webhook}' }] }]
`,
  )
  return {
    address,
    program: {
      command: 'prometheus-alertmanager',
      args: [
        `--config.file=${config}`,
        `--storage.path=${join(needs.folder, 'alertmanager')}`,
        `--web.listen-address=${address}`,
        '--cluster.listen-address=',
        '--log.level=warn',
      ],
      readyUrl: `http://${address}/-/ready`,
    },
  }
}
