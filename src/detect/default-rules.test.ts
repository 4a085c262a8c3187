import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryRecords } from '../../test/support/memory-records.ts'
import { VirtualClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import { makeLabels } from '../model/labels.ts'
import { SampleBatchBuilder } from '../model/sample.ts'
import { QueryEngine } from '../query/query.ts'
import { querySettings } from '../query/settings.ts'
import { MemoryStore } from '../store/store.ts'
import { Detector } from './detect.ts'
import { detectSettings } from './settings.ts'

const gib = 1024 ** 3
/** Twice the interval at which lines are counted. */
const stepSeconds = 10

/** What a machine shows after `seconds`: figures by metric, changed by a case. */
type Machine = (seconds: number) => Record<string, number>

const healthy: Machine = (seconds) => ({
  cpuIdle: seconds * 0.7,
  cpuUser: seconds * 0.3,
  memoryAvailable: 6 * gib,
  // a build comes and goes
  diskAvailable: (40 + 5 * Math.sin(seconds / 300)) * gib,
  up: 1,
  errorLines: seconds / 30,
  ...{ memoryTotal: 16 * gib, diskSize: 100 * gib },
})

/** Runs the built-in rules over an hour of a machine; answers which alerts fired. */
async function fireOver(machine: Machine): Promise<string[]> {
  const clock = new VirtualClock(1_700_000_000_000)
  const store = new MemoryStore({ clock })
  const fired = new Set<string>()
  const detector = new Detector({
    engine: new QueryEngine({
      querier: store,
      logs: undefined,
      settings: z.object(querySettings.top).parse({}),
      clock,
      log: silentLog,
    }),
    feed: store,
    appender: store,
    sink: {
      publish: async (alerts) => {
        for (const alert of alerts) {
          fired.add(alert.labels.get('alertname'))
          for (const text of alert.annotations.pairs) assert.ok(!text.includes('<error'), text)
        }
      },
    },
    records: new MemoryRecords(),
    settings: {
      ...z.object(detectSettings.top).parse({}),
      global: z.object(detectSettings.global).parse({}),
    },
    clock,
    log: silentLog,
    externalUrl: 'http://x',
  })
  await detector.start()
  const host = { job: 'node', instance: 'h' }
  const disk = { ...host, device: '/dev/sda1', fstype: 'ext4', mountpoint: '/' }
  for (let seconds = 0; seconds < 3600; seconds += stepSeconds) {
    const figures = machine(seconds)
    const rows: [string, Record<string, string>, number][] = [
      ['node_cpu_seconds_total', { ...host, cpu: '0', mode: 'idle' }, figures['cpuIdle']!],
      ['node_cpu_seconds_total', { ...host, cpu: '0', mode: 'user' }, figures['cpuUser']!],
      ['node_memory_MemAvailable_bytes', host, figures['memoryAvailable']!],
      ['node_memory_MemTotal_bytes', host, figures['memoryTotal']!],
      ['node_filesystem_avail_bytes', disk, figures['diskAvailable']!],
      ['node_filesystem_size_bytes', disk, figures['diskSize']!],
      ['node_filesystem_readonly', disk, 0],
      ['up', { job: 'app', instance: 'a' }, figures['up']!],
      ['log_lines_total', { service: 'shop', level: 'error' }, figures['errorLines']!],
    ]
    const builder = new SampleBatchBuilder()
    for (const [name, labels, value] of rows) {
      const id = store.seriesId(makeLabels({ __name__: name, ...labels }))
      builder.add(id, clock.nowTimeMs(), value)
    }
    store.appendNow(builder.batch)
    await clock.advance(stepSeconds * 1000)
  }
  await detector.stop()
  return [...fired].sort()
}

test('a healthy machine is left in peace', async () => {
  assert.deepEqual(await fireOver(healthy), [])
})

test('each trouble trips its own rule', async () => {
  const check = async (change: Machine, expected: string[]) =>
    assert.deepEqual(
      await fireOver((seconds) => ({ ...healthy(seconds), ...change(seconds) })),
      expected,
    )
  await check((s) => ({ cpuIdle: s * 0.01 }), ['HostCpuBusy'])
  await check(() => ({ memoryAvailable: gib / 4 }), ['HostMemoryLow'])
  await check(() => ({ diskAvailable: 7 * gib }), ['HostDiskSpaceLow'])
  await check((s) => ({ diskAvailable: (30 - s / 400) * gib }), ['HostDiskFullWithin4Hours'])
  await check((s) => ({ up: s > 1800 ? 0 : 1 }), ['TargetDown'])
  await check((s) => ({ errorLines: s < 3000 ? s / 30 : 100 + (s - 3000) }), ['LogErrorBurst'])
})

test('a burst of errors that is over within half a minute tells nobody', async () => {
  const burst: Machine = (seconds) => ({
    ...healthy(seconds),
    errorLines: seconds / 30 + 20 * Math.min(Math.max(seconds - 3000, 0), 25),
  })
  assert.deepEqual(await fireOver(burst), [])
})
