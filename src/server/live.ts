/**
 * Server-sent events (WHATWG HTML, section 9.2). `{apiRoot}/live` tells readers what changed so that
 * they fetch it again; other streams (log tails) share the same guards: bounded streams, a bounded
 * buffer each (a reader that does not keep up is dropped and reconnects by itself), heartbeats that
 * show a dead connection, and an end with the credential that opened the stream.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ChangeEvent } from '../api/api.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { serverErrors } from './errors.ts'
import { liveClients, liveDropped } from './metrics.ts'

/** A comment at least this often, so that proxies and readers see that the stream lives. */
const heartbeatMs = 15_000
/** A stream is ended after this long; the browser comes back and its credential is read again. */
const lifetimeMs = 3_600_000
/** Bytes that may wait for one reader. */
const bufferBytesMax = 256 * 1024
/** Changes of one kind within this span become one event. */
const gatherMs = 100
/** More changed ids of one kind than this become one event without an id. */
const idCountMax = 20

/** One open stream. */
export interface LiveStream {
  /** Sends an event; does nothing once the stream has ended. */
  send(event: string, data: unknown): void
  /** Called once when the stream ends, whoever ended it. */
  onEnd(action: () => void): void
  end(): void
}

interface Client extends LiveStream {
  principalKey: string
  hearsChanges: boolean
  write(text: string): void
}

/** Keeps the open streams. */
export class LiveHub {
  readonly #clock: Clock
  readonly #clientCountMax: number
  readonly #clients = new Set<Client>()
  readonly #gathered = new Map<ChangeEvent['kind'], Set<string>>()
  #gatherTimer: Timer | undefined
  #heartbeatTimer: Timer | undefined

  constructor(clock: Clock, clientCountMax: number) {
    this.#clock = clock
    this.#clientCountMax = clientCountMax
  }

  /** Turns a request into a stream. `hearsChanges` for `/live`. Throws `SERVER_BUSY`. */
  open(request: FastifyRequest, reply: FastifyReply, hearsChanges: boolean): LiveStream {
    if (this.#clients.size >= this.#clientCountMax) {
      liveDropped.inc({ reason: 'full' })
      throw serverErrors.BUSY({ limit: `${this.#clientCountMax} live streams` })
    }
    reply.hijack()
    const raw = reply.raw
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) raw.setHeader(name, value)
    }
    raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      // The connection ends with its stream, so that shutdown does not wait for it to fall idle.
      connection: 'close',
    })
    const { principal } = request
    const client = this.#makeClient(raw, principal.key, hearsChanges)
    const nowTimeMs = this.#clock.nowTimeMs()
    const spanMs = Math.min(lifetimeMs, (principal.endTimeMs ?? Infinity) - nowTimeMs)
    const endTimer = this.#clock.after(spanMs, () => client.end())
    this.#clients.add(client)
    client.onEnd(() => endTimer.cancel())
    liveClients.set(this.#clients.size)
    this.#beat()
    client.write('retry: 2000\n\n')
    return client
  }

  /** Tells every reader of changes; gathered for a moment. */
  announce(kind: ChangeEvent['kind'], id: string): void {
    if (this.#clients.size === 0) return
    const ids = this.#gathered.get(kind) ?? new Set<string>()
    this.#gathered.set(kind, ids)
    if (ids.size <= idCountMax) ids.add(id)
    this.#gatherTimer ??= this.#clock.after(gatherMs, () => this.#tell())
  }

  /** Ends the streams of a session or token that is no more. */
  revoke(principalKey: string): void {
    for (const client of this.#clients) {
      if (client.principalKey !== principalKey) continue
      liveDropped.inc({ reason: 'revoked' })
      client.end()
    }
  }

  /** Ends every stream. */
  close(): void {
    this.#gatherTimer?.cancel()
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = undefined
    for (const client of this.#clients) client.end()
  }

  #tell(): void {
    this.#gatherTimer = undefined
    for (const [kind, ids] of this.#gathered) {
      const told = ids.size > idCountMax ? [''] : ids
      for (const id of told) {
        const change: ChangeEvent = { kind, id }
        const text = formatEvent('change', change)
        for (const client of this.#clients) if (client.hearsChanges) client.write(text)
      }
    }
    this.#gathered.clear()
  }

  #beat(): void {
    this.#heartbeatTimer ??= this.#clock.after(heartbeatMs, () => {
      this.#heartbeatTimer = undefined
      for (const client of this.#clients) client.write(': beat\n\n')
      if (this.#clients.size > 0) this.#beat()
    })
  }

  #makeClient(raw: FastifyReply['raw'], principalKey: string, hearsChanges: boolean): Client {
    const endActions: (() => void)[] = []
    const forget = (): void => {
      if (!this.#clients.delete(client)) return
      liveClients.set(this.#clients.size)
      for (const action of endActions) action()
    }
    const client: Client = {
      principalKey,
      hearsChanges,
      write: (text) => {
        if (raw.writableEnded || raw.destroyed) return forget()
        if (raw.writableLength > bufferBytesMax) {
          liveDropped.inc({ reason: 'slow' })
          forget()
          raw.destroy()
          return
        }
        raw.write(text)
      },
      send: (event, data) => client.write(formatEvent(event, data)),
      onEnd: (action) => {
        if (this.#clients.has(client)) endActions.push(action)
        else action()
      },
      end: () => {
        forget()
        raw.end()
      },
    }
    raw.on('close', forget)
    raw.on('error', forget)
    return client
  }
}

function formatEvent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
