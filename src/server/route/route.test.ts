/** The product's own API: each route's shape, what it asks of the parts, and its failures. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { makeAlert, makeIncident, ServerBench } from '../../../test/support/server-parts.ts'
import type { SilenceRequest } from '../../alert/alert.ts'
import { apiRoot, type SourceView } from '../../api/api.ts'
import type { Deployment } from '../../model/deployment.ts'
import { labelsFromPairs, makeLabels } from '../../model/labels.ts'
import type { Server } from '../server.ts'

const host = { host: '127.0.0.1:9595' }
let bench: ServerBench
let server: Server

before(() => {
  bench = new ServerBench()
  server = bench.makeServer({ isAuthRequired: false })
})
after(() => bench.close())
beforeEach(() => {
  bench.calls.length = 0
})

async function get(path: string) {
  return server.inject({ url: `${apiRoot}${path}`, headers: host })
}

async function send(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object) {
  return server.inject({
    method,
    url: `${apiRoot}${path}`,
    headers: { ...host, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
}

function callsOf(name: string): unknown[][] {
  return bench.calls.filter((call) => call.name === name).map((call) => call.args)
}

const deployment: Deployment = {
  id: 'd1',
  service: 'checkout',
  environment: 'production',
  version: 'v2',
  previousVersion: 'v1',
  startTimeMs: 1,
  endTimeMs: undefined,
  actor: 'ci',
  url: '',
  note: '',
  state: 'watching',
  rollbackOf: undefined,
}

const source: SourceView = {
  id: 'host',
  kind: 'host',
  name: 'this machine',
  address: '',
  health: 'ok',
  lastError: '',
  lastTimeMs: 1,
  lastDurationMs: 1,
  sampleCount: 1,
  lineCount: 0,
  labels: { instance: 'box "1"' },
  intervalMs: 5000,
}

describe('now', () => {
  test('with nothing watched is unknown, never well', async () => {
    const view = (await get('/now')).json()
    assert.equal(view.health, 'unknown')
    assert.equal(view.host, undefined)
    assert.equal(view.ruleCount, 7)
    assert.deepEqual(view.sources, { up: 0, down: 0, unknown: 0 })
  })

  test('counts alerts and sources, takes the worst, and shows the machine', async () => {
    bench.sources = [source, { ...source, id: 's2', kind: 'scrape', health: 'critical' }]
    const held = makeAlert({ alertname: 'Held', severity: 'critical' })
    held.held = { reason: 'silenced', by: ['s'] }
    const ended = makeAlert({ alertname: 'Ended' })
    ended.state = 'resolved'
    ended.endTimeMs = 77
    bench.alertList = [makeAlert({ alertname: 'A', severity: 'warning' }), held, ended]
    bench.deployment = deployment
    bench.answerInstant = async ({ timeMs }) => ({
      value: {
        type: 'vector',
        timeMs,
        elements: [{ labels: labelsFromPairs([]), value: 0.5 }],
      },
      warnings: [],
      infos: [],
      stats: { sampleCount: 1, seriesCount: 1, elapsedMs: 1 },
    })
    await bench.clock.advance(2_001)
    const view = (await get('/now')).json()
    assert.equal(view.health, 'warning')
    assert.deepEqual(view.alertCounts, { firing: 1, pending: 0, held: 1 })
    assert.deepEqual(view.sources, { up: 1, down: 1, unknown: 0 })
    assert.equal(view.lastAlertTimeMs, 77)
    assert.equal(view.deployments[0].id, 'd1')
    assert.equal(view.host.name, 'box "1"')
    assert.equal(view.host.cpuRatio, 0.5)
    const expressions = callsOf('engine.instant').map(([query]) => JSON.stringify(query))
    assert.equal(expressions.length, 5)
    for (const text of expressions) assert.match(text, /instance=\\"box \\\\\\"1/)
    await get('/now')
    assert.equal(callsOf('engine.instant').length, 5, 'asked once however many look')
  })

  test('a figure that cannot be read is left out, not the page', async () => {
    bench.answerInstant = async () => {
      throw new Error('no engine')
    }
    await bench.clock.advance(2_001)
    const reply = await get('/now')
    assert.equal(reply.statusCode, 200)
    assert.equal(reply.json().host.cpuRatio, undefined)
  })
})

describe('alerts and notifications', () => {
  test('an alert carries its expression, health and incident', async () => {
    const alert = makeAlert({ alertname: 'A', severity: 'page', __proto__x: '1' })
    bench.alertList = [alert]
    await bench.records.incidents.save(makeIncident('i1', [alert.fingerprint]))
    const list = (await get('/alerts')).json()
    assert.equal(list.ruleCount, 7)
    assert.deepEqual(list.alerts[0], {
      fingerprint: alert.fingerprint,
      name: 'A',
      state: 'firing',
      health: 'critical',
      labels: { alertname: 'A', severity: 'page', __proto__x: '1' },
      annotations: {},
      activeTimeMs: 1,
      firedTimeMs: 2,
      value: 3,
      receivers: ['default'],
      expression: 'up == 0',
      incidentId: 'i1',
    })
  })

  test('without records alerts are still listed', async () => {
    bench.records.failing = true
    const reply = await get('/alerts')
    bench.records.failing = false
    assert.equal(reply.json().alerts.length, 1)
  })

  test('the ledger is read newest first with a limit', async () => {
    const attempt = {
      receiver: 'default',
      channel: 'webhook',
      groupKey: '{}',
      reason: 'first notification',
      status: 'firing' as const,
      alertCount: 1,
      attempt: 1,
      outcome: 'delivered' as const,
      answer: '200',
      latencyMs: 5,
      incidentId: undefined,
      fingerprints: ['f'],
    }
    await bench.records.notifications.add({ ...attempt, id: 'n1', timeMs: 1 })
    await bench.records.notifications.add({ ...attempt, id: 'n2', timeMs: 2 })
    const { notifications } = (await get('/notifications?limit=1')).json()
    assert.deepEqual(
      notifications.map((view: { id: string }) => view.id),
      ['n2'],
    )
    assert.ok(!('fingerprints' in notifications[0]))
    assert.equal((await get('/notifications?limit=all')).statusCode, 400)
  })

  test('the ledger is searched, and read on page by page', async () => {
    const first = (await get('/notifications?limit=1&text=200')).json()
    assert.equal(first.next, 'n2')
    const second = (await get(`/notifications?limit=1&text=200&after=${first.next}`)).json()
    assert.equal(second.notifications[0].id, 'n1')
    assert.equal(second.next, undefined)
    assert.deepEqual((await get('/notifications?label=a=b')).json(), { notifications: [] })
    assert.equal((await get('/notifications?label=a')).statusCode, 400)
  })

  test('what reached nobody is listed without its body, and sent again', async () => {
    await bench.records.deadLetters.save({
      id: 'd1',
      timeMs: 1,
      receiver: 'default',
      channel: 'webhook[0]',
      groupKey: '{}',
      state: 'open',
      endTimeMs: undefined,
      failure: 'HTTP 500',
      attemptCount: 2,
      alertCount: 1,
      status: 'firing',
      labels: '',
      body: { secret: 'not shown' },
    })
    const { deadLetters } = (await get('/dead-letters?state=open')).json()
    assert.equal(deadLetters[0].failure, 'HTTP 500')
    assert.ok(!('body' in deadLetters[0]))
    const reply = await send('POST', '/dead-letters/d1/resend', {})
    assert.deepEqual(reply.json(), { isDelivered: false, failures: ['no'] })
    assert.equal((await send('POST', '/dead-letters/d1/dismiss', {})).json().id, 'd1')
  })

  test('the picture of a message is shown to whom knows its address', async () => {
    const reply = await get('/charts/known.png')
    assert.equal(reply.headers['content-type'], 'image/png')
    assert.equal(reply.body, 'png')
    assert.equal((await get('/charts/other.png')).statusCode, 404)
  })

  test('a browser agrees to pushes, is listed without its address, and is forgotten', async () => {
    const { publicKey } = (await get('/push/key')).json()
    assert.equal(Buffer.from(publicKey, 'base64url').length, 65)
    const endpoint = 'https://push.example/S3CR3T'
    const body = {
      endpoint,
      keys: { p256dh: publicKey, auth: Buffer.alloc(16).toString('base64url') },
      label: 'phone',
    }
    assert.equal((await send('POST', '/push/subscriptions', body)).statusCode, 204)
    const wrong = { ...body, keys: { p256dh: 'AAAA', auth: 'AAAA' } }
    assert.equal((await send('POST', '/push/subscriptions', wrong)).statusCode, 400)
    const list = await get('/push/subscriptions')
    assert.equal(list.json().subscriptions[0].label, 'phone')
    assert.ok(!list.body.includes('S3CR3T'))
    const remove = () => send('POST', '/push/subscriptions/remove', { endpoint })
    assert.equal((await remove()).statusCode, 204)
    assert.equal((await remove()).statusCode, 404)
  })

  test('receivers are listed and tested', async () => {
    const { receivers } = (await get('/receivers')).json()
    assert.equal(receivers[0].channels[0].key, 'webhook[0]')
    const reply = await send('POST', '/receivers/default/test', {})
    assert.equal(reply.json().isDelivered, true)
  })
})

describe('incidents', () => {
  test('are listed by state, and one is shown or 404', async () => {
    bench.incident = makeIncident('i1', [])
    await get('/incidents?state=open&limit=5')
    assert.deepEqual(callsOf('incidents.list'), [[{ state: 'open', limit: 5 }]])
    assert.equal((await get('/incidents?state=closed')).statusCode, 400)
    assert.equal((await get('/incidents/i1')).json().incident.id, 'i1')
    const missing = await get('/incidents/i2')
    assert.equal(missing.statusCode, 404)
    assert.equal(missing.json().error.code, 'SERVER_ITEM_UNKNOWN')
  })

  test('acts carry who did them and are audited', async () => {
    assert.equal((await send('POST', '/incidents/i1/acknowledge')).statusCode, 200)
    assert.equal(
      (await send('POST', '/incidents/i1/comment', { message: ' on it ' })).statusCode,
      200,
    )
    assert.equal((await send('POST', '/incidents/i1/comment', {})).statusCode, 400)
    assert.equal((await send('POST', '/incidents/i1/resolve', {})).statusCode, 200)
    assert.equal((await send('PUT', '/incidents/i1/post-mortem', { text: '# x' })).statusCode, 200)
    assert.equal((await send('POST', '/incidents/i2/acknowledge')).statusCode, 404)
    assert.deepEqual(callsOf('incidents.comment'), [['i1', 'anonymous', 'on it']])
    assert.deepEqual(callsOf('incidents.savePostMortem'), [['i1', 'anonymous', '# x']])
    const actions = (await bench.records.access.listAudit(20)).map(({ action }) => action)
    assert.deepEqual(actions.filter((action) => action.startsWith('incident-')).sort(), [
      'incident-acknowledge',
      'incident-comment',
      'incident-post-mortem',
      'incident-resolve',
    ])
  })
})

describe('deployments', () => {
  test('are recorded with 201 and who asked', async () => {
    bench.deployment = deployment
    const reply = await send('POST', '/deployments', { service: 'checkout', version: 'v2' })
    assert.equal(reply.statusCode, 201)
    assert.equal(reply.json().id, 'd1')
    assert.deepEqual(callsOf('deliveries.record'), [
      [{ service: 'checkout', version: 'v2' }, 'anonymous'],
    ])
    const script = await send('POST', '/deployments', {
      service: 's',
      version: 'v',
      url: 'javascript:alert(1)',
    })
    assert.equal(script.statusCode, 400)
  })

  test('are listed with filters', async () => {
    await get('/deployments?service=checkout&fromTimeMs=5&limit=3')
    assert.deepEqual(callsOf('deliveries.list'), [
      [{ service: 'checkout', fromTimeMs: 5, limit: 3 }],
    ])
  })

  test('roll back and hold need one that exists', async () => {
    const decision = await send('POST', '/deployments/d1/rollback', { reason: 'bad' })
    assert.equal(decision.json().verdict, 'yes')
    assert.deepEqual(callsOf('deliveries.rollback'), [['d1', 'anonymous', 'bad']])
    assert.equal((await send('POST', '/deployments/d1/hold')).statusCode, 200)
    assert.equal((await send('POST', '/deployments/d2/hold')).statusCode, 404)
  })
})

describe('logs', () => {
  test('lines and volume share the range; bars stand on whole multiples', async () => {
    bench.logRecords = [
      {
        labels: makeLabels({ service: 'a' }),
        timeNs: 5n,
        level: 'error',
        line: 'x',
        metadata: makeLabels({ trace: '1' }),
      },
    ]
    const reply = (
      await get('/logs?query=%7Ba%3D%22b%22%7D&startTimeMs=61000&endTimeMs=661000&limit=7')
    ).json()
    assert.deepEqual(reply.lines, [
      {
        timeNs: '5',
        level: 'error',
        line: 'x',
        labels: { service: 'a' },
        metadata: { trace: '1' },
      },
    ])
    assert.equal(reply.stepMs, 10_000)
    assert.deepEqual(reply.volume, [{ timeMs: 60_000, level: 'error', count: 4 }])
    const [selection] = callsOf('engine.selectLogs')[0] as [Record<string, unknown>]
    assert.equal(selection['startTimeNs'], 61_000_000_000n)
    assert.equal(selection['limit'], 7)
    const [volume] = callsOf('engine.logVolume')[0] as [Record<string, unknown>]
    assert.equal(volume['startTimeNs'], 60_000_000_000n)
    assert.equal((await get('/logs?query=x&startTimeMs=5&endTimeMs=5')).statusCode, 400)
    assert.equal((await get('/logs')).statusCode, 400)
  })
})

describe('sources and settings', () => {
  test('sources come with what was dropped', async () => {
    const list = (await get('/sources')).json()
    assert.equal(list.sources[0].id, 'host')
    assert.deepEqual(list.drops, [{ source: 'remote write', reason: 'too-old', count: 3 }])
    assert.equal(list.series[0].refusedCount, 2)
    const census = (await get('/sources/census?source=shop')).json()
    assert.deepEqual(census.labels, [{ name: 'id', valueCount: 5, examples: ['1'] }])
    assert.equal((await get('/sources/census?source=nobody')).statusCode, 404)
    assert.equal((await get('/sources/census')).statusCode, 400)
  })

  test('settings show the configuration without secrets and the tokens without theirs', async () => {
    const made = (await send('POST', '/tokens', { name: 'ci', scope: 'ingest' })).json()
    assert.match(made.token, /^sw_[\w-]{43}$/)
    const reply = await get('/settings')
    const view = reply.json()
    assert.equal(view.configYaml, 'password: <secret>\n')
    assert.deepEqual(view.tokens, [made.view])
    assert.equal(view.store.retentionMs, 1_296_000_000)
    assert.ok(!reply.body.includes(made.token))
    assert.equal((await send('DELETE', `/tokens/${made.view.id}`)).statusCode, 204)
    assert.equal((await send('DELETE', `/tokens/${made.view.id}`)).statusCode, 404)
  })
})

test('silences are made with a preview, listed with what they hold, and ended', async () => {
  const own = new ServerBench()
  const made: SilenceRequest[] = []
  const silence = {
    id: 's1',
    matchers: [{ name: 'host', operator: '=' as const, value: 'a' }],
    startTimeMs: own.clock.nowTimeMs(),
    endTimeMs: own.clock.nowTimeMs() + 1000,
    createdBy: 'anonymous',
    comment: 'known',
    annotations: [],
    updatedTimeMs: 0,
  }
  const held = { ...makeAlert({ alertname: 'A', host: 'a' }) }
  held.held = { reason: 'silenced', by: ['s1'] }
  own.alerts = {
    ...({} as NonNullable<ServerBench['alerts']>),
    ...own.paging(),
    list: () => [held],
    onChange: () => () => undefined,
    silences: () => [silence],
    findSilence: (id) => (id === 's1' ? silence : undefined),
    setSilence: async (request) => {
      made.push(request)
      return silence
    },
    expireSilence: async (id) => (id === 's1' ? silence : undefined),
    previewSilence: () => [held],
  }
  const alone = own.makeServer({ isAuthRequired: false })
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const reply = await alone.inject({
      method,
      url: `${apiRoot}/silences${path}`,
      headers: { ...host, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
    return { status: reply.statusCode, json: reply.json() }
  }
  try {
    const { matchers, endTimeMs } = silence
    const preview = await ask('POST', '/preview', { matchers })
    assert.deepEqual(preview.json, {
      count: 1,
      alerts: [{ fingerprint: held.fingerprint, name: 'A', labels: { alertname: 'A', host: 'a' } }],
    })
    const created = await ask('POST', '', { matchers, endTimeMs, comment: ' known ' })
    assert.equal(created.status, 201)
    assert.deepEqual(made, [
      {
        matchers,
        endTimeMs,
        comment: 'known',
        startTimeMs: own.clock.nowTimeMs(),
        createdBy: 'anonymous',
      },
    ])
    const { silences } = (await ask('GET', '')).json
    assert.deepEqual([silences[0].state, silences[0].heldCount], ['active', 1])
    assert.equal((await ask('POST', '/s1/expire', {})).json.id, 's1')
    assert.equal((await ask('POST', '/nope/expire', {})).status, 404)
    assert.equal((await ask('POST', '', { matchers, endTimeMs, comment: '' })).status, 400)
    assert.equal((await ask('POST', '/preview', { matchers: [{}] })).status, 400)
    const actions = (await own.records.access.listAudit(10)).map((entry) => entry.action)
    assert.deepEqual(actions, ['silence-expire', 'silence-set'])
  } finally {
    await own.close()
  }
})
