import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { formatAnswer, formatCsv, type QueryData } from './answer.ts'
import { runCli } from './cli.ts'

const vector: QueryData = {
  resultType: 'vector',
  result: [
    { metric: { __name__: 'up', job: 'a "b", c', __proto__x: '1' }, value: [1.5, '1'] },
    { metric: { __name__: 'h' }, histogram: [1.5, { count: '3', sum: '5', buckets: [[], []] }] },
  ],
}
const vectorCsv =
  '__name__,__proto__x,job,time,value\r\n' +
  'up,1,"a ""b"", c",1970-01-01T00:00:01.500Z,1\r\n' +
  'h,,,1970-01-01T00:00:01.500Z,"count 3, sum 5, 2 buckets"\r\n'

test('a vector is a table of series, native histograms included', () => {
  assert.deepEqual(formatAnswer(vector).split(/ {2,}|\n/), [
    'up{__proto__x="1", job="a \\"b\\", c"}',
    '1',
    'h{}',
    'count 3, sum 5, 2 buckets',
    '',
  ])
  assert.equal(formatAnswer({ resultType: 'vector', result: [] }), 'No series.\n')
  assert.equal(formatAnswer({ resultType: 'scalar', result: [0, '5'] }), '5\n')
})

test('CSV has a column for each label, then time and value, and quotes what must be quoted', () => {
  assert.equal(formatCsv(vector), vectorCsv)
  const series = [
    {
      metric: { time: 'noon' },
      values: [
        [60, '1'],
        [120, 'NaN'],
      ],
    },
    { metric: {}, values: [[60, '+Inf']] },
  ]
  assert.deepEqual(formatCsv({ resultType: 'matrix', result: series }).split('\r\n'), [
    'time,time,value',
    'noon,1970-01-01T00:01:00.000Z,1',
    'noon,1970-01-01T00:02:00.000Z,NaN',
    ',1970-01-01T00:01:00.000Z,+Inf',
    '',
  ])
  assert.equal(
    formatCsv({ resultType: 'scalar', result: [0, '5'] }),
    'time,value\r\n1970-01-01T00:00:00.000Z,5\r\n',
  )
  assert.equal(formatCsv({ resultType: 'vector', result: [] }), 'time,value\r\n')
})

test('query asks the server and writes the form that was asked for', async (t) => {
  let path = ''
  const server = createServer((request, reply) => {
    path = request.url ?? ''
    reply.end(JSON.stringify({ status: 'success', data: vector }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const said = { out: '', err: '' }
  const run = (...words: string[]): Promise<number> =>
    runCli(['query', 'up', '--url', url, ...words], {
      out: (text) => {
        said.out += text
      },
      err: (text) => {
        said.err += text
      },
    })
  assert.equal(await run('--time', '5', '--output', 'csv'), 0)
  assert.equal(path, '/api/v1/query?query=up&time=5')
  assert.equal(said.out, vectorCsv)
  path = ''
  assert.equal(await run('--output', 'constructor'), 2)
  assert.match(said.err, /--output is table, csv, json or promql/)
  assert.equal(path, '', 'nothing was asked')
})
