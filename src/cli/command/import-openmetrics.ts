/** `shipwatch import openmetrics`: brings history from a file, as `promtool tsdb create-blocks-from openmetrics` does. */

import { statSync } from 'node:fs'
import { systemClock } from '../../base/clock.ts'
import type { HttpReply } from '../../base/http-client.ts'
import { type Client, makeClient } from '../client.ts'
import { formatBytes, makeProgress } from '../print.ts'
import { type Command, clientOptions, exitCodes, type Output, UsageError } from './command.ts'

/** Bytes of one request. */
const pieceBytes = 4 << 20
const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
/** Attempts while the server says that it may work later. */
const attemptsMax = 60
/** Sentences about samples that were not kept, shown at most. */
const toldMax = 10

/** Checks the whole file first, then sends it. */
export const importOpenmetricsCommand: Command = {
  name: 'import openmetrics',
  summary: 'Bring history from a file of OpenMetrics.',
  operands: '<file>',
  details: `Each sample needs a timestamp, and the file ends in "# EOF". The whole file is checked before anything is
sent. Samples may be as old as the retention; what the server has already is not stored twice. Example:
  shipwatch import openmetrics history.om`,
  options: clientOptions,
  run: async (args, output) => {
    const [path, ...more] = args.words
    if (path === undefined || more.length > 0) throw new UsageError('one file')
    const { size } = statSync(path)
    const show = makeProgress(output, systemClock)
    // Loaded here, as other commands have no need of it.
    const { readOpenmetrics } = await import('../openmetrics-pieces.ts')
    let sampleCount = 0
    for await (const piece of readOpenmetrics(path, pieceBytes)) {
      sampleCount += piece.sampleCount
      show(`Checked ${formatBytes(piece.doneBytes)} of ${formatBytes(size)}`)
    }
    const client = makeClient(args)
    const refusals = new Refusals()
    let keptCount = 0
    for await (const piece of readOpenmetrics(path, pieceBytes)) {
      const reply = await sendPatiently(client, piece.body, output)
      keptCount += piece.sampleCount - refusals.note(reply, piece)
      show(`Sent ${formatBytes(piece.doneBytes)} of ${formatBytes(size)}`)
    }
    show(`Sent ${formatBytes(size)}`, true)
    if (args.text('output') === 'json') {
      output.out(`${JSON.stringify({ sampleCount, keptCount })}\n`)
    } else output.out(`${keptCount} of ${sampleCount} samples are in the store.\n`)
    for (const text of refusals.texts) output.err(`${text}\n`)
    return keptCount === sampleCount ? exitCodes.fine : exitCodes.failed
  },
}

/** What the server did not keep. */
class Refusals {
  readonly texts = new Set<string>()

  /** Answers how many samples of a piece were not kept; throws when the server took none of it. */
  note(reply: HttpReply, piece: { lineOffset: number }): number {
    if (reply.status < 300) return 0
    const text = reply.body.toString().trim()
    const count = /(\d+) samples? were kept, (\d+) (?:was|were) not/.exec(text)
    if (reply.status !== 400 || count === null) {
      throw new Error(`The server answered ${reply.status}: ${text.slice(0, 500)}`)
    }
    for (const line of text.split('\n').slice(0, -1)) {
      if (this.texts.size >= toldMax) break
      const shifted = line.replace(
        /^line (\d+)/,
        (_, number) => `line ${Number(number) + piece.lineOffset}`,
      )
      this.texts.add(shifted)
    }
    return Number(count[2])
  }
}

/** Sends a piece, again when the server asks for patience. */
async function sendPatiently(client: Client, body: Buffer, output: Output): Promise<HttpReply> {
  for (let attempt = 1; ; attempt++) {
    const reply = await client.send('/api/v1/import/prometheus', contentType, body)
    const isBusy = reply.status === 429 || reply.status === 503
    if (!isBusy || attempt >= attemptsMax) return reply
    if (attempt === 1) output.err(`${reply.body.toString().trim()} Waiting.\n`)
    const retryAfterMs = Number(reply.headers['retry-after'] ?? 1) * 1_000
    await systemClock.sleep(Math.min(60_000, Math.max(1_000, retryAfterMs)))
  }
}
