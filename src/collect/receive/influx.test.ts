/** Influx line protocol: lines, names, precision, and what is refused. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { benchTimeMs, makeReceiverBench, pushTo } from '../testdata/receiver-bench.ts'
import { InfluxReceiver, parseInfluxLine } from './influx.ts'

test('fields become series with the tags as labels', async () => {
  const { parts, read, reasons } = makeReceiverBench()
  const receiver = new InfluxReceiver(parts)
  const body = `# a comment with a " in it
cpu,host=a,cpu\\ id=0\\,1 usage_idle=98.5,count=3i,ok=t,text="a, b=c
d" ${benchTimeMs}000000

load value=-1e3
disk-io,dev=sda" read=7u ${benchTimeMs - 5}999999`
  const reply = await receiver.receive(
    pushTo('/write?db=telegraf', gzipSync(body), { headers: { 'content-encoding': 'gzip' } }),
  )
  assert.deepEqual(reply, { status: 204, headers: {}, body: '' })
  assert.deepEqual(await read(), [
    'cpu_count{cpu_id="0,1", db="telegraf", host="a"} 0:3',
    'cpu_ok{cpu_id="0,1", db="telegraf", host="a"} 0:1',
    'cpu_usage_idle{cpu_id="0,1", db="telegraf", host="a"} 0:98.5',
    'disk_io_read{db="telegraf", dev="sda\\""} -5:7',
    'load{db="telegraf"} 0:-1000',
  ])
  assert.deepEqual(reasons(), ['field-not-a-number 1'])
})

test('the precision is that of the request', async () => {
  for (const [precision, digits] of [
    ['ns', `${benchTimeMs - 60_000}000000`],
    ['us', `${benchTimeMs - 60_000}000`],
    ['ms', `${benchTimeMs - 60_000}`],
    ['s', `${benchTimeMs / 1000 - 60}`],
  ]) {
    const { parts, read } = makeReceiverBench()
    const receiver = new InfluxReceiver(parts)
    const url = `/api/v2/write?bucket=b&precision=${precision}`
    assert.equal((await receiver.receive(pushTo(url, `m f=1 ${digits}`))).status, 204)
    assert.deepEqual(await read(), ['m_f{db="b"} -60000:1'])
  }
})

test('wrong lines are told in the shape of the version called; the others are kept', async () => {
  const { parts, read, reasons } = makeReceiverBench()
  const receiver = new InfluxReceiver(parts)
  const body = 'good f=1\nbad\nbad f=\nbad,t f=1\n,t=1 f=1\nbad f=x1\nbad f=1 soon\nbad f="open'
  const first = await receiver.receive(pushTo('/write', body))
  assert.equal(first.status, 400)
  const { error } = JSON.parse(first.body)
  assert.match(
    error,
    /^partial write: unable to parse 'bad' in line \d+: missing fields; .*dropped=7$/,
  )
  const second = await receiver.receive(pushTo('/api/v2/write', 'bad'))
  assert.equal(JSON.parse(second.body).code, 'invalid')
  assert.equal((await receiver.receive(pushTo('/write?precision=d', 'a f=1'))).status, 400)
  assert.deepEqual(await read(), ['good_f 0:1'])
  assert.deepEqual(reasons(), ['line-invalid 8'])
})

test('any text is read or refused in words', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab=,\\" 1i\t') }), (text) => {
      const read = parseInfluxLine(text)
      if (typeof read === 'string') return
      for (const { value } of read.fields) assert.ok(value === undefined || !Number.isNaN(value))
    }),
    { numRuns: 2000 },
  )
})

test('a line of tags or fields without end is refused by itself', () => {
  assert.equal(parseInfluxLine(`m${',a=1'.repeat(2_000_000)} f=1`), 'more than 4096 tags')
  assert.equal(parseInfluxLine(`m ${'a=1,'.repeat(2_000_000)}a=1`), 'more than 4096 fields')
  assert.equal(typeof parseInfluxLine(`m ${'a=1,'.repeat(1000)}a=1`), 'object')
})

test('a line that cannot be read is told by its number', async () => {
  const { parts } = makeReceiverBench()
  const receiver = new InfluxReceiver(parts)
  const body = '# comment\n\nm note="two\nlines",v=1\nbad\nm v=x\n'
  const one = await receiver.receive(pushTo('/write', body))
  assert.match(one.body, /'bad' in line 5: missing fields; unable to parse 'm v=x' in line 6:/)
  const two = await receiver.receive(pushTo('/api/v2/write?bucket=b', body))
  assert.equal((JSON.parse(two.body) as { line: number }).line, 5)
  assert.equal(two.status, 400)
})
