/** Discovery by HTTP and DNS: what is asked, what is found, and what stays while asking fails. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { VirtualClock } from '../../base/clock.ts'
import type { DnsRecord } from '../../base/dns-client.ts'
import { HttpAccess } from '../http-access.ts'
import type { Discovery } from './discover.ts'
import { DnsDiscovery } from './dns.ts'
import { HttpDiscovery } from './http.ts'
import { dnsDiscovery, httpDiscovery } from './settings.ts'

/** What a discovery has told: label sets as text, and problems; `next` waits for more. */
function listenTo(discovery: Discovery) {
  const told: { targets: string[]; problems: readonly string[] }[] = []
  let wake: () => void = () => undefined
  void discovery.start((groups, problems) => {
    const targets = groups.flatMap((group) => group.targets.map((labels) => labels.toString()))
    told.push({ targets, problems })
    wake()
  })
  const next = async () => {
    if (told.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return told.shift()!
  }
  return { told, next }
}

test('a list over HTTP is asked for as Prometheus asks, and kept while the address fails', async () => {
  const seen: Record<string, unknown>[] = []
  let answer: { status: number; type: string; body: string } = {
    status: 200,
    type: 'application/json; charset=utf-8',
    body: '[{"targets":["a:1","b:2"],"labels":{"__meta_zone":"x"}},{"targets":["c:3"]}]',
  }
  const server = createServer((request, response) => {
    seen.push(request.headers)
    response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/list?key=hidden`
  const clock = new VirtualClock(0)
  const settings = httpDiscovery.parse({
    url,
    refresh_interval: '30s',
    authorization: { credentials: 'x' },
  })
  const access = new HttpAccess(settings, clock)
  const discovery = new HttpDiscovery({ settings, access, clock, version: '1.2.3' })
  try {
    const { told, next } = listenTo(discovery)
    const targets = [
      `{__address__="a:1", __meta_url="${url}", __meta_zone="x"}`,
      `{__address__="b:2", __meta_url="${url}", __meta_zone="x"}`,
      `{__address__="c:3", __meta_url="${url}"}`,
    ]
    assert.deepEqual(await next(), { targets, problems: [] })
    assert.equal(seen[0]!['x-prometheus-refresh-interval-seconds'], '30')
    assert.equal(seen[0]!['user-agent'], 'Shipwatch/1.2.3')
    assert.equal(seen[0]!['authorization'], 'Bearer x')
    const fail = async (other: Partial<typeof answer>, reason: RegExp): Promise<void> => {
      const good = answer
      answer = { ...answer, ...other }
      const waiting = next()
      await clock.advance(30_000)
      const outcome = await waiting
      assert.deepEqual(outcome.targets, targets)
      assert.match(outcome.problems.join(), reason)
      assert.doesNotMatch(outcome.problems.join(), /hidden/)
      answer = good
    }
    await fail({ status: 503 }, /HTTP status 503/)
    await fail({ type: 'text/html' }, /unsupported content type "text\/html"/)
    await fail({ body: '[{' }, /JSON/)
    await fail({ body: '[{"targets":[1]}]' }, /\[0\]\.targets\[0\]/)
    answer = { ...answer, body: '[]' }
    const waiting = next()
    await clock.advance(30_000)
    assert.deepEqual(await waiting, { targets: [], problems: [] })
    assert.equal(told.length, 0)
  } finally {
    discovery.stop()
    server.closeAllConnections()
    server.close()
  }
})

function makeDns(config: object, records: Map<string, DnsRecord[] | Error>, clock: VirtualClock) {
  const settings = dnsDiscovery.parse(config)
  const resolve = async (name: string, type: string): Promise<DnsRecord[]> => {
    const found = records.get(`${type} ${name}`) ?? []
    if (found instanceof Error) throw found
    return found
  }
  return new DnsDiscovery({ settings, client: { resolve }, clock })
}

test('records of DNS become targets with their meta labels', async () => {
  const records = new Map<string, DnsRecord[]>([
    ['SRV _m._tcp.a', [{ host: 'n1.a', port: 9100 }]],
    ['A web', [{ host: '10.0.0.2' }, { host: '10.0.0.1' }]],
    ['AAAA web', [{ host: 'fd00::1' }]],
    ['MX a', [{ host: 'mail.a' }]],
  ])
  const find = async (config: object): Promise<string[]> => {
    const discovery = makeDns(config, records, new VirtualClock(0))
    const { next } = listenTo(discovery)
    const { targets } = await next()
    discovery.stop()
    return targets
  }
  assert.deepEqual(await find({ names: ['_m._tcp.a'] }), [
    '{__address__="n1.a:9100", __meta_dns_name="_m._tcp.a", __meta_dns_srv_record_port="9100", __meta_dns_srv_record_target="n1.a."}',
  ])
  assert.deepEqual(await find({ names: ['web', 'none'], type: 'a', port: 80 }), [
    '{__address__="10.0.0.1:80", __meta_dns_name="web"}',
    '{__address__="10.0.0.2:80", __meta_dns_name="web"}',
  ])
  assert.deepEqual(await find({ names: ['web'], type: 'AAAA', port: 80 }), [
    '{__address__="[fd00::1]:80", __meta_dns_name="web"}',
  ])
  assert.deepEqual(await find({ names: ['a'], type: 'MX', port: 25 }), [
    '{__address__="mail.a:25", __meta_dns_mx_record_target="mail.a.", __meta_dns_name="a"}',
  ])
  assert.equal(dnsDiscovery.safeParse({ names: ['a'], type: 'A' }).success, false)
})

test('of two names the one whose server fails keeps its targets, the other follows its records', async () => {
  const clock = new VirtualClock(0)
  const records = new Map<string, DnsRecord[] | Error>([
    ['A a', [{ host: '10.0.0.1' }]],
    ['A b', [{ host: '10.0.0.2' }]],
  ])
  const discovery = makeDns({ names: ['a', 'b'], type: 'A', port: 1 }, records, clock)
  const { told, next } = listenTo(discovery)
  await next()
  await clock.advance(30_000)
  assert.equal(told.length, 0)
  records.set('A a', new Error('no answer: SERVFAIL'))
  records.set('A b', [])
  await clock.advance(30_000)
  const { targets, problems } = await next()
  assert.deepEqual(targets, ['{__address__="10.0.0.1:1", __meta_dns_name="a"}'])
  assert.match(problems.join(), /DNS name a: no answer: SERVFAIL/)
  discovery.stop()
  records.set('A b', [{ host: '10.0.0.2' }])
  await clock.advance(60_000)
  assert.equal(told.length, 0)
})
