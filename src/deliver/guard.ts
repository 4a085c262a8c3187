/**
 * May this deployment be rolled back now? One pure function; every answer carries a stable reason, a
 * sentence and the facts. The guard rails, in the order in which they are asked:
 *
 *   automatic and by a person   not-configured  is-under-way  already-rolled-back
 *                               (a person may repeat one that failed)
 *                               previous-version-unknown  superseded
 *   automatic only              switched-off  not-allowed  is-rollback  touched-by-person  too-old
 *                               confidence-too-low (wait: evidence may still come)
 */

import { formatSpan, nameDeployment, type ServiceSettings } from '../incident/incident.ts'
import type { Decision, Deployment } from '../model/deployment.ts'
import type { DeliverSettings } from './settings.ts'

/** Somebody's hand on a deployment. */
export interface Touch {
  kind: 'acknowledged' | 'held' | 'rolled-back-by-hand'
  actor: string
}

/** All that the decision rests on. */
export interface GuardQuestion {
  deployment: Deployment
  service: ServiceSettings | undefined
  settings: DeliverSettings['delivery']
  nowTimeMs: number
  /** Confidence of the cause; for an automatic rollback only. */
  confidence: number
  touch: Touch | undefined
  /** A deployment of the same service and environment that began later. */
  later: Deployment | undefined
  /** A rollback of this deployment, from the records. */
  rollback: Deployment | undefined
  isUnderWay: boolean
  /** The person who asks; empty for an automatic rollback. */
  actor: string
}

/** Decides. */
export function decideRollback(question: GuardQuestion): Decision {
  const refusal =
    refuseAny(question) ?? (question.actor === '' ? refuseAutomatic(question) : undefined)
  const { deployment } = question
  const decided =
    refusal ??
    ({
      verdict: 'yes',
      reason: question.actor === '' ? 'cause-is-certain' : 'asked-by-person',
      message:
        question.actor === ''
          ? `Deployment ${nameDeployment(deployment)} is rolled back: it is the cause with confidence ${question.confidence.toFixed(2)}, and the service allows it.`
          : `Deployment ${nameDeployment(deployment)} is rolled back because ${question.actor} asked for it.`,
    } as const)
  return {
    timeMs: question.nowTimeMs,
    question: 'rollback',
    facts: {
      deploymentId: deployment.id,
      confidence: question.confidence,
      actor: question.actor,
      ...('facts' in decided ? decided.facts : {}),
    },
    verdict: decided.verdict,
    reason: decided.reason,
    message: decided.message,
  }
}

interface Refusal {
  verdict: 'no' | 'wait'
  reason: string
  message: string
  facts?: Record<string, unknown>
}

function refuseAny(question: GuardQuestion): Refusal | undefined {
  const { deployment, service, later, rollback } = question
  const name = nameDeployment(deployment)
  if (service?.rollback === undefined) {
    return no(
      'not-configured',
      `No rollback: the configuration has no services[].rollback for ${deployment.service} in ${deployment.environment}.`,
    )
  }
  if (question.isUnderWay) {
    return no('is-under-way', `No rollback: ${name} is being rolled back already.`)
  }
  // A person may try again what failed, say after mending the command; automation never does.
  const isRetry = question.actor !== '' && deployment.state === 'rollback-failed'
  if (rollback !== undefined && !isRetry) {
    return no('already-rolled-back', `No rollback: ${name} was rolled back once already.`, {
      rollbackId: rollback.id,
    })
  }
  if (deployment.previousVersion === '') {
    return no('previous-version-unknown', `No rollback: the version before ${name} is not known.`)
  }
  if (later !== undefined) {
    return no('superseded', `No rollback: ${nameDeployment(later)} was deployed after ${name}.`, {
      laterId: later.id,
    })
  }
  return undefined
}

function refuseAutomatic(question: GuardQuestion): Refusal | undefined {
  const { deployment, service, settings, touch, confidence } = question
  const name = nameDeployment(deployment)
  if (!settings.automatic_rollback) {
    return no('switched-off', 'No rollback: delivery.automatic_rollback is false.')
  }
  if (service?.rollback?.allowed !== true) {
    return no(
      'not-allowed',
      `No rollback: services[].rollback.allowed is not true for ${deployment.service}.`,
    )
  }
  if (deployment.rollbackOf !== undefined) {
    return no('is-rollback', `No rollback: ${name} is a rollback itself.`, {
      rollbackOf: deployment.rollbackOf,
    })
  }
  if (touch !== undefined) {
    const act = {
      acknowledged: 'acknowledged its incident',
      held: 'took it over',
      'rolled-back-by-hand': 'asked for its rollback',
    }[touch.kind]
    return no('touched-by-person', `No rollback: ${touch.actor} ${act}.`, { touch: touch.kind })
  }
  const ageMs = question.nowTimeMs - deployment.startTimeMs
  if (ageMs > settings.rollback_age_max) {
    return no(
      'too-old',
      `No rollback: ${name} is ${formatSpan(ageMs)} old, more than ${formatSpan(settings.rollback_age_max)}.`,
      { ageMs },
    )
  }
  if (confidence < settings.rollback_confidence_min) {
    return {
      verdict: 'wait',
      reason: 'confidence-too-low',
      message: `No rollback yet: the confidence ${confidence.toFixed(2)} that ${name} is the cause is below ${settings.rollback_confidence_min}.`,
    }
  }
  return undefined
}

function no(reason: string, message: string, facts: Record<string, unknown> = {}): Refusal {
  return { verdict: 'no', reason, message, facts }
}
