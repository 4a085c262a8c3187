/** Talks to a running server on behalf of a command: address, token, errors as people read them. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiFailure } from '../api/api.ts'
import { CodedError, errorTable } from '../base/error.ts'
import { type HttpReply, type HttpStream, sendHttp, streamHttp } from '../base/http-client.ts'
import type { CommandArguments } from './command/command.ts'

/** Errors of the command line's own. */
const cliErrors = errorTable('CLI', {
  SERVER_REFUSED: {
    kind: 'operation',
    status: 502,
    message: (facts: { message: string }) => facts.message,
    hint: 'See the message of the server.',
  },
  NOT_SIGNED_IN: {
    kind: 'user',
    status: 401,
    message: (facts: { url: string }) => `${facts.url} wants a token.`,
    hint: 'Run this on the same machine with --data-dir, or give --token or SHIPWATCH_TOKEN.',
  },
})

/** A server and how to ask it. */
export interface Client {
  get<Reply>(path: string, query?: Record<string, string | undefined>): Promise<Reply>
  post<Reply>(path: string, body: unknown): Promise<Reply>
  /** Posts and answers what comes back as it comes; refused statuses throw. */
  stream(path: string): Promise<HttpStream>
  remove(path: string): Promise<void>
  /** Posts bytes and answers whatever the server says. */
  send(path: string, contentType: string, body: Uint8Array): Promise<HttpReply>
}

/** The server that the options name. */
export function makeClient(args: CommandArguments): Client {
  const base = (
    args.text('url') ??
    process.env['SHIPWATCH_URL'] ??
    'http://127.0.0.1:9595'
  ).replace(/\/$/, '')
  const token =
    args.text('token') ??
    process.env['SHIPWATCH_TOKEN'] ??
    readLocalToken(args.text('data-dir') ?? 'data')
  const headers: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` }
  const ask = async <Reply>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<Reply> => {
    const reply = await sendHttp({
      method,
      url: base + path,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs: 130_000,
    })
    if (reply.status === 401) throw cliErrors.NOT_SIGNED_IN({ url: base })
    if (reply.status >= 300) throw refusalOf(reply.status, reply.body.toString())
    return (reply.body.length === 0 ? undefined : JSON.parse(reply.body.toString())) as Reply
  }
  return {
    get: (path, query = {}) => {
      const entries = Object.entries(query).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      )
      const search = new URLSearchParams(entries).toString()
      return ask('GET', search === '' ? path : `${path}?${search}`)
    },
    post: (path, body) => ask('POST', path, body),
    remove: (path) => ask('DELETE', path),
    send: async (path, contentType, body) => {
      const reply = await sendHttp({
        method: 'POST',
        url: base + path,
        headers: { ...headers, 'content-type': contentType },
        body,
        timeoutMs: 130_000,
      })
      if (reply.status === 401) throw cliErrors.NOT_SIGNED_IN({ url: base })
      return reply
    },
    stream: async (path) => {
      const reply = await streamHttp({
        method: 'POST',
        url: base + path,
        headers,
        timeoutMs: 600_000,
      })
      if (reply.status === 401) throw cliErrors.NOT_SIGNED_IN({ url: base })
      if (reply.status < 300) return reply
      const pieces: Buffer[] = []
      for await (const piece of reply.body) pieces.push(piece)
      throw refusalOf(reply.status, Buffer.concat(pieces).toString())
    },
  }
}

function readLocalToken(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, 'local.token'), 'utf8').trim()
  } catch {
    // No file: the server may run with --no-auth, or elsewhere; it will say if it wants one.
    return undefined
  }
}

/** The server's own error, whichever of its shapes it comes in. */
function refusalOf(status: number, body: string): CodedError {
  try {
    const parsed = JSON.parse(body) as Partial<ApiFailure> & { error?: unknown; errorType?: string }
    if (typeof parsed.error === 'string') {
      const message = `${parsed.errorType ?? status}: ${parsed.error}`
      return cliErrors.SERVER_REFUSED({ message })
    }
    const { code, message, hint, facts } = (parsed as ApiFailure).error
    return new CodedError({
      code,
      message,
      hint,
      kind: 'operation',
      status,
      canRetry: false,
      facts,
    })
  } catch {
    const message = `The server answered ${status}: ${body.slice(0, 300)}`
    return cliErrors.SERVER_REFUSED({ message })
  }
}
