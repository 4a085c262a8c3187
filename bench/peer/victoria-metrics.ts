/** Debian's VictoriaMetrics, with its vmalert and Alertmanager when somebody is to be notified. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { planAlertmanager } from './alertmanager.ts'
import {
  evaluationInterval,
  findFreePort,
  makeRuleFile,
  type PeerKind,
  type PeerProgram,
} from './peer.ts'

/** VictoriaMetrics. */
export const victoriaMetrics: PeerKind = {
  name: 'victoria-metrics',
  commands: ['victoria-metrics', 'vmalert', 'prometheus-alertmanager'],
  plan: async (needs) => {
    const address = `127.0.0.1:${await findFreePort()}`
    const baseUrl = `http://${address}`
    const programs: PeerProgram[] = [
      {
        command: 'victoria-metrics',
        args: [
          `-storageDataPath=${join(needs.folder, 'data')}`,
          `-httpListenAddr=${address}`,
          '-retentionPeriod=1y',
          '-loggerLevel=WARN',
          // As shipped it hides the newest 30 s from queries, and so from rules.
          '-search.latencyOffset=0s',
        ],
        readyUrl: `${baseUrl}/health`,
      },
    ]
    if (needs.webhook !== undefined) {
      const manager = await planAlertmanager(needs)
      const rules = join(needs.folder, 'rules.yml')
      writeFileSync(rules, makeRuleFile(needs))
      const alertAddress = `127.0.0.1:${await findFreePort()}`
      programs.push(manager.program, {
        command: 'vmalert',
        args: [
          `-datasource.url=${baseUrl}`,
          `-notifier.url=http://${manager.address}`,
          `-rule=${rules}`,
          `-httpListenAddr=${alertAddress}`,
          `-evaluationInterval=${evaluationInterval}`,
          '-loggerLevel=WARN',
        ],
        readyUrl: `http://${alertAddress}/health`,
      })
    }
    const writeUrl = `${baseUrl}/api/v1/write`
    return { baseUrl, writeUrl, queryWords: { nocache: '1' }, programs }
  },
}
