/**
 * The sockets that StatsD comes in by: UDP, whose datagrams hold whole lines, and TCP, where lines are cut
 * by line feeds. A port that cannot be had is a warning, not an end.
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import { messageOf } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'

/** Connections at once at most; further ones are closed. */
const connectionsMax = 1000
/** Bytes of a line at most; a connection that sends a longer one is closed. */
const lineBytesMax = 64 * 1024

/** What the system may hold of datagrams while we are busy; it gives what it allows. */
const receiveBytes = 4 * 1024 * 1024

/** What a listener tells. */
export interface StatsdListenerParts {
  log: Log
  /** Whole lines. */
  onText: (text: Buffer) => void
  /** Something was dropped. */
  onDrop: (reason: 'connection-refused' | 'line-too-long') => void
}

/** Ports that were had. */
export interface StatsdPorts {
  udp: number | undefined
  tcp: number | undefined
}

/** Both sockets. */
export class StatsdListener {
  readonly #parts: StatsdListenerParts
  #udp: UdpSocket | undefined
  #tcp: Server | undefined
  readonly #connections = new Set<Socket>()

  constructor(parts: StatsdListenerParts) {
    this.#parts = parts
  }

  /** Whether anything listens. */
  get isOpen(): boolean {
    return this.#udp !== undefined || this.#tcp !== undefined
  }

  /** Begins to listen where an address is given. */
  async open(udpAddress: string, tcpAddress: string): Promise<StatsdPorts> {
    const udp = udpAddress === '' ? undefined : await this.#openUdp(udpAddress)
    const tcp = tcpAddress === '' ? undefined : await this.#openTcp(tcpAddress)
    return { udp, tcp }
  }

  /** Ends both. */
  close(): void {
    this.#udp?.close()
    this.#udp = undefined
    this.#tcp?.close()
    this.#tcp = undefined
    for (const connection of this.#connections) connection.destroy()
    this.#connections.clear()
  }

  #openUdp(address: string): Promise<number | undefined> {
    const { host, port } = splitAddress(address)
    const type = host.includes(':') ? 'udp6' : 'udp4'
    const socket = createSocket({ type, recvBufferSize: receiveBytes })
    socket.on('message', (datagram) => this.#parts.onText(datagram))
    return new Promise((resolve) => {
      const fail = (error: Error): void => {
        this.#warn(address, error)
        socket.close()
        resolve(undefined)
      }
      socket.once('error', fail)
      socket.bind(port, host, () => {
        socket.off('error', fail)
        socket.on('error', (error) => this.#warn(address, error))
        this.#udp = socket
        resolve(socket.address().port)
      })
    })
  }

  #openTcp(address: string): Promise<number | undefined> {
    const { host, port } = splitAddress(address)
    const server = createServer((connection) => this.#take(connection))
    return new Promise((resolve) => {
      const fail = (error: Error): void => {
        this.#warn(address, error)
        resolve(undefined)
      }
      server.once('error', fail)
      server.listen(port, host, () => {
        server.off('error', fail)
        server.on('error', (error) => this.#warn(address, error))
        this.#tcp = server
        resolve((server.address() as { port: number }).port)
      })
    })
  }

  #take(connection: Socket): void {
    if (this.#connections.size >= connectionsMax) {
      this.#parts.onDrop('connection-refused')
      connection.destroy()
      return
    }
    this.#connections.add(connection)
    let rest: Buffer = Buffer.alloc(0)
    connection.on('data', (chunk) => {
      const text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const end = text.lastIndexOf(0x0a) + 1
      if (end > 0) this.#parts.onText(text.subarray(0, end))
      rest = Buffer.from(text.subarray(end))
      if (rest.length <= lineBytesMax) return
      this.#parts.onDrop('line-too-long')
      rest = Buffer.alloc(0)
      connection.destroy()
    })
    // The last line may lack its line feed.
    connection.on('end', () => {
      if (rest.length > 0) this.#parts.onText(rest)
    })
    // A sender that breaks off is no fault of ours; what came whole was taken.
    connection.on('error', () => connection.destroy())
    connection.on('close', () => this.#connections.delete(connection))
  }

  #warn(listen: string, error: Error): void {
    const facts = { listen, reason: messageOf(error) }
    this.#parts.log.warn(facts, 'StatsD is not taken here: the socket reported an error.')
  }
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0'
  return { host, port: Number(address.slice(colon + 1)) }
}
