/** Comparing a service with what it was before a deployment: the four states of data. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MadeService } from '../../test/support/made-service.ts'
import type { DeploymentCheck } from '../api/api.ts'
import { silentLog } from '../base/log.ts'
import { z } from '../config/schema.ts'
import { Questioner, servicesSetting } from '../incident/incident.ts'
import type { Deployment } from '../model/deployment.ts'
import { checkDeployment, isHealthy } from './check.ts'

const services = z.object({ services: servicesSetting }).parse({
  services: [
    {
      name: 'checkout',
      signals: [
        { name: 'stock', query: 'stock_level{service="checkout"}', worse: 'lower', margin: 0.1 },
        { name: 'never seen', query: 'no_such_metric' },
      ],
    },
  ],
}).services

function check(made: MadeService, deployment: Deployment): Promise<DeploymentCheck[]> {
  return checkDeployment(deployment, {
    questioner: new Questioner({ engine: made.engine, log: silentLog, timeoutMs: 5_000 }),
    services,
    windowMs: 10_000,
    nowTimeMs: made.clock.nowTimeMs(),
    alerts: [],
  })
}

function deploymentNow(made: MadeService): Deployment {
  return {
    id: 'd',
    service: 'checkout',
    environment: 'production',
    version: 'v2',
    previousVersion: 'v1',
    startTimeMs: made.clock.nowTimeMs(),
    endTimeMs: undefined,
    actor: '',
    url: '',
    note: '',
    state: 'watching',
    rollbackOf: undefined,
  }
}

const healths = (checks: readonly DeploymentCheck[]) =>
  Object.fromEntries(checks.map(({ name, health }) => [name, health]))

test('each signal is judged against itself before, in the direction that is worse for it', async () => {
  const made = new MadeService()
  await made.live(60, { version: 'v1', errorRatio: 0.02, slowRatio: 0.02 })
  await made.gauge('stock_level', 100)
  const deployment = deploymentNow(made)
  await made.live(30, { version: 'v2', errorRatio: 0.02, slowRatio: 0.5 })
  await made.gauge('stock_level', 85)
  assert.deepEqual(healths(await check(made, deployment)), {
    'error ratio': 'ok',
    'p95 latency': 'critical',
    stock: 'critical',
  })
  await made.live(30, { version: 'v2', errorRatio: 0.1 })
  await made.gauge('stock_level', 300)
  assert.deepEqual(healths(await check(made, deployment)), {
    'error ratio': 'critical',
    'p95 latency': 'ok',
    stock: 'ok',
  })
})

test('one signal without data is enough to prove nothing', async () => {
  const made = new MadeService()
  await made.live(30, { version: 'v1' })
  await made.gauge('stock_level', 100)
  const deployment = deploymentNow(made)
  // Requests go on, but the gauge is silent for longer than the lookback.
  await made.live(330, { version: 'v2' })
  const checks = await check(made, deployment)
  assert.deepEqual(healths(checks), {
    'error ratio': 'ok',
    'p95 latency': 'ok',
    stock: 'unknown',
  })
  assert.equal(isHealthy(checks), false)
  assert.match(checks[2]!.message, /no data now/)
})

test('without traffic there is no error ratio, not a good one', async () => {
  const made = new MadeService()
  await made.live(30, { version: 'v1' })
  const deployment = deploymentNow(made)
  await made.live(30, { version: 'v2', requestsPerSecond: 0 })
  assert.equal(healths(await check(made, deployment))['error ratio'], 'unknown')
})

test('a service that is new has nothing to compare with, and that is no proof', async () => {
  const made = new MadeService()
  const deployment = deploymentNow(made)
  await made.live(30, { version: 'v2' })
  const checks = await check(made, deployment)
  assert.deepEqual(healths(checks), { 'error ratio': 'info', 'p95 latency': 'info' })
  assert.equal(isHealthy(checks), false)
})

test('a small service does not fail by chance: the limit leaves room for three standard errors', async () => {
  const made = new MadeService()
  await made.live(300, { version: 'v1', requestsPerSecond: 2, errorRatio: 0.05 })
  const deployment = deploymentNow(made)
  // Of the twenty requests in the window two fail: 10 %, but no more than chance allows.
  await made.live(20, { version: 'v2', requestsPerSecond: 2, errorRatio: 0.1 })
  assert.equal(healths(await check(made, deployment))['error ratio'], 'ok')
  await made.live(20, { version: 'v2', requestsPerSecond: 2, errorRatio: 0.5 })
  assert.equal(healths(await check(made, deployment))['error ratio'], 'critical')
})
