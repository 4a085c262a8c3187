/** Records from a DNS server of our own: each type, names that do not exist, search domains, failure. */

import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DnsClient } from './dns-client.ts'

const sockets: Socket[] = []

after(() => {
  for (const socket of sockets) socket.close()
})

function encodeName(name: string): Buffer {
  const parts = name
    .split('.')
    .map((part) => Buffer.from(`${String.fromCharCode(part.length)}${part}`))
  return Buffer.concat([...parts, Buffer.from([0])])
}

function number16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2)
  return bytes
}

const types: Record<string, number> = { A: 1, NS: 2, MX: 15, AAAA: 28, SRV: 33 }

/** Answers from a zone: `TYPE name` → data of the records; `broken` names get SERVFAIL. */
async function startServer(
  zone: Record<string, Buffer[]>,
): Promise<{ server: string; asked: string[] }> {
  const socket = createSocket('udp4')
  sockets.push(socket)
  const asked: string[] = []
  socket.on('message', (message, from) => {
    const labels: string[] = []
    let at = 12
    while (message[at] !== 0) {
      labels.push(message.toString('latin1', at + 1, at + 1 + message[at]!))
      at += 1 + message[at]!
    }
    const name = labels.join('.').toLowerCase()
    const question = message.subarray(12, at + 5)
    const number = message.readUInt16BE(at + 1)
    const type = Object.keys(types).find((key) => types[key] === number)!
    asked.push(`${type} ${name}`)
    const records = zone[`${type} ${name}`] ?? []
    const code = name.startsWith('broken') ? 2 : records.length === 0 ? 3 : 0
    const answers = records.map((data) =>
      Buffer.concat([number16(0xc00c, number, 1, 0, 60, data.length), data]),
    )
    const head = number16(message.readUInt16BE(0), 0x8180 | code, 1, answers.length, 0, 0)
    socket.send(Buffer.concat([head, question, ...answers]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { server: `127.0.0.1:${socket.address().port}`, asked }
}

const noFile = join(tmpdir(), 'shipwatch-no-such-resolv.conf')

test('records of every type are read', async () => {
  const { server } = await startServer({
    'A a.test': [Buffer.from([10, 0, 0, 1]), Buffer.from([10, 0, 0, 2])],
    'AAAA a.test': [Buffer.concat([Buffer.from('fd', 'hex'), Buffer.alloc(14), Buffer.from([1])])],
    'NS a.test': [encodeName('ns.a.test')],
    'MX a.test': [Buffer.concat([number16(10), encodeName('mail.a.test')])],
    'SRV _m._tcp.a.test': [Buffer.concat([number16(0, 0, 9100), encodeName('n1.a.test')])],
  })
  const client = new DnsClient({ servers: [server], resolvConf: noFile })
  const hosts = async (type: 'A' | 'AAAA' | 'NS' | 'MX'): Promise<string[]> =>
    (await client.resolve('a.test', type)).map(({ host }) => host).sort()
  assert.deepEqual(await hosts('A'), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual(await hosts('AAAA'), ['fd00::1'])
  assert.deepEqual(await hosts('NS'), ['ns.a.test'])
  assert.deepEqual(await hosts('MX'), ['mail.a.test'])
  assert.deepEqual(await client.resolve('_m._tcp.a.test', 'SRV'), [
    { host: 'n1.a.test', port: 9100 },
  ])
})

test('a name that does not exist has no records, and a server that fails is a failure', async () => {
  const { server } = await startServer({})
  const client = new DnsClient({ servers: [server], resolvConf: noFile })
  assert.deepEqual(await client.resolve('gone.test', 'A'), [])
  await assert.rejects(client.resolve('broken.test', 'A'), /no answer: .*SERVFAIL/i)
})

test('short names are tried within the search domains first, whole names last', async () => {
  const { server, asked } = await startServer({ 'A web.b.test': [Buffer.from([10, 0, 0, 3])] })
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-dns-'))
  try {
    const resolvConf = join(folder, 'resolv.conf')
    await writeFile(resolvConf, 'nameserver 192.0.2.1\nsearch a.test b.test.\n')
    const client = new DnsClient({ servers: [server], resolvConf })
    assert.deepEqual(await client.resolve('web', 'A'), [{ host: '10.0.0.3' }])
    assert.deepEqual(asked.splice(0), ['A web.a.test', 'A web.b.test'])
    await client.resolve('x.y', 'A')
    assert.deepEqual(asked.splice(0), ['A x.y', 'A x.y.a.test', 'A x.y.b.test'])
    await client.resolve('x.', 'A')
    assert.deepEqual(asked.splice(0), ['A x'])
    await writeFile(resolvConf, 'search a.test\noptions edns0 ndots:2\n')
    await client.resolve('x.y', 'A')
    assert.deepEqual(asked, ['A x.y.a.test', 'A x.y'])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
