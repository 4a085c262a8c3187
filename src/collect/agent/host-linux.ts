/**
 * What Linux says of itself in /proc and /sys, under the names and labels of node_exporter, one
 * function per collector of its. Files of /proc are made by the kernel on the spot: reading them
 * synchronously costs microseconds, waiting for a thread would cost more.
 * Sources: prometheus/node_exporter collector/*.go (names, labels, default filters; Apache-2.0);
 * proc(5); kernel Documentation/admin-guide/iostats.rst. Differs: an overlay at "/" is shown,
 * because inside a container it is the only file system there is.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { hostname, machine, release, type as systemName, version } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import type { PageWriter, WrittenType } from './page-writer.ts'

/** What a collector works with. */
export interface HostSource {
  page: PageWriter
  clock: Clock
  /** Mount points whose statfs has not come back: asked again only once it has. */
  stuckMounts: Set<string>
}

/** One collector: its name as node_exporter's, and its work. Throws when the kernel does not offer it. */
export interface HostCollector {
  name: string
  read: (source: HostSource) => void | Promise<void>
}

/** Ticks of /proc/stat per second: USER_HZ is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100
/** Bytes of a sector in /proc/diskstats, whatever the device's own. */
const sectorBytes = 512
/** Devices, mounts and CPUs beyond this many are left out. */
const itemsMax = 512
/** Patience with a file system's own answer: a dead network mount must not hold the rest. */
const statfsPatienceMs = 2000

const ignoredMounts =
  /^\/(dev|proc|run\/credentials\/.+|sys|var\/lib\/docker\/.+|var\/lib\/containers\/storage\/.+)($|\/)/
const ignoredTypes =
  /^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$/
const ignoredDisks = /^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$/
const netstatFields =
  /^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$/
const vmstatFields = /^(oom_kill|pgpg|pswp|pg.*fault)/

function read(path: string): string {
  return readFileSync(path, 'utf8')
}

/** Text of a file that may be missing or unreadable, such as the speed of a device that is down. */
function readIfAny(path: string): string | undefined {
  try {
    return read(path).trim()
  } catch {
    return undefined
  }
}

function lines(path: string): string[] {
  return read(path)
    .split('\n')
    .filter((line) => line !== '')
}

function readCpu({ page }: HostSource): void {
  const family = {
    name: 'node_cpu_seconds_total',
    type: 'counter' as const,
    help: 'Seconds the CPUs spent in each mode.',
  }
  const guestFamily = {
    name: 'node_cpu_guest_seconds_total',
    type: 'counter' as const,
    help: 'Seconds the CPUs spent in guests (VMs) for each mode.',
  }
  const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal']
  for (const line of lines('/proc/stat')) {
    const match = /^cpu(\d+) (.*)$/.exec(line)
    if (match === null) continue
    const cpu = match[1]!
    if (Number(cpu) >= itemsMax) break
    const ticks = match[2]!.split(' ').map(Number)
    modes.forEach((mode, index) => {
      page.add(family, (ticks[index] ?? 0) / ticksPerSecond, ['cpu', cpu, 'mode', mode])
    })
    page.add(guestFamily, (ticks[8] ?? 0) / ticksPerSecond, ['cpu', cpu, 'mode', 'user'])
    page.add(guestFamily, (ticks[9] ?? 0) / ticksPerSecond, ['cpu', cpu, 'mode', 'nice'])
  }
}

const statRows: [string, string, WrittenType, string][] = [
  ['ctxt', 'node_context_switches_total', 'counter', 'Total number of context switches.'],
  ['btime', 'node_boot_time_seconds', 'gauge', 'Node boot time, in unixtime.'],
  ['processes', 'node_forks_total', 'counter', 'Total number of forks.'],
  ['intr', 'node_intr_total', 'counter', 'Total number of interrupts serviced.'],
  ['procs_running', 'node_procs_running', 'gauge', 'Number of processes in runnable state.'],
  [
    'procs_blocked',
    'node_procs_blocked',
    'gauge',
    'Number of processes blocked waiting for I/O to complete.',
  ],
]

function readStat({ page }: HostSource): void {
  const values = new Map<string, number>()
  for (const line of lines('/proc/stat')) {
    const [key, value] = line.split(' ', 2)
    values.set(key!, Number(value))
  }
  for (const [key, name, type, help] of statRows) {
    const value = values.get(key)
    if (value !== undefined) page.add({ name, type, help }, value)
  }
}

function readMemory({ page }: HostSource): void {
  for (const line of lines('/proc/meminfo')) {
    const match = /^([^:]+):\s+(\d+)( kB)?/.exec(line)
    if (match === null) continue
    const field = match[1]!.replace(/\((.*)\)/, '_$1')
    const isBytes = match[3] !== undefined
    const shown = isBytes ? `${field}_bytes` : field
    page.add(
      { name: `node_memory_${shown}`, type: 'gauge', help: `Memory information field ${shown}.` },
      Number(match[2]) * (isBytes ? 1024 : 1),
    )
  }
}

function readLoad({ page }: HostSource): void {
  const [one, five, fifteen] = read('/proc/loadavg').split(' ')
  page.add({ name: 'node_load1', type: 'gauge', help: '1m load average.' }, Number(one))
  page.add({ name: 'node_load5', type: 'gauge', help: '5m load average.' }, Number(five))
  page.add({ name: 'node_load15', type: 'gauge', help: '15m load average.' }, Number(fifteen))
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
      'domainname',
      readIfAny('/proc/sys/kernel/domainname') ?? '(none)',
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

function readFileDescriptors({ page }: HostSource): void {
  const [allocated, , maximum] = read('/proc/sys/fs/file-nr').trim().split('\t')
  const help = 'File descriptor statistics: '
  page.add(
    { name: 'node_filefd_allocated', type: 'gauge', help: `${help}allocated.` },
    Number(allocated),
  )
  page.add({ name: 'node_filefd_maximum', type: 'gauge', help: `${help}maximum.` }, Number(maximum))
}

function readVmstat({ page }: HostSource): void {
  for (const line of lines('/proc/vmstat')) {
    const [field, value] = line.split(' ')
    if (!vmstatFields.test(field!)) continue
    page.add(
      {
        name: `node_vmstat_${field}`,
        type: 'untyped',
        help: `/proc/vmstat information field ${field}.`,
      },
      Number(value),
    )
  }
}

function readPressure({ page }: HostSource): void {
  let found = 0
  for (const resource of ['cpu', 'io', 'memory', 'irq']) {
    const text = readIfAny(`/proc/pressure/${resource}`)
    if (text === undefined) continue
    found++
    for (const [kind, word] of [
      ['some', 'waiting'],
      ['full', 'stalled'],
    ] as const) {
      // A CPU is never stalled for all: the kernel's line is there for form only.
      if (resource === 'cpu' && kind === 'full') continue
      const match = new RegExp(`^${kind} .*total=(\\d+)`, 'm').exec(text)
      if (match === null) continue
      page.add(
        {
          name: `node_pressure_${resource}_${word}_seconds_total`,
          type: 'counter',
          help: `Total time in seconds that processes have ${kind === 'some' ? 'waited for' : 'made no progress due to'} ${resource}.`,
        },
        Number(match[1]) / 1e6,
      )
    }
  }
  if (found === 0) throw new Error('the kernel does not tell pressure')
}

function readNetstat({ page }: HostSource): void {
  const add = (protocol: string, field: string, value: string | undefined): void => {
    const name = `${protocol}_${field}`
    if (value === undefined || !netstatFields.test(name)) return
    page.add(
      {
        name: `node_netstat_${name}`,
        type: 'untyped',
        help: `Statistic ${name.replace('_', '')}.`,
      },
      Number(value),
    )
  }
  for (const path of ['/proc/net/netstat', '/proc/net/snmp']) {
    const rows = lines(path)
    for (let index = 0; index + 1 < rows.length; index += 2) {
      const [protocol, ...fields] = rows[index]!.split(' ')
      const values = rows[index + 1]!.split(' ').slice(1)
      fields.forEach((field, column) => {
        add(protocol!.replace(':', ''), field, values[column])
      })
    }
  }
  for (const line of readIfAny('/proc/net/snmp6')?.split('\n') ?? []) {
    const match = /^([A-Za-z]*6)(\S+)\s+(\d+)/.exec(line)
    if (match !== null) add(match[1]!, match[2]!, match[3])
  }
}

let pageBytes = 0

/** Bytes of a memory page: 4 KiB on x86, up to 64 KiB on arm64. */
export function findPageBytes(): number {
  if (pageBytes === 0) {
    const match = /^KernelPageSize:\s+(\d+) kB/m.exec(readIfAny('/proc/self/smaps') ?? '')
    pageBytes = match === null ? 4096 : Number(match[1]) * 1024
  }
  return pageBytes
}

function readSockstat({ page }: HostSource): void {
  const add = (name: string, help: string, value: number): void =>
    page.add({ name: `node_sockstat_${name}`, type: 'gauge', help }, value)
  for (const path of ['/proc/net/sockstat', '/proc/net/sockstat6']) {
    for (const line of readIfAny(path)?.split('\n') ?? []) {
      const [protocol, rest] = line.split(': ', 2)
      if (rest === undefined) continue
      const words = rest.split(' ')
      for (let index = 0; index + 1 < words.length; index += 2) {
        const field = words[index]!
        const value = Number(words[index + 1])
        const help = `Number of ${protocol} sockets in state ${field}.`
        add(`${protocol}_${field}`, help, value)
        if (field === 'mem') {
          add(
            `${protocol}_mem_bytes`,
            `Number of ${protocol} sockets in state mem_bytes.`,
            value * findPageBytes(),
          )
        }
      }
    }
  }
}

function readConntrack({ page }: HostSource): void {
  const folder = '/proc/sys/net/netfilter'
  page.add(
    {
      name: 'node_nf_conntrack_entries',
      type: 'gauge',
      help: 'Number of currently allocated flow entries for connection tracking.',
    },
    Number(read(`${folder}/nf_conntrack_count`)),
  )
  page.add(
    {
      name: 'node_nf_conntrack_entries_limit',
      type: 'gauge',
      help: 'Maximum size of connection tracking table.',
    },
    Number(read(`${folder}/nf_conntrack_max`)),
  )
}

/** Column of /proc/diskstats after the name, metric, factor, help. */
const diskRows: [number, string, WrittenType, number, string][] = [
  [0, 'reads_completed_total', 'counter', 1, 'The total number of reads completed successfully.'],
  [1, 'reads_merged_total', 'counter', 1, 'The total number of reads merged.'],
  [2, 'read_bytes_total', 'counter', sectorBytes, 'The total number of bytes read successfully.'],
  [3, 'read_time_seconds_total', 'counter', 0.001, 'Seconds spent by all reads.'],
  [4, 'writes_completed_total', 'counter', 1, 'The total number of writes completed successfully.'],
  [5, 'writes_merged_total', 'counter', 1, 'The number of writes merged.'],
  [6, 'written_bytes_total', 'counter', sectorBytes, 'Bytes written successfully.'],
  [7, 'write_time_seconds_total', 'counter', 0.001, 'Seconds spent by all writes.'],
  [8, 'io_now', 'gauge', 1, 'The number of I/Os currently in progress.'],
  [9, 'io_time_seconds_total', 'counter', 0.001, 'Total seconds spent doing I/Os.'],
  [10, 'io_time_weighted_seconds_total', 'counter', 0.001, 'Weighted seconds spent doing I/Os.'],
  [11, 'discards_completed_total', 'counter', 1, 'Discards completed successfully.'],
  [12, 'discards_merged_total', 'counter', 1, 'Discards merged.'],
  [13, 'discarded_sectors_total', 'counter', 1, 'Sectors discarded successfully.'],
  [14, 'discard_time_seconds_total', 'counter', 0.001, 'Seconds spent by all discards.'],
  [15, 'flush_requests_total', 'counter', 1, 'Flush requests completed successfully.'],
  [16, 'flush_requests_time_seconds_total', 'counter', 0.001, 'Seconds spent by all flushes.'],
]

function readDisks({ page }: HostSource): void {
  let count = 0
  for (const line of lines('/proc/diskstats')) {
    const [, , device, ...columns] = line.trim().split(/\s+/)
    if (device === undefined || ignoredDisks.test(device)) continue
    if (++count > itemsMax) return
    for (const [column, name, type, factor, help] of diskRows) {
      const value = columns[column]
      if (value === undefined) continue
      // Division keeps decimal milliseconds exact to the last digit; multiplying by 0.001 does not.
      const scaled = factor === 0.001 ? Number(value) / 1000 : Number(value) * factor
      page.add({ name: `node_disk_${name}`, type, help }, scaled, ['device', device])
    }
  }
}

/** Columns of /proc/net/dev. */
const receiveColumns = 'bytes packets errs drop fifo frame compressed multicast'.split(' ')
const transmitColumns = 'bytes packets errs drop fifo colls carrier compressed'.split(' ')

function readNetDevices({ page }: HostSource): void {
  let count = 0
  for (const line of lines('/proc/net/dev').slice(2)) {
    const match = /^\s*(.+):\s*(.*)$/.exec(line)
    if (match === null || match[1] === 'lo') continue
    if (++count > itemsMax) return
    const values = match[2]!.split(/\s+/).map(Number)
    const add = (direction: string, column: string, value: number | undefined): void => {
      if (value === undefined) return
      page.add(
        {
          name: `node_network_${direction}_${column}_total`,
          type: 'counter',
          help: `Network device statistic ${direction}_${column}.`,
        },
        value,
        ['device', match[1]!],
      )
    }
    receiveColumns.forEach((column, index) => {
      add('receive', column, values[index])
    })
    transmitColumns.forEach((column, index) => {
      add('transmit', column, values[receiveColumns.length + index])
    })
  }
}

function readNetClass({ page }: HostSource): void {
  const folder = '/sys/class/net'
  for (const device of readdirSync(folder).slice(0, itemsMax)) {
    const state = readIfAny(`${folder}/${device}/operstate`)
    if (state === undefined) continue
    const labels = ['device', device]
    page.add(
      {
        name: 'node_network_up',
        type: 'gauge',
        help: 'Value is 1 if operstate is "up", 0 otherwise.',
      },
      state === 'up' ? 1 : 0,
      labels,
    )
    const mtu = readIfAny(`${folder}/${device}/mtu`)
    if (mtu !== undefined) {
      page.add(
        {
          name: 'node_network_mtu_bytes',
          type: 'gauge',
          help: 'Network device property: mtu_bytes.',
        },
        Number(mtu),
        labels,
      )
    }
    // Megabits per second; the kernel refuses to say for devices that are down.
    const speed = readIfAny(`${folder}/${device}/speed`)
    if (speed !== undefined && speed !== '') {
      page.add(
        {
          name: 'node_network_speed_bytes',
          type: 'gauge',
          help: 'Network device property: speed_bytes.',
        },
        (Number(speed) * 1000 * 1000) / 8,
        labels,
      )
    }
  }
}

interface Mount {
  device: string
  path: string
  type: string
  isReadOnly: boolean
}

function listMounts(): Mount[] {
  const seen = new Set<string>()
  const mounts: Mount[] = []
  for (const line of (readIfAny('/proc/1/mounts') ?? read('/proc/self/mounts')).split('\n')) {
    const [device, path, type, options] = line.split(' ').map(unescapeMount)
    if (options === undefined || path === undefined || type === undefined) continue
    const isRootOverlay = path === '/' && type === 'overlay'
    if (ignoredMounts.test(path) || (ignoredTypes.test(type) && !isRootOverlay)) continue
    if (seen.has(`${device} ${path}`)) continue
    seen.add(`${device} ${path}`)
    mounts.push({ device: device!, path, type, isReadOnly: options.split(',').includes('ro') })
  }
  return mounts.slice(0, itemsMax)
}

/** Mount tables write blanks and backslashes as three octal digits. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

const filesystemRows: [string, string, (state: FileSystemState) => number][] = [
  ['size_bytes', 'Filesystem size in bytes.', (state) => state.blocks * state.bsize],
  ['free_bytes', 'Filesystem free space in bytes.', (state) => state.bfree * state.bsize],
  [
    'avail_bytes',
    'Filesystem space available to non-root users in bytes.',
    (state) => state.bavail * state.bsize,
  ],
  ['files', 'Filesystem total file nodes.', (state) => state.files],
  ['files_free', 'Filesystem total free file nodes.', (state) => state.ffree],
]

interface FileSystemState {
  blocks: number
  bsize: number
  bfree: number
  bavail: number
  files: number
  ffree: number
}

async function readFileSystems(source: HostSource): Promise<void> {
  const { page } = source
  const mounts = listMounts()
  const states = await Promise.all(mounts.map((mount) => askFileSystem(source, mount.path)))
  mounts.forEach((mount, index) => {
    const state = states[index]
    const labels = ['device', mount.device, 'fstype', mount.type, 'mountpoint', mount.path]
    const add = (name: string, help: string, value: number): void =>
      page.add({ name: `node_filesystem_${name}`, type: 'gauge', help }, value, labels)
    add(
      'device_error',
      'Whether an error occurred while getting statistics for the given device.',
      state === undefined ? 1 : 0,
    )
    if (state === undefined) return
    add('readonly', 'Filesystem read-only status.', mount.isReadOnly ? 1 : 0)
    for (const [name, help, pick] of filesystemRows) add(name, help, pick(state))
  })
}

/** Figures of a file system, or `undefined` when it fails or does not answer in time. */
async function askFileSystem(
  { clock, stuckMounts }: HostSource,
  path: string,
): Promise<FileSystemState | undefined> {
  if (stuckMounts.has(path)) return undefined
  stuckMounts.add(path)
  const answer = statfs(path).then(
    (state) => {
      stuckMounts.delete(path)
      return state
    },
    () => {
      stuckMounts.delete(path)
      return undefined
    },
  )
  return new Promise((resolve) => {
    const timer = clock.after(statfsPatienceMs, () => resolve(undefined))
    void answer.then((state) => {
      timer.cancel()
      resolve(state)
    })
  })
}

/** All collectors under node_exporter's names. */
export const linuxCollectors: readonly HostCollector[] = [
  { name: 'conntrack', read: readConntrack },
  { name: 'cpu', read: readCpu },
  { name: 'diskstats', read: readDisks },
  { name: 'filefd', read: readFileDescriptors },
  { name: 'filesystem', read: readFileSystems },
  { name: 'loadavg', read: readLoad },
  { name: 'meminfo', read: readMemory },
  { name: 'netclass', read: readNetClass },
  { name: 'netdev', read: readNetDevices },
  { name: 'netstat', read: readNetstat },
  { name: 'pressure', read: readPressure },
  { name: 'sockstat', read: readSockstat },
  { name: 'stat', read: readStat },
  { name: 'time', read: readTime },
  { name: 'uname', read: readUname },
  { name: 'vmstat', read: readVmstat },
]
