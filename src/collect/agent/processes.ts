/**
 * The busiest process names, under the names of process-exporter (`namedprocess_namegroup_*`,
 * ncabatoff/process-exporter, MIT): processes of one name are one group. Only a bounded number of
 * groups is shown, half of them by processor time, the rest by memory; a group that drops out ends.
 * Source of the fields: proc_pid_stat(5).
 */

import { readdirSync, readFileSync } from 'node:fs'
import type { PageWriter } from './page-writer.ts'

/** Processes looked at per turn; a look costs about 15 µs. */
const processesMax = 4000
/** Lets other work run in between. */
const processesPerSlice = 200
const ticksPerSecond = 100
/** How much of a group's busyness counts in the next turn: half is gone after about 6 turns. */
const busynessKept = 0.9

interface Group {
  name: string
  processCount: number
  threadCount: number
  residentPages: number
  virtualBytes: number
  oldestStartTicks: number
  /** Sums over all processes ever seen in the group: these must not fall when one ends. */
  userTicks: number
  systemTicks: number
  majorFaults: number
  busyness: number
}

interface Known {
  userTicks: number
  systemTicks: number
  majorFaults: number
  turn: number
}

/** One process as /proc/<pid>/stat has it. */
interface ProcessStat {
  name: string
  majorFaults: number
  userTicks: number
  systemTicks: number
  threadCount: number
  startTicks: number
  virtualBytes: number
  residentPages: number
}

/** Reads the line of /proc/<pid>/stat; the name may hold blanks and brackets. */
export function parseProcessStat(line: string): ProcessStat | undefined {
  const open = line.indexOf('(')
  const close = line.lastIndexOf(')')
  if (open < 0 || close < open) return undefined
  const fields = line.slice(close + 2).split(' ')
  if (fields.length < 22) return undefined
  const at = (index: number): number => Number(fields[index])
  return {
    name: line.slice(open + 1, close),
    majorFaults: at(9),
    userTicks: at(11),
    systemTicks: at(12),
    threadCount: at(17),
    startTicks: at(19),
    virtualBytes: at(20),
    residentPages: at(21),
  }
}

/** Watches processes from turn to turn. */
export class ProcessWatch {
  readonly #groups = new Map<string, Group>()
  readonly #known = new Map<string, Known>()
  #turn = 0

  /** Writes the groups that are shown. */
  async write(
    page: PageWriter,
    options: { groupCountMax: number; bootTimeSeconds: number; pageBytes: number },
  ): Promise<void> {
    if (options.groupCountMax === 0) return
    await this.#look()
    for (const group of this.#choose(options.groupCountMax)) writeGroup(page, group, options)
  }

  async #look(): Promise<void> {
    this.#turn++
    for (const group of this.#groups.values()) {
      Object.assign(group, {
        processCount: 0,
        threadCount: 0,
        residentPages: 0,
        virtualBytes: 0,
        oldestStartTicks: Number.POSITIVE_INFINITY,
        busyness: group.busyness * busynessKept,
      })
    }
    const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    for (const [index, id] of ids.slice(0, processesMax).entries()) {
      if (index % processesPerSlice === processesPerSlice - 1) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      const stat = readStat(id)
      if (stat !== undefined) this.#add(id, stat)
    }
    for (const [key, known] of this.#known) if (known.turn !== this.#turn) this.#known.delete(key)
    for (const [name, group] of this.#groups) {
      if (group.processCount === 0) this.#groups.delete(name)
    }
  }

  #add(id: string, stat: ProcessStat): void {
    const key = `${id} ${stat.startTicks}`
    const before = this.#known.get(key)
    let group = this.#groups.get(stat.name)
    if (group === undefined) {
      group = {
        name: stat.name,
        processCount: 0,
        threadCount: 0,
        residentPages: 0,
        virtualBytes: 0,
        oldestStartTicks: Number.POSITIVE_INFINITY,
        userTicks: 0,
        systemTicks: 0,
        majorFaults: 0,
        busyness: 0,
      }
      this.#groups.set(stat.name, group)
    }
    const user = stat.userTicks - (before?.userTicks ?? 0)
    const system = stat.systemTicks - (before?.systemTicks ?? 0)
    group.processCount++
    group.threadCount += stat.threadCount
    group.residentPages += stat.residentPages
    group.virtualBytes += stat.virtualBytes
    group.oldestStartTicks = Math.min(group.oldestStartTicks, stat.startTicks)
    group.userTicks += Math.max(0, user)
    group.systemTicks += Math.max(0, system)
    group.majorFaults += Math.max(0, stat.majorFaults - (before?.majorFaults ?? 0))
    // What a process used before we first saw it says nothing about now.
    if (before !== undefined) group.busyness += user + system
    this.#known.set(key, {
      userTicks: stat.userTicks,
      systemTicks: stat.systemTicks,
      majorFaults: stat.majorFaults,
      turn: this.#turn,
    })
  }

  #choose(countMax: number): Group[] {
    const groups = [...this.#groups.values()]
    const byTime = groups.toSorted((a, b) => b.busyness - a.busyness)
    const byMemory = groups.toSorted((a, b) => b.residentPages - a.residentPages)
    const chosen = new Set(
      byTime.filter((group) => group.busyness > 0).slice(0, Math.ceil(countMax / 2)),
    )
    for (const group of byMemory) {
      if (chosen.size >= countMax) break
      // Kernel threads have no memory of their own.
      if (group.residentPages > 0) chosen.add(group)
    }
    return [...chosen]
  }
}

function readStat(id: string): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${id}/stat`, 'utf8'))
  } catch {
    // It ended between the listing and the look.
    return undefined
  }
}

function writeGroup(
  page: PageWriter,
  group: Group,
  options: { bootTimeSeconds: number; pageBytes: number },
): void {
  const add = (parts: {
    name: string
    type: 'counter' | 'gauge'
    help: string
    value: number
    more?: string[]
  }): void =>
    page.add(
      { name: `namedprocess_namegroup_${parts.name}`, type: parts.type, help: parts.help },
      parts.value,
      ['groupname', group.name, ...(parts.more ?? [])],
    )
  const cpu = {
    name: 'cpu_seconds_total',
    type: 'counter' as const,
    help: 'Cpu user/system usage in seconds.',
  }
  const memory = {
    name: 'memory_bytes',
    type: 'gauge' as const,
    help: 'Number of bytes of memory in use.',
  }
  add({ ...cpu, value: group.userTicks / ticksPerSecond, more: ['mode', 'user'] })
  add({ ...cpu, value: group.systemTicks / ticksPerSecond, more: ['mode', 'system'] })
  add({ ...memory, value: group.residentPages * options.pageBytes, more: ['memtype', 'resident'] })
  add({ ...memory, value: group.virtualBytes, more: ['memtype', 'virtual'] })
  add({
    name: 'num_procs',
    type: 'gauge',
    help: 'Number of processes in this group.',
    value: group.processCount,
  })
  add({
    name: 'num_threads',
    type: 'gauge',
    help: 'Number of threads.',
    value: group.threadCount,
  })
  add({
    name: 'major_page_faults_total',
    type: 'counter',
    help: 'Major page faults.',
    value: group.majorFaults,
  })
  add({
    name: 'oldest_start_time_seconds',
    type: 'gauge',
    help: 'Start time in seconds since 1970/01/01 of oldest process in group.',
    value: options.bootTimeSeconds + group.oldestStartTicks / ticksPerSecond,
  })
}
