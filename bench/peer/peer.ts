/**
 * A server under measurement: its processes, started in a folder of their own on free ports, and what
 * they cost. Every process is ended by its process id. Costs are read from /proc, so on systems
 * without it they are unknown (NaN).
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** What a peer is asked to be ready for. */
export interface PeerNeeds {
  /** A folder of its own. */
  folder: string
  /** Notify this address when the rule `BenchStep` fires; none when not measured. */
  webhook: string | undefined
  /** More groups of rules, to be appended to the one of `BenchStep`. */
  rules?: string
}

/** One process of a peer. */
export interface PeerProgram {
  command: string
  args: string[]
  /** Answers 200 once it is ready. */
  readyUrl: string
}

/** A peer made ready to start. */
export interface PeerPlan {
  baseUrl: string
  writeUrl: string
  programs: PeerProgram[]
  /** Added to each query, so that no cache answers. */
  queryWords: Record<string, string>
}

/** How to make one. */
export interface PeerKind {
  name: string
  /** The programs that have to be installed. */
  commands: string[]
  plan(needs: PeerNeeds): Promise<PeerPlan>
}

/** How long a peer may take to be ready. */
const readyMsMax = 30_000
/** How long a process may take to stop before it is killed. */
const stopMsMax = 15_000
/** Ticks of /proc in a second; 100 on every Linux of today. */
const ticksPerSecond = 100

/** A running peer. */
export class RunningPeer {
  readonly name: string
  readonly plan: PeerPlan
  readonly #folder: string
  readonly #children: ChildProcess[] = []

  private constructor(name: string, plan: PeerPlan, folder: string) {
    this.name = name
    this.plan = plan
    this.#folder = folder
  }

  static async start(kind: PeerKind, needs: PeerNeeds): Promise<RunningPeer> {
    mkdirSync(needs.folder, { recursive: true })
    const plan = await kind.plan(needs)
    const peer = new RunningPeer(kind.name, plan, needs.folder)
    try {
      for (const program of plan.programs) await peer.#startProgram(program)
    } catch (thrown) {
      await peer.stop()
      throw thrown
    }
    return peer
  }

  async #startProgram(program: PeerProgram): Promise<void> {
    const logFile = join(this.#folder, `log-${this.#children.length}.txt`)
    const log = openSync(logFile, 'w')
    const child = spawn(program.command, program.args, {
      cwd: this.#folder,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#children.push(child)
    let failure: string | undefined
    child.on('error', (thrown) => {
      failure = thrown.message
    })
    const endMs = performance.now() + readyMsMax
    for (;;) {
      const isReady = await fetch(program.readyUrl).then(
        (reply) => reply.ok,
        () => false,
      )
      if (isReady) return
      if (child.exitCode !== null) failure = `it ended with exit code ${child.exitCode}`
      if (performance.now() > endMs) failure = `it was not ready within ${readyMsMax / 1000} s`
      if (failure !== undefined) {
        const tail = readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n')
        throw new Error(`${program.command}: ${failure}\n${tail}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** Seconds of processor time that all its processes took until now. */
  cpuSeconds(): number {
    return this.#sum((pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
    })
  }

  /** Resident memory of all its processes. */
  residentBytes(): number {
    return this.#sum((pid) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024
    })
  }

  #sum(read: (pid: number) => number): number {
    try {
      return this.#children.reduce((sum, child) => sum + read(child.pid!), 0)
    } catch {
      // No /proc, or a process that just ended: unknown.
      return Number.NaN
    }
  }

  /** Ends all processes, the last started first, and removes the folder. */
  async stop(): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue
      const isEnded = new Promise<void>((resolve) => child.once('exit', () => resolve()))
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax)
      await isEnded
      clearTimeout(timer)
    }
    this.#children.length = 0
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A port that was free a moment ago. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        address !== null && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('the system gave no port')),
      )
    })
  })
}

/** The rule whose notification is measured and what is to run beside it, in Prometheus's format. */
export const makeRuleFile = (needs: PeerNeeds): string => stepRule + (needs.rules ?? '')

const stepRule = `groups:
  - name: bench
    interval: 1s
    rules:
      - alert: BenchStep
        expr: bench_step > 0.5
        labels: { severity: page }
        annotations: { summary: "step {{ $labels.trial }}" }
`

/** The interval of peers that evaluate by a timer: a common choice when speed matters. */
export const evaluationInterval = '1s'
