/**
 * `GET` over plain HTTP/1.1 on connections that are kept: what scraping does all day, a few thousand times a minute.
 * Nothing else is here; everything with TLS, a proxy or a body goes another way (http-client.ts). A request costs
 * one write, one read and one timer, a third of what a client for all cases needs.
 *
 * A connection carries one request at a time. One that the other side closed while it waited leaves at once; when the
 * request was on its way already, it fails with "other side closed", and whoever asked may ask again.
 */

import { connect, type Socket } from 'node:net'
import { systemClock, type Timer } from './clock.ts'
import type { ReplyEnd } from './reply-collector.ts'
import { ReplyParser } from './reply-parser.ts'

/** What is asked for. */
export interface PlainRequest {
  /** Of the scheme `http`. */
  address: URL
  headers: Readonly<Record<string, string>>
  timeoutMs: number
  bytesMax: number
  /** How long the connection waits for its next request. */
  keepAliveMs: number
}

/** Connections that wait for their next request, for each host at most. */
const idleCountMax = 16
const readBytes = 64 * 1024
/** Reading is over when its callback ends, so that one piece of memory does for all; not so on Windows. */
const readBuffer = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(readBytes)
/** The system asks a silent other side from then on whether it is there. */
const probeAfterMs = 60_000

const valuePattern = /^[\t\x20-\x7e\x80-\xff]*$/
const namePattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Headers that change how a request is sent. */
const specialNames = new Set(
  'connection content-length expect keep-alive te transfer-encoding upgrade'.split(' '),
)

/** Whether a request with these headers can be sent as it is. */
export function isPlainEnough(headers: Readonly<Record<string, string>>): boolean {
  return Object.entries(headers).every(([name, value]) => {
    const key = name.toLowerCase()
    return !specialNames.has(key) && namePattern.test(name) && valuePattern.test(value)
  })
}

/** All connections. */
export class PlainConnections {
  /** By host and how long they wait. */
  readonly #idle = new Map<string, Connection[]>()
  readonly #all = new Set<Connection>()

  /** Asks; how it ends is told to `end`, once. */
  get(request: PlainRequest, end: ReplyEnd): void {
    const idle = this.#idle.get(keyOf(request))
    let connection = idle?.pop()
    while (connection?.isOpen === false) connection = idle?.pop()
    connection ??= this.#open(request)
    connection.ask(request, end)
  }

  /** Ends all of them. */
  close(): void {
    for (const connection of this.#all) connection.end()
    this.#idle.clear()
  }

  #open(request: PlainRequest): Connection {
    const { address, keepAliveMs } = request
    const key = keyOf(request)
    const connection: Connection = new Connection(address, keepAliveMs, {
      onFree: () => this.#keep(key, connection),
      onGone: () => this.#forget(key, connection),
    })
    this.#all.add(connection)
    return connection
  }

  #keep(key: string, connection: Connection): void {
    const idle = this.#idle.get(key)
    if (idle === undefined) this.#idle.set(key, [connection])
    else if (idle.length < idleCountMax) idle.push(connection)
    else connection.end()
  }

  #forget(key: string, connection: Connection): void {
    this.#all.delete(connection)
    const idle = this.#idle.get(key)
    const place = idle?.indexOf(connection) ?? -1
    if (place >= 0) idle!.splice(place, 1)
    if (idle?.length === 0) this.#idle.delete(key)
  }
}

function keyOf({ address, keepAliveMs }: PlainRequest): string {
  return `${keepAliveMs} ${address.host}`
}

/** A request on its way. */
interface Asked {
  parser: ReplyParser
  end: ReplyEnd
  timer: Timer
}

class Connection {
  readonly #socket: Socket
  readonly #around: { onFree(): void; onGone(): void }
  #asked: Asked | undefined

  constructor(address: URL, keepAliveMs: number, around: { onFree(): void; onGone(): void }) {
    this.#around = around
    const buffer = readBuffer ?? Buffer.allocUnsafeSlow(readBytes)
    const socket = connect({
      host: address.hostname.replace(/^\[|\]$/g, ''),
      port: address.port === '' ? 80 : Number(address.port),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: probeAfterMs,
      onread: {
        buffer,
        callback: (count) => {
          this.#take(buffer.subarray(0, count))
          return true
        },
      },
    })
    this.#socket = socket
    socket.setTimeout(keepAliveMs, () => {
      if (this.#asked === undefined) socket.destroy()
    })
    socket.on('error', (error) => this.#fail(error))
    socket.on('end', () => this.#takeEnd())
    socket.on('close', () => {
      this.#fail(new Error('other side closed'))
      around.onGone()
    })
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  ask(request: PlainRequest, end: ReplyEnd): void {
    const timer = systemClock.after(request.timeoutMs, () => {
      this.#finish()?.end.expire()
      this.#socket.destroy()
    })
    this.#asked = { parser: new ReplyParser(request.bytesMax), end, timer }
    this.#socket.ref()
    this.#socket.write(formatRequest(request), 'latin1')
  }

  end(): void {
    this.#fail(new Error('connections are being closed'))
    this.#socket.destroy()
  }

  #take(bytes: Buffer): void {
    const { parser, end } = this.#asked ?? {}
    if (parser === undefined || end === undefined) {
      // Nobody asked for anything.
      this.#socket.destroy()
      return
    }
    let outcome: ReturnType<ReplyParser['take']>
    try {
      outcome = parser.take(bytes)
    } catch (thrown) {
      this.#fail(thrown)
      this.#socket.destroy()
      return
    }
    if (outcome === 'more') return
    this.#finish()
    if (outcome === 'overflow') end.overflow()
    else end.reply(parser)
    if (outcome === 'done' && parser.isKept && !this.#socket.destroyed) {
      this.#socket.unref()
      this.#around.onFree()
    } else this.#socket.destroy()
  }

  #takeEnd(): void {
    const asked = this.#asked
    if (asked?.parser.endInput() === true) {
      this.#finish()
      asked.end.reply(asked.parser)
    }
    // While it waits it must not be asked any more.
    this.#socket.destroy()
  }

  #fail(reason: unknown): void {
    this.#finish()?.end.fail(reason)
  }

  #finish(): Asked | undefined {
    const asked = this.#asked
    this.#asked = undefined
    asked?.timer.cancel()
    return asked
  }
}

function formatRequest({ address, headers }: PlainRequest): string {
  let text = `GET ${address.pathname}${address.search} HTTP/1.1\r\n`
  let hasHost = false
  for (const name of Object.keys(headers)) {
    hasHost ||= name.toLowerCase() === 'host'
    text += `${name}: ${headers[name]}\r\n`
  }
  if (!hasHost) text += `host: ${address.host}\r\n`
  return `${text}connection: keep-alive\r\n\r\n`
}
