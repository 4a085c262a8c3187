/** The guard rails: each refuses for its own reason, in its own words. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from '../config/schema.ts'
import type { Deployment } from '../model/deployment.ts'
import { decideRollback, type GuardQuestion } from './guard.ts'
import { deliverSettings } from './settings.ts'

const settings = z.object(deliverSettings.top).parse({
  services: [{ name: 'checkout', rollback: { allowed: true, command: ['roll', 'back'] } }],
})

const deployment: Deployment = {
  id: 'd2',
  service: 'checkout',
  environment: 'production',
  version: 'v2',
  previousVersion: 'v1',
  startTimeMs: 1_000_000,
  endTimeMs: undefined,
  actor: 'ci',
  url: '',
  note: '',
  state: 'suspect',
  rollbackOf: undefined,
}

const allowed: GuardQuestion = {
  deployment,
  service: settings.services[0],
  settings: settings.delivery,
  nowTimeMs: 1_010_000,
  confidence: 0.95,
  touch: undefined,
  later: undefined,
  rollback: undefined,
  isUnderWay: false,
  actor: '',
}

function check(change: Partial<GuardQuestion>, verdict: string, reason: string): void {
  const decision = decideRollback({ ...allowed, ...change })
  assert.deepEqual([decision.verdict, decision.reason], [verdict, reason], decision.message)
  assert.match(decision.message, /\.$/)
  assert.equal(decision.facts['deploymentId'], 'd2')
}

const rollback = { ...allowed.service!.rollback!, allowed: false }

test('a rollback happens when nothing speaks against it', () => {
  check({}, 'yes', 'cause-is-certain')
})

test('each guard rail of the automatic rollback refuses with its own reason', () => {
  check({ service: undefined }, 'no', 'not-configured')
  check({ service: { ...allowed.service!, rollback: undefined } }, 'no', 'not-configured')
  check({ service: { ...allowed.service!, rollback } }, 'no', 'not-allowed')
  check({ settings: { ...allowed.settings, automatic_rollback: false } }, 'no', 'switched-off')
  check({ isUnderWay: true }, 'no', 'is-under-way')
  check({ rollback: { ...deployment, id: 'r', rollbackOf: 'd2' } }, 'no', 'already-rolled-back')
  check({ deployment: { ...deployment, rollbackOf: 'd1' } }, 'no', 'is-rollback')
  check({ deployment: { ...deployment, previousVersion: '' } }, 'no', 'previous-version-unknown')
  check({ later: { ...deployment, id: 'd3', version: 'v3' } }, 'no', 'superseded')
  check({ touch: { kind: 'acknowledged', actor: 'ana' } }, 'no', 'touched-by-person')
  check({ touch: { kind: 'held', actor: 'ana' } }, 'no', 'touched-by-person')
  check({ touch: { kind: 'rolled-back-by-hand', actor: 'ana' } }, 'no', 'touched-by-person')
  check({ nowTimeMs: 1_000_000 + 3_600_001 }, 'no', 'too-old')
  check({ confidence: 0.79 }, 'wait', 'confidence-too-low')
})

test('a rollback that failed may be tried again by a person, never by itself', () => {
  const failed = {
    deployment: { ...deployment, state: 'rollback-failed' as const },
    rollback: { ...deployment, id: 'r', rollbackOf: 'd2' },
  }
  check({ ...failed, actor: 'ana' }, 'yes', 'asked-by-person')
  check({ ...failed, actor: 'ana', isUnderWay: true }, 'no', 'is-under-way')
  check(failed, 'no', 'already-rolled-back')
})

test('a person may roll back what automation may not, but not twice and not into the unknown', () => {
  const byAna = { actor: 'ana', confidence: 0 }
  check({ ...byAna, service: { ...allowed.service!, rollback } }, 'yes', 'asked-by-person')
  check({ ...byAna, touch: { kind: 'held', actor: 'ana' } }, 'yes', 'asked-by-person')
  check({ ...byAna, rollback: { ...deployment, id: 'r' } }, 'no', 'already-rolled-back')
  check(
    { ...byAna, deployment: { ...deployment, previousVersion: '' } },
    'no',
    'previous-version-unknown',
  )
  check({ ...byAna, service: undefined }, 'no', 'not-configured')
})
