/**
 * The whole story on real parts: a shop under traffic, a bad release of checkout, and Shipwatch, which
 * notices it, finds the release, tells people, takes it back, proves the recovery and writes it down.
 *
 *   npm run demo              leaves the UI open at the incident until Ctrl-C
 *   npm run demo -- --once    ends by itself: 0 when every step happened in time, 1 otherwise
 *
 * Shipwatch runs as a process of its own with shipwatch.yml of this folder; only addresses and paths are
 * replaced by free ports and a temporary directory. It is told of deployments as any pipeline would.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type AlertList,
  apiRoot,
  type DeploymentRequest,
  type IncidentList,
  type IncidentView,
} from '../../src/api/api.ts'
import type { Deployment } from '../../src/model/deployment.ts'
import { MailSink } from '../../test/support/mail-sink.ts'

const { values: options } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
const folder = import.meta.dirname
const root = resolve(folder, '../..')
const workDir = mkdtempSync(join(tmpdir(), 'shipwatch-demo-'))
const dataDir = join(workDir, 'data')

/** Bounds after the bad deployment. */
const toldMsMax = 15_000
const resolvedMsMax = 90_000
/** Quiet traffic before the bad deployment, so that there is a "before". */
const calmMs = 20_000
/** How much longer to wait for it on a machine that is busy with other things. */
const calmPatienceMs = 90_000

const children: ChildProcess[] = []
const mail = new MailSink()
const hooks: { timeMs: number; body: Record<string, unknown> }[] = []
let hookServer: http.Server | undefined
let isEnding = false

// ---- printing

const isColored = process.stdout.isTTY === true
const paint = (code: number, text: string): string =>
  isColored ? `\u001b[${code}m${text}\u001b[0m` : text

function say(text: string): void {
  console.log(text)
}

function step(sinceMs: number, name: string, text: string): void {
  const time = `+${(sinceMs / 1_000).toFixed(1).padStart(5)} s`
  say(`  ${paint(36, time)}  ${paint(1, name.padEnd(13))} ${text}`)
}

// ---- processes

function start(name: string, words: string[], stdio: 'ipc' | 'plain' = 'plain'): ChildProcess {
  const child = spawn(process.execPath, words, {
    cwd: root,
    // The rollback command says "node": the same one that runs this.
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    stdio: stdio === 'ipc' ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  })
  const log = createWriteStream(join(workDir, `${name}.log`), { flags: 'a' })
  child.stdout?.pipe(log)
  child.stderr?.pipe(log)
  children.push(child)
  child.once('exit', (code) => {
    if (isEnding || code === 0) return
    fail(`${name} ended with ${code}`)
  })
  return child
}

/** Runs a program to its end and answers what it printed; throws when it fails. */
async function run(words: string[]): Promise<string> {
  const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}:\n${printed}`)
  return printed.trim()
}

async function findFreePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

function wait(spanMs: number): Promise<void> {
  return new Promise((done) => setTimeout(done, spanMs))
}

async function until<Value>(
  what: string,
  timeoutMs: number,
  find: () => Promise<Value | undefined> | Value | undefined,
): Promise<Value> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const found = await find()
    if (found !== undefined) return found
    if (performance.now() > deadlineMs)
      throw new Error(`${what} did not happen within ${timeoutMs} ms`)
    await wait(100)
  }
}

async function close(code: number): Promise<never> {
  isEnding = true
  for (const child of children) if (child.exitCode === null) child.kill('SIGTERM')
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const killer = setTimeout(() => child.kill('SIGKILL'), 8_000)
      await once(child, 'exit')
      clearTimeout(killer)
    }),
  )
  hookServer?.close()
  await mail.stop()
  rmSync(workDir, { recursive: true, force: true })
  process.exit(code)
}

function fail(reason: string): void {
  if (isEnding) return
  say(`\n  ${paint(31, 'Failed:')} ${reason}`)
  for (const name of ['shipwatch', 'shop']) {
    const text = readLog(name)
    if (text !== '') say(`\n  last lines of ${name}:\n${text.split('\n').slice(-25).join('\n')}`)
  }
  void close(1)
}

function readLog(name: string): string {
  try {
    return readFileSync(join(workDir, `${name}.log`), 'utf8').trim()
  } catch {
    return ''
  }
}

// ---- the shop and Shipwatch

interface Ports {
  control: number
  gateway: number
  checkout: number
  payment: number
  hook: number
  mail: number
}

/** shipwatch.yml of this folder, with addresses and paths of this run. */
function writeConfig(ports: Ports): string {
  const replaced: [string, string][] = [
    ['127.0.0.1:7100', `127.0.0.1:${ports.control}`],
    ['127.0.0.1:7101', `127.0.0.1:${ports.gateway}`],
    ['127.0.0.1:7102', `127.0.0.1:${ports.checkout}`],
    ['127.0.0.1:7103', `127.0.0.1:${ports.payment}`],
    ['127.0.0.1:7110', `127.0.0.1:${ports.hook}`],
    ['127.0.0.1:2525', `127.0.0.1:${ports.mail}`],
    ['./shop-logs/', `${join(workDir, 'shop-logs')}/`],
  ]
  let text = readFileSync(join(folder, 'shipwatch.yml'), 'utf8')
  for (const [from, to] of replaced) {
    if (!text.includes(from)) throw new Error(`shipwatch.yml no longer names ${from}`)
    text = text.replaceAll(from, to)
  }
  const file = join(workDir, 'shipwatch.yml')
  writeFileSync(file, text)
  writeFileSync(join(workDir, 'shop-rules.yml'), readFileSync(join(folder, 'shop-rules.yml')))
  return file
}

async function startHook(): Promise<number> {
  hookServer = http.createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      text += chunk
    })
    request.on('end', () => {
      hooks.push({ timeMs: Date.now(), body: JSON.parse(text) as Record<string, unknown> })
      response.writeHead(200).end()
    })
  })
  hookServer.listen(0, '127.0.0.1')
  await once(hookServer, 'listening')
  return (hookServer.address() as { port: number }).port
}

/** Shipwatch as a client sees it. */
interface Shipwatch {
  base: string
  signInLink: string
  get<Reply>(path: string): Promise<Reply>
  post<Reply>(path: string, body: unknown): Promise<Reply>
}

async function startShipwatch(configFile: string): Promise<Shipwatch> {
  const words = ['--config', configFile, '--data-dir', dataDir, '--port', '0']
  const child = start('shipwatch', ['src/main.ts', 'serve', ...words])
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const base = await until('the start of Shipwatch', 30_000, () => {
    return /Data\s+\S+/.test(printed) ? /Address\s+(\S+)/.exec(printed)?.[1] : undefined
  })
  const token = readFileSync(join(dataDir, 'local.token'), 'utf8').trim()
  const ask = async <Reply>(path: string, body?: unknown): Promise<Reply> => {
    const reply = await fetch(base + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    })
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}: ${await reply.text()}`)
    return (await reply.json()) as Reply
  }
  return {
    base,
    signInLink: /Sign in\s+(http\S+)/.exec(printed)?.[1] ?? base,
    get: (path) => ask(path),
    post: (path, body) => ask(path, body),
  }
}

async function versionOfCheckout(ports: Ports): Promise<string> {
  try {
    const reply = await fetch(`http://127.0.0.1:${ports.checkout}/health`, {
      signal: AbortSignal.timeout(1_000),
    })
    return ((await reply.json()) as { version: string }).version
  } catch {
    // Between the old process and the new one nobody answers.
    return ''
  }
}

// ---- the story

/** What must happen, in the order in which it is told; each answers a sentence once it happened. */
interface Expectation {
  name: string
  withinMs: number
  find: (view: Seen) => string | undefined
}

/** What one look found. */
interface Seen {
  alerts: AlertList['alerts']
  view: IncidentView | undefined
  checkoutVersion: string
}

function entryOf(view: IncidentView | undefined, code: string): string | undefined {
  return view?.timeline.find((entry) => entry.code === code)?.message
}

function expectations(parts: {
  bad: Deployment
  startTimeMs: number
  mailCountBefore: number
}): Expectation[] {
  const { bad, startTimeMs, mailCountBefore } = parts
  return [
    {
      name: 'noticed',
      withinMs: toldMsMax,
      find: ({ alerts }) => {
        const alert = alerts.find((other) => other.state === 'firing')
        return alert === undefined ? undefined : `${alert.name}: ${alert.annotations['summary']}`
      },
    },
    {
      name: 'incident',
      withinMs: toldMsMax,
      find: ({ view }) =>
        view === undefined
          ? undefined
          : `number ${view.incident.number} opened for ${view.incident.service}`,
    },
    {
      name: 'cause',
      withinMs: toldMsMax,
      find: ({ view }) => {
        const cause = view?.incident.causes[0]
        if (cause?.deploymentId !== bad.id) return undefined
        const kinds = new Set(cause.evidence.filter((e) => e.weight > 0).map((e) => e.kind))
        if (kinds.size < 3) return undefined
        const lines = cause.evidence.map((item) => `\n${' '.repeat(25)}· ${item.message}`)
        return `${cause.title}, confidence ${cause.confidence.toFixed(2)}${lines.join('')}`
      },
    },
    {
      name: 'webhook',
      withinMs: toldMsMax,
      find: () => {
        const hook = hooks.find(
          ({ timeMs, body }) => timeMs >= startTimeMs && body['status'] === 'firing',
        )
        const alerts = (hook?.body['alerts'] ?? []) as { labels?: Record<string, string> }[]
        return alerts[0]?.labels?.['service'] === 'checkout'
          ? `received: ${alerts.length} alert(s) in Alertmanager's form`
          : undefined
      },
    },
    {
      name: 'mail',
      withinMs: toldMsMax,
      find: () => {
        const subject = mail.messages
          .slice(mailCountBefore)
          .map((message) => message.mail.subject ?? '')
          .find((text) => text.includes('checkout'))
        return subject === undefined ? undefined : `received: "${subject}"`
      },
    },
    {
      name: 'rolled back',
      withinMs: resolvedMsMax,
      find: ({ view, checkoutVersion }) => {
        const done = entryOf(view, 'rollback-finished')
        return done === undefined || checkoutVersion !== 'v1'
          ? undefined
          : `checkout answers as v1 again. ${done}`
      },
    },
    {
      name: 'verified',
      withinMs: resolvedMsMax,
      find: ({ view }) => entryOf(view, 'verify-passed'),
    },
    {
      name: 'resolved',
      withinMs: resolvedMsMax,
      find: ({ view }) =>
        view?.incident.state === 'resolved' ? 'the incident is closed' : undefined,
    },
    {
      name: 'post-mortem',
      withinMs: resolvedMsMax,
      find: ({ view }) => {
        const text = view?.incident.postMortem ?? ''
        const rows = text.split('\n').filter((line) => /^\| \d\d:/.test(line))
        return text.includes('checkout v1 → v2') && rows.length >= 8
          ? `drafted: ${text.split('\n').length} lines, a timeline of ${rows.length} entries`
          : undefined
      },
    },
  ]
}

/** Watches until all happened; answers what did not, or came too late. */
async function follow(
  shipwatch: Shipwatch,
  parts: { bad: Deployment; ports: Ports; startTimeMs: number; mailCountBefore: number },
): Promise<{ incidentId: string; missing: string[] }> {
  const open = expectations(parts)
  const missing: string[] = []
  let incidentId = ''
  for (;;) {
    if (incidentId === '') {
      const { incidents } = await shipwatch.get<IncidentList>(
        `${apiRoot}/incidents?state=all&limit=10`,
      )
      incidentId =
        incidents.find(
          (incident) =>
            incident.service === 'checkout' && incident.openedTimeMs >= parts.startTimeMs,
        )?.id ?? ''
    }
    const seen: Seen = {
      alerts: (await shipwatch.get<AlertList>(`${apiRoot}/alerts`)).alerts,
      view:
        incidentId === ''
          ? undefined
          : await shipwatch.get<IncidentView>(`${apiRoot}/incidents/${incidentId}`),
      checkoutVersion: await versionOfCheckout(parts.ports),
    }
    const sinceMs = Date.now() - parts.startTimeMs
    for (const expected of [...open]) {
      const text = expected.find(seen)
      if (text === undefined) continue
      open.splice(open.indexOf(expected), 1)
      step(sinceMs, expected.name, text)
      if (sinceMs > expected.withinMs) {
        missing.push(`"${expected.name}" came after ${sinceMs} ms, not within ${expected.withinMs}`)
      }
    }
    if (open.length === 0) return { incidentId, missing }
    if (sinceMs > resolvedMsMax + 10_000) {
      return {
        incidentId,
        missing: [...missing, ...open.map(({ name }) => `"${name}" did not happen`)],
      }
    }
    await wait(200)
  }
}

/** Waits until nothing fired, waited or stood open for as long as a "before" must last; a slow machine may need a while. */
async function waitForCalm(shipwatch: Shipwatch): Promise<void> {
  const giveUpTimeMs = Date.now() + calmMs + calmPatienceMs
  let calmSinceTimeMs = Date.now()
  while (Date.now() - calmSinceTimeMs < calmMs) {
    await wait(500)
    const { alerts } = await shipwatch.get<AlertList>(`${apiRoot}/alerts`)
    const { incidents } = await shipwatch.get<IncidentList>(`${apiRoot}/incidents?state=open`)
    const loud = alerts.find((alert) => alert.state !== 'resolved')
    if (loud === undefined && incidents.length === 0) continue
    if (Date.now() > giveUpTimeMs) {
      throw new Error(`no calm before the bad deployment: ${loud?.name ?? incidents[0]?.title}`)
    }
    calmSinceTimeMs = Date.now()
  }
}

async function tell(): Promise<void> {
  say(`\n${paint(1, 'A bad release of the shop, from deployment to post-mortem.')}\n`)
  const [control, gateway, checkout, payment] = (await findFreePorts(4)) as [
    number,
    number,
    number,
    number,
  ]
  const ports: Ports = {
    control,
    gateway,
    checkout,
    payment,
    hook: await startHook(),
    mail: await mail.start(),
  }
  const shop = start(
    'shop',
    [
      join(folder, 'shop.ts'),
      ...['--log-dir', join(workDir, 'shop-logs'), '--control-port', String(control)],
      ...['--gateway-port', String(gateway), '--checkout-port', String(checkout)],
      ...['--payment-port', String(payment)],
    ],
    'ipc',
  )
  await once(shop, 'message')
  start(
    'traffic',
    [join(folder, 'traffic.ts'), '--to', `http://127.0.0.1:${gateway}`, '--rate', '50'],
    'ipc',
  )
  say('  The shop is open: gateway, checkout v1 and payment, with 50 visitors a second.')
  const shipwatch = await startShipwatch(writeConfig(ports))
  say(`  Shipwatch watches it: ${shipwatch.base}`)
  say(`  Sign in: ${shipwatch.signInLink}\n`)

  const recorded = await run([
    ...['src/main.ts', 'deployment', 'record', '--url', shipwatch.base, '--data-dir', dataDir],
    ...['--service', 'checkout', '--version', 'v1', '--actor', 'release pipeline'],
  ])
  say(`  ${recorded}`)
  await until('the first samples of the shop', 30_000, async () => {
    const query = encodeURIComponent('sum(rate(http_requests_total{service="checkout"}[10s]))')
    const answer = await shipwatch.get<{ data: { result: { value: [number, string] }[] } }>(
      `/api/v1/query?query=${query}`,
    )
    return Number(answer.data.result[0]?.value[1] ?? 0) > 5 ? true : undefined
  })
  say(`  Samples and logs come in; ${calmMs / 1_000} s of calm for a "before" …`)
  await waitForCalm(shipwatch)
  say('  All is calm: no alert, no incident.\n')

  const startTimeMs = Date.now()
  const mailCountBefore = mail.messages.length
  step(
    0,
    'deploying',
    'checkout v2, which uses payment tokens twice and asks for a slow fraud score',
  )
  const rollout = run([
    join(folder, 'deploy.ts'),
    ...['--service', 'checkout', '--version', 'v2', '--control', `http://127.0.0.1:${control}`],
  ])
  const request: DeploymentRequest = {
    service: 'checkout',
    version: 'v2',
    startTimeMs,
    actor: 'release pipeline',
    note: 'Fewer calls to payment; fraud score per order.',
  }
  const bad = await shipwatch.post<Deployment>(`${apiRoot}/deployments`, request)
  await rollout
  step(Date.now() - startTimeMs, 'deployed', `checkout ${bad.previousVersion} → ${bad.version}`)

  const { incidentId, missing } = await follow(shipwatch, {
    bad,
    ports,
    startTimeMs,
    mailCountBefore,
  })
  if (missing.length > 0) return fail(missing.join('; '))
  say(`\n  ${paint(32, 'Every step happened in time.')}`)
  if (options.once) return void close(0)
  say(`\n  The incident:  ${shipwatch.base}/incidents/${incidentId}`)
  say(`  Sign in:       ${shipwatch.signInLink}`)
  say('  The shop and Shipwatch run on until Ctrl-C.\n')
}

process.on('SIGINT', () => void close(0))
process.on('SIGTERM', () => void close(0))
tell().catch((thrown: unknown) => fail((thrown as Error).stack ?? String(thrown)))
