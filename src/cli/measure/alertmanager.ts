/**
 * The suite `alertmanager`: configurations that Alertmanager takes or refuses, the receivers of label
 * sets, and what webhooks hear over time. The first two ask the configuration and the routes as serve
 * does; the third runs alerting and notifying as they are, on the machine's clock, against a web server
 * of its own, all scenarios at once. Nothing is kept: records that forget stand in.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AlertDesk } from '../../alert/alert.ts'
import { type LoadedConfig, loadConfig } from '../../app/load-config.ts'
import { systemClock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { silentLog } from '../../base/log.ts'
import { systemRandom } from '../../base/random.ts'
import { makeLabels } from '../../model/labels.ts'
import type { MatchOperator } from '../../model/matcher.ts'
import { Notifier } from '../../notify/notify.ts'
import { OnCall } from '../../oncall/oncall.ts'
import type { Records } from '../../store/store.ts'
import { formatCounts, type MeasureOptions, type MeasureResult } from './suite.ts'

interface Outcome {
  part: 'config' | 'routes' | 'timeline'
  name: string
  /** Empty when the case is met. */
  failure: string
}

/** Runs `config/`, `routes.json` and `timeline.json`. */
export async function measureAlertmanager(options: MeasureOptions): Promise<MeasureResult> {
  const dir = mkdtempSync(join(tmpdir(), 'shipwatch-measure-'))
  const outcomes: Outcome[] = []
  try {
    outcomes.push(...checkConfigs(options.from))
    outcomes.push(...checkRoutes(options.from, dir))
    outcomes.push(...(await runTimeline(options.from, dir)))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  const counts = new Map<string, { passed: number; total: number }>()
  for (const { part, name, failure } of outcomes) {
    const count = counts.get(part) ?? { passed: 0, total: 0 }
    count.total++
    if (failure === '') count.passed++
    counts.set(part, count)
    if (failure !== '' && options.listsFailures) options.print(`${part} ${name}\n    ${failure}`)
  }
  for (const line of formatCounts('alertmanager', counts)) options.print(line)
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(outcomes, undefined, 1))
  const figures = Object.fromEntries(
    [...counts].map(([part, { passed, total }]) => [part, passed / total]),
  )
  const passed = outcomes.filter(({ failure }) => failure === '').length
  return { suite: 'alertmanager', passed, total: outcomes.length, figures }
}

interface Running {
  desk: AlertDesk
  notifier: Notifier
}

/** Makes the two parts that a configuration of Alertmanager concerns; throws what serve would say. */
function makeParts(loaded: LoadedConfig): Running {
  const { config: settings, baseDir } = loaded
  // An Alertmanager does not start without.
  if (settings.route === undefined) throw new Error('no route provided in config')
  const around = { settings, records: makeForgetfulRecords(), clock: systemClock, log: silentLog }
  const notifier = new Notifier({ ...around, random: systemRandom, baseDir })
  const oncall = new OnCall(settings)
  return { notifier, desk: new AlertDesk({ ...around, notifier, oncall, externalUrl: '' }) }
}

/** Takes everything and finds nothing. */
function makeForgetfulRecords(): Records {
  const keeper = new Proxy({}, { get: (_target, method) => async () => answerOf(String(method)) })
  return new Proxy({}, { get: () => keeper }) as Records
}

function answerOf(method: string): unknown {
  return method.startsWith('list') ? [] : undefined
}

function checkConfigs(from: string): Outcome[] {
  const index = JSON.parse(readFileSync(join(from, 'config', 'index.json'), 'utf8')) as {
    file: string
    /** Not scored when null. */
    valid: boolean | null
  }[]
  return index
    .filter(({ valid }) => valid !== null)
    .map(({ file, valid }) => {
      let refusal = ''
      try {
        makeParts(loadConfig({ file: join(from, 'config', file), overrides: [] }))
      } catch (thrown) {
        refusal = messageOf(thrown)
      }
      const isMet = (refusal === '') === valid
      const failure = isMet ? '' : refusal === '' ? 'should have been refused' : refusal
      return { part: 'config', name: file, failure }
    })
}

/** The parts of a configuration given as text. */
function makePartsOf(dir: string, text: string): Running {
  const file = join(dir, 'shipwatch.yml')
  writeFileSync(file, text)
  return makeParts(loadConfig({ file, overrides: [] }))
}

function checkRoutes(from: string, dir: string): Outcome[] {
  const suite = JSON.parse(readFileSync(join(from, 'routes.json'), 'utf8')) as {
    configs: Record<string, string>
    cases: { config: string; labels: Record<string, string>; receivers: string[] }[]
  }
  const desks = new Map<string, AlertDesk>()
  return suite.cases.map(({ config, labels, receivers }) => {
    const name = `${config} ${JSON.stringify(labels)}`
    const desk = desks.get(config) ?? makePartsOf(dir, suite.configs[config]!).desk
    desks.set(config, desk)
    const found = desk.receiversFor(makeLabels(labels)).join(', ')
    const expected = receivers.join(', ')
    const failure = found === expected ? '' : `expected ${expected}, got ${found}`
    return { part: 'routes', name, failure }
  })
}

/** Times are seconds: of steps since the start, of alerts and silences since the step. */
interface Step {
  at: number
  alerts?: {
    labels: Record<string, string>
    annotations?: Record<string, string>
    startsAt: number | null
    endsAt: number | null
  }[]
  silence?: {
    id: string
    matchers: { name: string; value: string; isRegex: boolean; isEqual: boolean }[]
    startsAt: number
    endsAt: number
  }
  expire?: string
  webhook_status?: Record<string, number>
}

interface Call {
  at: number
  webhook: string
  receiver: string
  status: string
  groupLabels: Record<string, string>
  alerts: { labels: Record<string, string>; status: string }[]
  truncatedAlerts: number
}

interface Scenario {
  name: string
  config: string
  steps: Step[]
  until: number
  notifications: Call[]
}

async function runTimeline(from: string, dir: string): Promise<Outcome[]> {
  const suite = JSON.parse(readFileSync(join(from, 'timeline.json'), 'utf8')) as {
    tolerance_seconds: number
    scenarios: Scenario[]
  }
  return Promise.all(
    suite.scenarios.map(async (scenario): Promise<Outcome> => {
      const failure = compareCalls(
        scenario.notifications,
        await runScenario(scenario, dir),
        suite.tolerance_seconds,
      )
      return { part: 'timeline', name: scenario.name, failure }
    }),
  )
}

async function runScenario(scenario: Scenario, dir: string): Promise<Call[]> {
  const calls: Call[] = []
  const statuses = new Map<string, number>()
  let startTimeMs = systemClock.nowTimeMs()
  const hook = createServer((request, response) => {
    const webhook = (request.url ?? '/').slice(1)
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      // A message that was given up on its way, because the scenario is over, counts for nothing.
      if (!request.complete || body === '') {
        response.destroy()
        return
      }
      const status = statuses.get(webhook) ?? 200
      const at = (systemClock.nowTimeMs() - startTimeMs) / 1000
      if (status < 300) calls.push({ ...(JSON.parse(body) as Call), at, webhook })
      response.writeHead(status).end()
    })
  })
  await listen(hook)
  const { port } = hook.address() as AddressInfo
  const text = scenario.config.replaceAll('http://WEBHOOK/', `http://127.0.0.1:${port}/`)
  const { desk, notifier } = makePartsOf(dir, text)
  await desk.start()
  const silenceIds = new Map<string, string>()
  startTimeMs = systemClock.nowTimeMs()
  const waitUntil = (seconds: number): Promise<void> =>
    systemClock.sleep(Math.max(0, startTimeMs + seconds * 1000 - systemClock.nowTimeMs()))
  try {
    for (const step of scenario.steps) {
      await waitUntil(step.at)
      for (const [webhook, status] of Object.entries(step.webhook_status ?? {}))
        statuses.set(webhook, status)
      await doStep(step, desk, silenceIds)
    }
    await waitUntil(scenario.until)
    return [...calls]
  } finally {
    await desk.stop()
    await notifier.stop()
    hook.closeAllConnections()
    hook.close()
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
}

async function doStep(step: Step, desk: AlertDesk, silenceIds: Map<string, string>): Promise<void> {
  const nowTimeMs = systemClock.nowTimeMs()
  const timeOf = (seconds: number | null): number | undefined =>
    seconds === null ? undefined : nowTimeMs + seconds * 1000
  if (step.alerts !== undefined)
    await desk.receive(
      step.alerts.map((alert) => ({
        labels: makeLabels(alert.labels),
        annotations: makeLabels(alert.annotations ?? {}),
        startTimeMs: timeOf(alert.startsAt),
        endTimeMs: timeOf(alert.endsAt),
        generatorUrl: '',
      })),
    )
  if (step.silence !== undefined) {
    const { id } = await desk.setSilence({
      matchers: step.silence.matchers.map(({ name, value, isRegex, isEqual }) => {
        const operator: MatchOperator = isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!='
        return { name, operator, value }
      }),
      startTimeMs: nowTimeMs + step.silence.startsAt * 1000,
      endTimeMs: nowTimeMs + step.silence.endsAt * 1000,
      createdBy: 'measure',
      comment: 'measure',
    })
    silenceIds.set(step.silence.id, id)
  }
  if (step.expire !== undefined) await desk.expireSilence(silenceIds.get(step.expire) ?? '')
}

/** Each expected call must have come in its time, and no other. */
function compareCalls(
  expected: readonly Call[],
  found: readonly Call[],
  tolerance: number,
): string {
  const left = [...found]
  const say = (calls: readonly Call[]): string =>
    calls.map((call) => `${call.at.toFixed(1)} s ${describeCall(call)}`).join('; ')
  for (const call of expected) {
    const index = left.findIndex(
      (other) =>
        Math.abs(other.at - call.at) <= tolerance && describeCall(other) === describeCall(call),
    )
    if (index < 0) return `missing: ${say([call])}; came: ${say(found)}`
    left.splice(index, 1)
  }
  return left.length === 0 ? '' : `should not have come: ${say(left)}`
}

/** Everything of a call but its time; of cut messages only how many alerts they hold. */
function describeCall(call: Call): string {
  const alerts =
    call.truncatedAlerts > 0
      ? [String(call.alerts.length)]
      : call.alerts.map(({ labels, status }) => `${status} ${makeLabels(labels).key}`).sort()
  const group = makeLabels(call.groupLabels).key
  return [call.webhook, call.receiver, call.status, group, call.truncatedAlerts, ...alerts].join(
    ' | ',
  )
}
