/** Debian's Prometheus, with Alertmanager when somebody is to be notified. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { planAlertmanager } from './alertmanager.ts'
import { evaluationInterval, findFreePort, makeRuleFile, type PeerKind } from './peer.ts'

/** Prometheus. */
export const prometheus: PeerKind = {
  name: 'prometheus',
  commands: ['prometheus', 'prometheus-alertmanager'],
  plan: async (needs) => {
    const address = `127.0.0.1:${await findFreePort()}`
    const baseUrl = `http://${address}`
    const config = join(needs.folder, 'prometheus.yml')
    const lines = [`global: { evaluation_interval: ${evaluationInterval} }`]
    const programs = []
    if (needs.webhook !== undefined) {
      const manager = await planAlertmanager(needs)
      programs.push(manager.program)
      writeFileSync(join(needs.folder, 'rules.yml'), makeRuleFile(needs))
      lines.push(
        'rule_files: [rules.yml]',
        `alerting: { alertmanagers: [{ static_configs: [{ targets: ['${manager.address}'] }] }] }`,
      )
    }
    writeFileSync(config, `${lines.join('\n')}\n`)
    programs.push({
      command: 'prometheus',
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(needs.folder, 'data')}`,
        `--web.listen-address=${address}`,
        '--web.enable-remote-write-receiver',
        '--log.level=warn',
      ],
      readyUrl: `${baseUrl}/-/ready`,
    })
    return { baseUrl, writeUrl: `${baseUrl}/api/v1/write`, queryWords: {}, programs }
  },
}
