/** What any system says of itself through Node, under node_exporter's names: macOS and others. */

import { statfs } from 'node:fs/promises'
import {
  cpus,
  freemem,
  hostname,
  loadavg,
  machine,
  release,
  type as systemName,
  totalmem,
  uptime,
  version,
} from 'node:os'
import type { HostCollector, HostSource } from './host-linux.ts'

function readCpu({ page }: HostSource): void {
  cpus().forEach((cpu, index) => {
    const family = {
      name: 'node_cpu_seconds_total',
      type: 'counter' as const,
      help: 'Seconds the CPUs spent in each mode.',
    }
    const modes: [string, number][] = [
      ['user', cpu.times.user],
      ['nice', cpu.times.nice],
      ['system', cpu.times.sys],
      ['idle', cpu.times.idle],
    ]
    for (const [mode, timeMs] of modes) {
      page.add(family, timeMs / 1000, ['cpu', String(index), 'mode', mode])
    }
  })
}

function readMemory({ page }: HostSource): void {
  const add = (field: string, value: number): void =>
    page.add(
      {
        name: `node_memory_${field}_bytes`,
        type: 'gauge',
        help: `Memory information field ${field}_bytes.`,
      },
      value,
    )
  add('MemTotal', totalmem())
  add('MemFree', freemem())
  add('MemAvailable', freemem())
}

function readLoad({ page }: HostSource): void {
  loadavg().forEach((value, index) => {
    const minutes = [1, 5, 15][index]!
    page.add(
      { name: `node_load${minutes}`, type: 'gauge', help: `${minutes}m load average.` },
      value,
    )
  })
}

function readStat({ page, clock }: HostSource): void {
  page.add(
    { name: 'node_boot_time_seconds', type: 'gauge', help: 'Node boot time, in unixtime.' },
    Math.round(clock.nowTimeMs() / 1000 - uptime()),
  )
}

function readTime({ page, clock }: HostSource): void {
  page.add(
    {
      name: 'node_time_seconds',
      type: 'gauge',
      help: 'System time in seconds since epoch (1970).',
    },
    clock.nowTimeMs() / 1000,
  )
}

function readUname({ page }: HostSource): void {
  page.add(
    {
      name: 'node_uname_info',
      type: 'gauge',
      help: 'Labeled system information as provided by the uname system call.',
    },
    1,
    [
      'machine',
      machine(),
      'nodename',
      hostname(),
      'release',
      release(),
      'sysname',
      systemName(),
      'version',
      version(),
    ],
  )
}

async function readFileSystem({ page }: HostSource): Promise<void> {
  const state = await statfs('/')
  const add = (name: string, help: string, value: number): void =>
    page.add({ name: `node_filesystem_${name}`, type: 'gauge', help }, value, ['mountpoint', '/'])
  add('size_bytes', 'Filesystem size in bytes.', state.blocks * state.bsize)
  add('free_bytes', 'Filesystem free space in bytes.', state.bfree * state.bsize)
  add(
    'avail_bytes',
    'Filesystem space available to non-root users in bytes.',
    state.bavail * state.bsize,
  )
}

/** All collectors that work everywhere. */
export const portableCollectors: readonly HostCollector[] = [
  { name: 'cpu', read: readCpu },
  { name: 'filesystem', read: readFileSystem },
  { name: 'loadavg', read: readLoad },
  { name: 'meminfo', read: readMemory },
  { name: 'stat', read: readStat },
  { name: 'time', read: readTime },
  { name: 'uname', read: readUname },
]
