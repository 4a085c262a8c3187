/** HTTP for the benchmarks: one kept connection per caller, plain `node:http`, no pool in the way. */

import { Agent, type IncomingHttpHeaders, request } from 'node:http'

/** A reply, read whole. */
export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** One connection that sends one request at a time. */
export class Connection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  send(
    url: string,
    o: { method?: string; headers?: Record<string, string>; body?: Buffer | string } = {},
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const call = request(
        url,
        { method: o.method ?? 'GET', headers: o.headers ?? {}, agent: this.#agent },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const body = Buffer.concat(chunks)
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
          })
        },
      )
      call.on('error', reject)
      call.end(o.body)
    })
  }

  /** Sends a body of remote write; throws when it is refused. Answers the milliseconds until the answer. */
  async write(url: string, body: Buffer): Promise<number> {
    const startMs = performance.now()
    const reply = await this.send(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-protobuf',
        'Content-Encoding': 'snappy',
        'X-Prometheus-Remote-Write-Version': '0.1.0',
        'Content-Length': String(body.length),
      },
      body,
    })
    if (reply.status > 299) {
      throw new Error(
        `${url} refused a body: ${reply.status} ${reply.body.toString().slice(0, 300)}`,
      )
    }
    return performance.now() - startMs
  }

  close(): void {
    this.#agent.destroy()
  }
}
