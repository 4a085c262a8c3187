/**
 * One rollback from intent to verdict: written down, run by the configured command, verified by the same
 * signals that showed the trouble. The intent stands under `rollback/<deploymentId>` before the command
 * starts; without that record nothing is run, for then "once" could not be kept. A rollback found at start
 * was cut off by the end of the process: its command is not run again, the signals judge the result.
 */

import type { AlertView, DeploymentCheck } from '../api/api.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { makeId } from '../base/random.ts'
import {
  findServiceSettings,
  formatSpan,
  type IncidentDesk,
  type ServiceSettings,
} from '../incident/incident.ts'
import type { Decision, Deployment } from '../model/deployment.ts'
import type { Records } from '../store/store.ts'
import type { DeliveryBook } from './book.ts'
import { isHealthy } from './check.ts'
import { type CommandResult, fillPlaceholders, runCommand } from './command.ts'
import { decisionsTotal, deploymentsTotal, rollbacksActive } from './metrics.ts'
import type { DeliverSettings } from './settings.ts'

/** What is kept of a rollback under way, under `rollback/<deploymentId>`. */
interface RollbackIntent {
  deploymentId: string
  rollbackId: string
  incidentId: string | undefined
  actor: string
  phase: 'command' | 'verify'
  startTimeMs: number
}

/** Runs rollbacks, each by itself, side by side. */
export class RollbackRunner {
  readonly #incidents: IncidentDesk
  readonly #records: Records
  readonly #book: DeliveryBook
  readonly #clock: Clock
  readonly #log: Log
  readonly #settings: () => DeliverSettings
  readonly #check: (
    deployment: Deployment,
    alerts: readonly AlertView[],
  ) => Promise<DeploymentCheck[]>
  /** Deployments whose rollback runs or is being verified. */
  readonly #running = new Map<string, Promise<void>>()
  readonly #sleepers = new Set<() => void>()
  #isStopped = false

  constructor(parts: {
    incidents: IncidentDesk
    records: Records
    book: DeliveryBook
    clock: Clock
    log: Log
    settings: () => DeliverSettings
    check: (deployment: Deployment, alerts: readonly AlertView[]) => Promise<DeploymentCheck[]>
  }) {
    this.#incidents = parts.incidents
    this.#records = parts.records
    this.#book = parts.book
    this.#clock = parts.clock
    this.#log = parts.log
    this.#settings = parts.settings
    this.#check = parts.check
  }

  isRunning(deploymentId: string): boolean {
    return this.#running.has(deploymentId)
  }

  /** Resolves when none runs and none is being verified. */
  async idle(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  /** Stops verifying. A command that runs is left running: half a rollback is worse. */
  stop(): void {
    this.#isStopped = true
    for (const wake of this.#sleepers) wake()
  }

  /** Rollbacks that the end of the process cut off: judged by signals, never run again. */
  async resume(): Promise<void> {
    let kept: { value: unknown }[] = []
    await this.#book.attempt(async () => {
      kept = await this.#records.states.list('rollback/')
    })
    for (const { value } of kept) {
      const intent = value as RollbackIntent
      const deployment = await this.#records.deployments.find(intent.deploymentId)
      const rollback = await this.#records.deployments.find(intent.rollbackId)
      if (deployment === undefined || rollback === undefined) {
        // The intent was written and nothing after it: the command never ran.
        await this.#book.attempt(() =>
          this.#records.states.remove(`rollback/${intent.deploymentId}`),
        )
        continue
      }
      if (intent.incidentId !== undefined) await this.#incidents.hold(intent.incidentId)
      if (intent.phase === 'command') {
        await this.#book.addEntry(intent.incidentId, {
          kind: 'rollback',
          code: 'rollback-interrupted',
          message:
            'Shipwatch was restarted while the rollback command ran. Its outcome is unknown; it is not run again, the signals decide.',
          facts: { deploymentId: deployment.id, rollbackId: rollback.id },
          actor: '',
        })
      }
      this.#run(deployment.id, () => this.#verify({ deployment, rollback, intent }))
    }
  }

  /** Writes down what is about to happen, then does it in the background. */
  async begin(
    deployment: Deployment,
    parts: { incidentId: string | undefined; actor: string; reason: string },
  ): Promise<void> {
    const nowTimeMs = this.#clock.nowTimeMs()
    const rollback: Deployment = {
      ...deployment,
      id: makeId(nowTimeMs),
      version: deployment.previousVersion,
      previousVersion: deployment.version,
      startTimeMs: nowTimeMs,
      endTimeMs: undefined,
      actor: parts.actor,
      url: '',
      note: parts.reason,
      state: 'watching',
      rollbackOf: deployment.id,
    }
    const intent: RollbackIntent = {
      deploymentId: deployment.id,
      rollbackId: rollback.id,
      incidentId: parts.incidentId,
      actor: parts.actor,
      phase: 'command',
      startTimeMs: nowTimeMs,
    }
    // These three must be on disk first; when one fails, nothing runs.
    await this.#records.states.set(`rollback/${deployment.id}`, intent)
    await this.#records.deployments.save(rollback)
    await this.#records.deployments.save({ ...deployment, state: 'rolling-back' })
    deployment.state = 'rolling-back'
    deploymentsTotal.inc({ by: 'rollback' })
    this.#book.tell(deployment)
    this.#book.tell(rollback)
    if (parts.incidentId !== undefined) await this.#incidents.hold(parts.incidentId)
    this.#run(deployment.id, async () => {
      const result = await this.#command(deployment, { intent, rollback })
      if (this.#isStopped) return
      if (result.outcome === 'done') await this.#verify({ deployment, rollback, intent })
      else await this.#end({ deployment, rollback, intent, isVerified: false })
    })
  }

  async #command(
    deployment: Deployment,
    parts: { intent: RollbackIntent; rollback: Deployment },
  ): Promise<CommandResult> {
    const { intent, rollback } = parts
    const settings = findService(this.#settings(), deployment)?.rollback
    if (settings === undefined) throw new Error('The rollback is no longer configured.')
    const values = {
      service: deployment.service,
      version: deployment.version,
      previous_version: deployment.previousVersion,
      environment: deployment.environment,
    }
    const words = fillPlaceholders(settings.command, values)
    await this.#book.addEntry(intent.incidentId, {
      kind: 'rollback',
      code: 'rollback-started',
      message: `Rolling ${deployment.service} back from ${deployment.version} to ${deployment.previousVersion}.`,
      facts: { deploymentId: deployment.id, rollbackId: rollback.id, command: settings.command },
      actor: intent.actor,
    })
    const result = await runCommand(
      {
        words,
        directory: settings.directory,
        env: {
          ...settings.env,
          SHIPWATCH_SERVICE: values.service,
          SHIPWATCH_VERSION: values.version,
          SHIPWATCH_PREVIOUS_VERSION: values.previous_version,
          SHIPWATCH_ENVIRONMENT: values.environment,
          SHIPWATCH_DEPLOYMENT_ID: deployment.id,
          SHIPWATCH_INCIDENT_ID: intent.incidentId ?? '',
        },
        timeoutMs: settings.timeout,
      },
      this.#clock,
    )
    const isDone = result.outcome === 'done'
    rollback.endTimeMs = this.#clock.nowTimeMs()
    await this.#book.save(rollback)
    await this.#book.addEntry(intent.incidentId, {
      kind: 'rollback',
      code: isDone ? 'rollback-finished' : 'rollback-failed',
      message: isDone
        ? `The rollback command ended well after ${formatSpan(result.durationMs)}.`
        : `The rollback command failed (${result.ending}); a person must look.`,
      facts: { ...result, deploymentId: deployment.id, rollbackId: rollback.id },
      actor: intent.actor,
    })
    return result
  }

  /** The same signals must be well for `verify.for`; no data is not well; past `verify.timeout` it failed. */
  async #verify(parts: {
    deployment: Deployment
    rollback: Deployment
    intent: RollbackIntent
  }): Promise<void> {
    const { deployment, rollback, intent } = parts
    const verify = findService(this.#settings(), deployment)?.verify ?? {
      for: 120_000,
      timeout: 600_000,
    }
    await this.#book.attempt(() =>
      this.#records.states.set(`rollback/${deployment.id}`, { ...intent, phase: 'verify' }),
    )
    await this.#book.addEntry(intent.incidentId, {
      kind: 'verify',
      code: 'verify-started',
      message: `Verifying the recovery: the signals must be as before the deployment for ${formatSpan(verify.for)}.`,
      facts: { forMs: verify.for, timeoutMs: verify.timeout },
      actor: '',
    })
    const alerts =
      intent.incidentId === undefined ? [] : this.#incidents.alertsOf(intent.incidentId)
    const deadlineTimeMs = this.#clock.nowTimeMs() + verify.timeout
    let wellTimeMs: number | undefined
    let checks: DeploymentCheck[] = []
    for (;;) {
      const nowTimeMs = this.#clock.nowTimeMs()
      checks = await this.#check(deployment, alerts)
      await this.#book.attempt(async () => {
        await this.#records.states.set(`checks/${deployment.id}`, checks)
        await this.#records.states.set(`checks/${rollback.id}`, checks)
      })
      const firingCount =
        intent.incidentId === undefined ? 0 : this.#incidents.firingAlertCount(intent.incidentId)
      if (isHealthy(checks) && firingCount === 0) wellTimeMs ??= nowTimeMs
      else wellTimeMs = undefined
      const isVerified = wellTimeMs !== undefined && nowTimeMs - wellTimeMs >= verify.for
      if (isVerified || nowTimeMs >= deadlineTimeMs) {
        await this.#keepVerdict({ ...parts, checks, firingCount, isVerified, forMs: verify.for })
        await this.#end({ ...parts, isVerified })
        return
      }
      await this.#sleep(this.#settings().delivery.check_interval)
      if (this.#isStopped) return
    }
  }

  async #keepVerdict(parts: {
    deployment: Deployment
    intent: RollbackIntent
    checks: readonly DeploymentCheck[]
    firingCount: number
    isVerified: boolean
    forMs: number
  }): Promise<void> {
    const { deployment, intent, checks, firingCount, isVerified } = parts
    const bad = checks.filter((check) => check.health !== 'ok' && check.health !== 'info')
    const isMissing = checks.length === 0 || bad.some((check) => check.health === 'unknown')
    const reason = isVerified
      ? 'signals-well'
      : isMissing
        ? 'no-data'
        : bad.length > 0
          ? 'signals-bad'
          : firingCount > 0
            ? 'alerts-firing'
            : 'not-long-enough'
    const shown = (isVerified ? checks : bad).map((check) => check.message).join(' ')
    const message = isVerified
      ? `Recovery verified: all signals were well for ${formatSpan(parts.forMs)}. ${shown}`
      : `Recovery not verified; a person must look. ${
          checks.length === 0 ? 'The service has no signals to judge it by.' : shown
        }${firingCount > 0 ? ` ${firingCount} alerts still fire.` : ''}`
    const decision: Decision = {
      timeMs: this.#clock.nowTimeMs(),
      question: 'verify',
      verdict: isVerified ? 'yes' : 'no',
      reason,
      message: message.trim(),
      facts: { deploymentId: deployment.id, rollbackId: intent.rollbackId, checks, firingCount },
    }
    decisionsTotal.inc({ question: 'verify', verdict: decision.verdict, reason })
    await this.#book.attempt(() =>
      this.#records.decisions.add(
        {
          deploymentId: deployment.id,
          ...(intent.incidentId === undefined ? {} : { incidentId: intent.incidentId }),
        },
        decision,
      ),
    )
    await this.#book.addEntry(intent.incidentId, {
      kind: 'verify',
      code: isVerified ? 'verify-passed' : 'verify-failed',
      message: decision.message,
      facts: { reason, checks: checks.map((check) => check.message) },
      actor: '',
    })
    this.#log.info({ reason }, decision.message)
  }

  async #end(parts: {
    deployment: Deployment
    rollback: Deployment
    intent: RollbackIntent
    isVerified: boolean
  }): Promise<void> {
    const { deployment, rollback, intent, isVerified } = parts
    await this.#book.save({ ...deployment, state: isVerified ? 'rolled-back' : 'rollback-failed' })
    await this.#book.save({ ...rollback, state: isVerified ? 'healthy' : 'suspect' })
    await this.#book.attempt(() => this.#records.states.remove(`rollback/${deployment.id}`))
    if (intent.incidentId !== undefined) {
      await this.#incidents.release(intent.incidentId, { isVerified })
    }
  }

  #run(id: string, action: () => Promise<void>): void {
    const run = action()
      .catch((thrown: unknown) => {
        this.#log.error({ reason: messageOf(thrown) }, 'A rollback ended in an error.')
      })
      .finally(() => {
        this.#running.delete(id)
        rollbacksActive.set(this.#running.size)
      })
    this.#running.set(id, run)
    rollbacksActive.set(this.#running.size)
  }

  #sleep(spanMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#sleepers.delete(end)
        resolve()
      }
      const timer = this.#clock.after(spanMs, end)
      this.#sleepers.add(end)
    })
  }
}

/** The entry of `services` for a deployment. */
export function findService(
  settings: Pick<DeliverSettings, 'services'>,
  deployment: Deployment,
): ServiceSettings | undefined {
  return findServiceSettings(settings.services, deployment.service, deployment.environment)
}
