import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplyParser } from './reply-parser.ts'

/** What the parser makes of pieces, and of the end of the connection when the reply needs that. */
function parse(pieces: readonly Buffer[], bytesMax = 1000): string {
  const parser = new ReplyParser(bytesMax)
  for (const piece of pieces) {
    // Memory is used again: what the parser keeps must be its own.
    const shared = Buffer.from(piece)
    const outcome = parser.take(shared)
    shared.fill(0x21)
    if (outcome === 'overflow') return 'overflow'
    if (outcome === 'done') return show(parser)
  }
  return parser.endInput() ? show(parser) : 'cut off'
}

function show({ status, headers, body, isKept }: ReplyParser): string {
  return `${status} ${JSON.stringify(headers)} ${body.toString('latin1')} ${isKept ? 'kept' : 'closed'}`
}

const replies: [text: string, expected: string][] = [
  ['HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody', '200 {"content-length":"4"} body kept'],
  ['HTTP/1.1 200\r\ncontent-length:0\r\n\r\n', '200 {"content-length":"0"}  kept'],
  ['HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na', '200 {"content-length":"1"} a closed'],
  [
    'HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: Keep-Alive\r\n\r\na',
    '200 {"content-length":"1","connection":"Keep-Alive"} a kept',
  ],
  [
    'HTTP/1.1 404 Not Found\r\nx: 1\r\nX: \t2 \r\nconnection: te, close\r\ncontent-length: 1\r\n\r\na',
    '404 {"x":"1, 2","connection":"te, close","content-length":"1"} a closed',
  ],
  ['HTTP/1.1 204 No Content\r\n\r\n', '204 {}  kept'],
  ['HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n', '304 {"content-length":"5"}  closed'],
  [
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
    '200 {"content-length":"2"} ok kept',
  ],
  [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a="b"\r\nabc\r\n0A \r\n0123456789\r\n0\r\nsum: 1\r\n\r\n',
    '200 {"transfer-encoding":"Chunked"} abc0123456789 kept',
  ],
  ['HTTP/1.1 200 OK\r\n\r\nuntil it ends', '200 {} until it ends closed'],
  ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP', '200 {"content-length":"2"} ok closed'],
  [
    'HTTP/1.1 200 OK\r\n__proto__: a\r\ncontent-length: 1\r\n\r\na',
    '200 {"__proto__":"a","content-length":"1"} a kept',
  ],
]

test('a reply is the same in whatever pieces it comes', () => {
  for (const [text, expected] of replies) {
    const bytes = Buffer.from(text, 'latin1')
    assert.equal(parse([bytes]), expected)
    const singles = Array.from(bytes, (byte) => Buffer.from([byte]))
    const isLoose = text.endsWith('okHTTP')
    assert.equal(parse(singles), isLoose ? expected.replace('closed', 'kept') : expected)
    for (let cut = 1; cut < bytes.length && !isLoose; cut++)
      assert.equal(parse([bytes.subarray(0, cut), bytes.subarray(cut)]), expected, `cut at ${cut}`)
  }
})

test('a reply that ends too soon is not taken for whole', () => {
  for (const [text, expected] of replies) {
    if (expected.includes('until it ends') || text.endsWith('okHTTP')) continue
    const bytes = Buffer.from(text, 'latin1')
    for (let end = 0; end < bytes.length; end++)
      assert.equal(parse([bytes.subarray(0, end)]), 'cut off', JSON.stringify(text.slice(0, end)))
  }
})

test('what leaves doubt about where a reply ends is refused', () => {
  for (const text of [
    'HTTP/2 200 OK\r\n\r\n',
    'ICY 200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na',
    'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 0x10\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1g\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n123456789\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nspace : a\r\n\r\n',
    'HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n',
    'HTTP/1.1 200 OK\r\na: b\0\r\n\r\n',
    'HTTP/1.1 200 OK\r\n: b\r\n\r\n',
    `HTTP/1.1 200 OK\r\na: ${'b'.repeat(17_000)}\r\n\r\n`,
    `HTTP/1.1 200 OK\r\na: ${'b'.repeat(17_000)}`,
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${'b'.repeat(2000)}`,
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(5000)}`,
  ])
    assert.throws(() => parse([Buffer.from(text, 'latin1')]), /not of HTTP\/1.1/, text.slice(0, 80))
})

test('a body is as large as it may be, and no larger', () => {
  const ways: [head: string, write: (body: string) => string][] = [
    ['content-length: 11', (body) => body],
    [
      'transfer-encoding: chunked',
      (body) => `5\r\n${body.slice(0, 5)}\r\n6\r\n${body.slice(5)}\r\n0\r\n\r\n`,
    ],
    ['x: until it ends', (body) => body],
  ]
  for (const [head, write] of ways) {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${write('hello world')}`)
    assert.match(parse([bytes], 11), / hello world /)
    assert.equal(parse([bytes], 10), 'overflow')
  }
})
