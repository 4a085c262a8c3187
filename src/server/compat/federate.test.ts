/** Federation: the page that another Prometheus scrapes, read back by our own strict reader. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServerBench } from '../../../test/support/server-parts.ts'
import { silentLog } from '../../base/log.ts'
import { parseExposition } from '../../collect/collect.ts'
import { z } from '../../config/schema.ts'
import { makeLabels } from '../../model/labels.ts'
import { SampleBatchBuilder } from '../../model/sample.ts'
import { QueryEngine } from '../../query/query.ts'
import { querySettings } from '../../query/settings.ts'

/** A bench with the real engine, which reads selectors. */
function makeBench(): ServerBench {
  const bench = new ServerBench()
  const { store, clock } = bench
  const settings = z.object(querySettings.top).parse({ query: {} })
  bench.engine = new QueryEngine({ querier: store, logs: store, settings, clock, log: silentLog })
  return bench
}

test('the latest sample of every series found is written once, with its time', async () => {
  const bench = makeBench()
  const server = bench.makeServer({ isAuthRequired: false })
  const nowTimeMs = bench.clock.nowTimeMs()
  const rows = new SampleBatchBuilder()
  const add = (labels: Record<string, string>, ...samples: [number, number | undefined][]) => {
    const seriesId = bench.store.seriesId(makeLabels(labels))
    for (const [offsetMs, value] of samples) {
      if (value === undefined) rows.addStale(seriesId, nowTimeMs + offsetMs)
      else rows.add(seriesId, nowTimeMs + offsetMs, value)
    }
  }
  add({ __name__: 'up', job: 'a', instance: 'h:1' }, [-20_000, 0], [-10_000, 1])
  add({ __name__: 'up', job: 'b', cluster: 'own', path: 'a\\b"c\nd' }, [-5000, Number.NaN])
  add({ __name__: 'up', job: 'ended' }, [-20_000, 1], [-10_000, undefined])
  add({ __name__: 'up', job: 'silent' }, [-400_000, 1])
  add({ __name__: 'http.total', 'a.b': 'x' }, [0, 1e21])
  await bench.store.append(rows.batch)
  const get = (query: string, accept = '') =>
    server.inject({
      url: `/federate?${encodeURI(query)}`,
      headers: { host: '127.0.0.1:9595', accept },
    })

  const plain = await get('match[]=up&match[]=up&match[]={"http.total"}')
  assert.equal(plain.statusCode, 200)
  assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  assert.equal(
    plain.body,
    `# TYPE http_total untyped
http_total{a_b="x",cluster="eu",instance=""} 1e+21 ${nowTimeMs}
# TYPE up untyped
up{cluster="own",job="b",path="a\\\\b\\"c\\nd",instance=""} NaN ${nowTimeMs - 5000}
up{cluster="eu",instance="h:1",job="a"} 1 ${nowTimeMs - 10_000}
`,
  )
  assert.equal(parseExposition(plain.body, 'text').samples.length, 3)

  const wide = await get('match[]={"http.total"}', 'text/plain;version=1.0.0;escaping=allow-utf-8')
  assert.match(wide.body, /^\{"http\.total","a\.b"="x",cluster="eu",instance=""\} /m)
  assert.equal(parseExposition(wide.body, 'text').samples[0]!.labels.get('a.b'), 'x')

  assert.equal((await get('')).body, '')
  await bench.close()
})

test('a wrong selector is refused in words, and strangers need the right to read', async () => {
  const bench = makeBench()
  const server = bench.makeServer()
  const reply = await server.inject({
    url: '/federate?match[]=up',
    headers: { host: '127.0.0.1:9595' },
  })
  assert.equal(reply.statusCode, 401)
  assert.match(String(reply.headers['content-type']), /^text\/plain/)
  const open = bench.makeServer({ isAuthRequired: false })
  const wrong = await open.inject({
    url: '/federate?match[]=up%7B',
    headers: { host: '127.0.0.1:9595' },
  })
  assert.equal(wrong.statusCode, 400)
  assert.match(wrong.body, /^invalid parameter "match\[\]": /)
  await bench.close()
})
