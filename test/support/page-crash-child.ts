/**
 * The victim of the crash matrix of paging: store, alerting and notifying as they are, and an alert that
 * is said to fire again and again, as evaluation says it, until a line comes in on standard input; then
 * it is said to be over. It dies where `SHIPWATCH_FAULT_POINT` says.
 */

import { writeSync } from 'node:fs'
import { AlertDesk } from '../../src/alert/alert.ts'
import { alertSettings } from '../../src/alert/settings.ts'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { parseYaml } from '../../src/config/config.ts'
import { z } from '../../src/config/schema.ts'
import { makeLabels } from '../../src/model/labels.ts'
import { Notifier } from '../../src/notify/notify.ts'
import { notifySettings } from '../../src/notify/settings.ts'
import { OnCall } from '../../src/oncall/oncall.ts'
import { oncallSettings } from '../../src/oncall/settings.ts'
import { Store, type StoreSettings, storeSettings } from '../../src/store/store.ts'

const [dataDir, config, firedTimeMs, isOverAtStart] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
]
const value = parseYaml(config, 'shipwatch.yml').value
const settings = {
  ...z.object({ ...alertSettings.top, ...oncallSettings.top, ...notifySettings.top }).parse(value),
  global: z.object({ ...alertSettings.global, ...notifySettings.global }).parse({}),
}
const store = await Store.open({
  dataDir,
  settings: z.object(storeSettings.top).parse({}) as StoreSettings,
  clock: systemClock,
  log: silentLog,
})
const around = { records: store.records, clock: systemClock, log: silentLog }
const notifier = new Notifier({
  ...around,
  settings,
  random: systemRandom,
  externalUrl: 'http://ship',
})
const oncall = new OnCall(settings)
const desk = new AlertDesk({ ...around, notifier, oncall, settings, externalUrl: 'http://ship' })
await desk.start()
let isOver = isOverAtStart === 'over'
process.stdin.on('data', () => {
  isOver = true
})
writeSync(1, 'ready\n')
for (;;) {
  const nowTimeMs = systemClock.nowTimeMs()
  await desk.publish([
    {
      labels: makeLabels({ alertname: 'Down' }),
      annotations: makeLabels({}),
      state: isOver ? 'resolved' : 'firing',
      firedTimeMs: Number(firedTimeMs),
      activeTimeMs: Number(firedTimeMs),
      endTimeMs: isOver ? nowTimeMs : nowTimeMs + 60_000,
      value: 1,
      generatorUrl: '',
      rule: undefined,
    },
  ])
  await systemClock.sleep(200)
}
