/** The host agent, beside Debian's real node_exporter: same names, same labels, near values. */

import assert from 'node:assert/strict'
import { platform } from 'node:os'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { parseExposition, type ExpositionPage } from '../scrape/exposition-page.ts'
import {
  fetchWhenUp,
  findFreePort,
  skipWithout,
  startProgram,
} from '../../../test/support/programs.ts'
import { HostAgent } from './host.ts'
import { PageWriter } from './page-writer.ts'
import { parseProcessStat } from './processes.ts'

const makeAgent = (processCount = 10): HostAgent =>
  new HostAgent({ clock: systemClock, log: silentLog, processCount })

const namesOf = (page: ExpositionPage): Set<string> =>
  new Set(page.samples.map(({ labels }) => labels.get('__name__')))

test('the page names what dashboards and rules of node_exporter ask for', {
  skip: platform() === 'linux' ? false : 'needs /proc of Linux',
}, async () => {
  const agent = makeAgent()
  await agent.render()
  const page = parseExposition(await agent.render(), 'text')
  const names = namesOf(page)
  for (const name of [
    'node_cpu_seconds_total',
    'node_memory_MemTotal_bytes',
    'node_memory_MemAvailable_bytes',
    'node_filesystem_avail_bytes',
    'node_filesystem_files_free',
    'node_network_receive_bytes_total',
    'node_load1',
    'node_uname_info',
    'node_boot_time_seconds',
    'node_time_seconds',
    'node_filefd_allocated',
    'node_context_switches_total',
    'node_intr_total',
    'node_forks_total',
    'node_procs_running',
    'node_vmstat_pgmajfault',
    'node_netstat_Tcp_CurrEstab',
    'node_sockstat_sockets_used',
    'node_scrape_collector_success',
    'namedprocess_namegroup_memory_bytes',
  ]) {
    assert.ok(names.has(name), name)
  }
  const groups = page.samples.filter(
    ({ labels }) => labels.get('__name__') === 'namedprocess_namegroup_num_procs',
  )
  assert.ok(groups.length > 0 && groups.length <= 10)
  assert.ok(page.families.every((family) => family.type !== undefined && family.help !== undefined))
})

test('without process groups the page has none', async () => {
  assert.doesNotMatch(await makeAgent(0).render(), /namedprocess/)
})

/** Values that stand still, so that both must say the same. */
const still =
  /^node_(boot_time_seconds|uname_info|filefd_maximum|memory_(MemTotal|SwapTotal|CommitLimit|Hugepagesize)_bytes|memory_HugePages_Total|filesystem_(size_bytes|readonly|device_error|files)|network_(mtu_bytes|up|speed_bytes)|nf_conntrack_entries_limit|disk_discards_merged_total)$/
/** Values that only grow, so that ours, read between two pages of theirs, must lie between. */
const growing = /_total$|^node_(netstat_.*(Segs|Opens|Octets|Msgs)|vmstat_pg.*|time_seconds)$/

test('names, labels and values are those of the real node_exporter', {
  skip: platform() === 'linux' ? skipWithout('prometheus-node-exporter') : 'needs Linux',
  timeout: 300_000,
}, async () => {
  const port = await findFreePort()
  // The filters of current node_exporter, which Debian's changes.
  const exporter = startProgram('prometheus-node-exporter', [
    `--web.listen-address=127.0.0.1:${port}`,
    '--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)',
    '--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$',
  ])
  try {
    const read = async (): Promise<ExpositionPage> =>
      parseExposition(await fetchWhenUp(`http://127.0.0.1:${port}/metrics`), 'text')
    const agent = makeAgent(0)
    const before = await read()
    const own = parseExposition(await agent.render(), 'text')
    const after = await read()
    const byKey = (page: ExpositionPage): Map<string, number> =>
      new Map(page.samples.map(({ labels, value }) => [labels.key, value]))
    const first = byKey(before)
    const last = byKey(after)
    const theirNames = namesOf(after)
    const typeByName = new Map(after.families.map(({ name, type }) => [name, type]))
    let stillCount = 0
    let growingCount = 0
    const newer =
      /^node_(pressure_irq_|netstat_TcpExt_(TCPOFOQueue|TCPRcvQDrop))|^node_scrape_collector_/
    for (const { labels, value } of own.samples) {
      const name = labels.get('__name__')
      if (newer.test(name)) continue
      const isContainerRoot = labels.get('fstype') === 'overlay'
      if (isContainerRoot) continue
      assert.ok(theirNames.has(name), `node_exporter has no ${name}`)
      const from = first.get(labels.key)
      const to = last.get(labels.key)
      // A series of theirs may have gone or come between; one that is in both must be ours, too.
      assert.ok(to !== undefined || from !== undefined, `node_exporter has no ${labels}`)
      if (from === undefined || to === undefined) continue
      if (still.test(name)) {
        stillCount++
        assert.equal(value, to, labels.toString())
      } else if (growing.test(name)) {
        growingCount++
        assert.ok(value >= from - 0.011 && value <= to + 0.011, `${labels}: ${from} ${value} ${to}`)
      }
    }
    assert.ok(stillCount > 8, `${stillCount} still values compared`)
    assert.ok(growingCount > 50, `${growingCount} growing values compared`)
    for (const { name, type } of own.families) {
      if (typeByName.has(name)) assert.equal(type, typeByName.get(name), name)
    }
    // Nothing of theirs is missing in the families that we show.
    const ourKeys = new Set(own.samples.map(({ labels }) => labels.key))
    const ourNames = namesOf(own)
    for (const { labels } of after.samples) {
      const name = labels.get('__name__')
      if (!ourNames.has(name) || /^node_scrape_collector_/.test(name)) continue
      if (!first.has(labels.key)) continue
      assert.ok(ourKeys.has(labels.key), `we lack ${labels}`)
    }
  } finally {
    await exporter.stop()
  }
})

test('process names may hold blanks and brackets', () => {
  const stat = parseProcessStat(
    '42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 7 0 150 50 0 0 20 0 3 0 12345 1000000 250 184467 1 1 0',
  )
  assert.deepEqual(stat, {
    name: 'a) b (c',
    majorFaults: 7,
    userTicks: 150,
    systemTicks: 50,
    threadCount: 3,
    startTicks: 12345,
    virtualBytes: 1000000,
    residentPages: 250,
  })
  assert.equal(parseProcessStat('nonsense'), undefined)
})

test('labels of a written page come back as they were', () => {
  const page = new PageWriter()
  page.add({ name: 'a', type: 'gauge', help: 'one\ntwo\\' }, 1.5, ['path', 'C:\\"x"\n'])
  const read = parseExposition(page.toString(), 'text')
  assert.equal(read.samples[0]?.labels.get('path'), 'C:\\"x"\n')
  assert.equal(read.families[0]?.help, 'one\ntwo\\')
})
