/**
 * The load: a fleet of hosts, 100 series each, as node_exporter and one web service expose them. The
 * values come from a seed, so two servers get the same bytes. Counters grow with noise, gauges wander,
 * a quarter of the series stands still, as in real fleets.
 */

/** The labels of one series, sorted by name, and how its value moves. */
export interface FleetSeries {
  labels: [string, string][]
  kind: 'counter' | 'gauge' | 'still'
}

const cpuModes = ['idle', 'iowait', 'irq', 'nice', 'softirq', 'steal', 'system', 'user']
const disks = ['sda', 'sdb']
const mounts = ['/', '/var', '/srv']
const handlers = ['/api/v1/search', '/api/v1/orders', '/api/v1/users', '/healthz']
const bounds = ['0.01', '0.05', '0.1', '0.5', '1.0', '+Inf']
const memoryFields = ['MemTotal', 'MemFree', 'MemAvailable', 'Buffers', 'Cached', 'SwapTotal']

/** The series of one host; always `fleetSeriesPerHost` of them. */
export function listHostSeries(host: number): FleetSeries[] {
  const instance = `host-${String(host).padStart(5, '0')}:9100`
  const base = { instance, job: 'node', cluster: `c${host % 4}`, team: `team-${host % 7}` }
  const list: FleetSeries[] = []
  const add = (
    name: string,
    kind: FleetSeries['kind'],
    labels: Record<string, string> = {},
  ): void => {
    const all = Object.entries({ __name__: name, ...base, ...labels })
    list.push({ labels: all.sort(([a], [b]) => (a < b ? -1 : 1)), kind })
  }
  for (const cpu of ['0', '1', '2', '3']) {
    for (const mode of cpuModes) {
      add('node_cpu_seconds_total', mode === 'steal' ? 'still' : 'counter', { cpu, mode })
    }
  }
  for (const field of memoryFields) {
    add(`node_memory_${field}_bytes`, field.endsWith('Total') ? 'still' : 'gauge')
  }
  for (const device of disks) {
    for (const what of ['read_bytes', 'written_bytes', 'reads_completed', 'io_time_seconds']) {
      add(`node_disk_${what}_total`, 'counter', { device })
    }
  }
  for (const device of ['lo', 'eth0', 'eth1']) {
    for (const what of ['receive_bytes', 'transmit_bytes', 'receive_errs', 'transmit_errs']) {
      add(`node_network_${what}_total`, what.endsWith('errs') ? 'still' : 'counter', { device })
    }
  }
  for (const mountpoint of mounts) {
    for (const what of ['size', 'avail', 'files']) {
      const kind = what === 'size' ? 'still' : 'gauge'
      add(`node_filesystem_${what}_bytes`, kind, { mountpoint, fstype: 'ext4', device: 'sda1' })
    }
  }
  for (const load of ['1', '5', '15']) add(`node_load${load}`, 'gauge')
  for (const handler of handlers) {
    for (const le of bounds) add('http_request_duration_seconds_bucket', 'counter', { handler, le })
  }
  for (let index = list.length; index < fleetSeriesPerHost; index++) {
    add('node_systemd_unit_state', 'still', { name: `unit-${index}.service`, state: 'active' })
  }
  return list
}

/** Series of each host. */
export const fleetSeriesPerHost = 100

/** Deterministic numbers in [0, 1): mulberry32 (public domain, by T. Ettinger). */
export function makeNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The next value of a series after `previous`. */
export function nextValue(kind: FleetSeries['kind'], previous: number, chance: number): number {
  if (kind === 'still') return previous
  if (kind === 'counter') return Math.round((previous + chance * 20) * 1000) / 1000
  return Math.round(Math.max(0, previous + (chance - 0.5) * 10) * 100) / 100
}
