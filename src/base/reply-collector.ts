/**
 * Takes one reply from undici as it comes in and gives it as a whole: without a stream in between, whose making
 * and unmaking cost more than the reply itself. Ends in exactly one of: the reply, an error of the connection, the end
 * of the time that the request has, the limit of the body. Time counts from the asking, a wait for a free
 * connection included.
 */

import type { Dispatcher } from 'undici'
import { systemClock, type Timer } from './clock.ts'

/** The reply as it was sent. */
export interface RawReply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

/** How a request ended. */
export interface ReplyEnd {
  reply(reply: RawReply): void
  /** The connection failed, or was refused. */
  fail(reason: unknown): void
  /** The time was over. */
  expire(): void
  /** The body is larger than the limit. */
  overflow(): void
}

/** Collects one reply; pass it to `dispatch`. */
export class ReplyCollector implements Dispatcher.DispatchHandler {
  readonly #end: ReplyEnd
  readonly #bytesMax: number
  readonly #timer: Timer
  readonly #chunks: Buffer[] = []
  #size = 0
  #status = 0
  #headers: RawReply['headers'] = {}
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false

  constructor(limits: { timeoutMs: number; bytesMax: number }, end: ReplyEnd) {
    this.#end = end
    this.#bytesMax = limits.bytesMax
    this.#timer = systemClock.after(limits.timeoutMs, () => {
      if (this.#finish('the time is over')) end.expire()
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new Error('the time was over before it began'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: RawReply['headers'],
  ): void {
    // What comes before the reply itself, such as 103, says nothing to us.
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    this.#size += chunk.length
    if (this.#size <= this.#bytesMax) this.#chunks.push(chunk)
    else if (this.#finish('the body is too large')) this.#end.overflow()
  }

  onResponseEnd(): void {
    if (!this.#finish(undefined)) return
    const body = Buffer.concat(this.#chunks, this.#size)
    this.#end.reply({ status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_controller: unknown, thrown: Error): void {
    if (this.#finish(undefined)) this.#end.fail(thrown)
  }

  /** False when it was over before. */
  #finish(abortReason: string | undefined): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#timer.cancel()
    if (abortReason !== undefined) this.#controller?.abort(new Error(abortReason))
    return true
  }
}
