/** Shipwatch itself as it ships, started by the pinned Node. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluationInterval, findFreePort, makeRuleFile, type PeerKind } from './peer.ts'

const root = join(import.meta.dirname, '..', '..')

/** Ourselves. */
export const shipwatch: PeerKind = {
  name: 'shipwatch',
  commands: [],
  plan: async (needs) => {
    const port = await findFreePort()
    const baseUrl = `http://127.0.0.1:${port}`
    const config = join(needs.folder, 'shipwatch.yml')
    const lines = [`global: { evaluation_interval: ${evaluationInterval} }`]
    if (needs.webhook !== undefined) {
      writeFileSync(join(needs.folder, 'rules.yml'), makeRuleFile(needs))
      lines.push(
        'rule_files: [rules.yml]',
        "route: { receiver: bench, group_by: ['...'], group_wait: 0s, group_interval: 1s }",
        `receivers: [{ name: bench, webhook_configs: [{ url: '${needs.webhook}' }] }]`,
      )
    }
    writeFileSync(config, `${lines.join('\n')}\n`)
    const args = [
      ['serve', '--config', config, '--data-dir', join(needs.folder, 'data')],
      ['--port', String(port), '--no-auth', '--log-level', 'warn'],
    ].flat()
    return {
      baseUrl,
      writeUrl: `${baseUrl}/api/v1/write`,
      queryWords: {},
      programs: [
        {
          command: process.execPath,
          args: ['--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts'), ...args],
          readyUrl: `${baseUrl}/-/ready`,
        },
      ],
    }
  },
}
