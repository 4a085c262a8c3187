/**
 * Robots take few messages (20 a minute is usual) and are muted when there are more. So we keep count:
 * a message goes out at once while there is a token; what comes in between waits, and everything that
 * waits goes out as one message when the next token is there. Nothing is dropped: texts that do not
 * fit any more stand in the merged message with their title.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { SendFailure } from './send-request.ts'
import { cutBytes } from './cut-text.ts'
import { calmMarkup } from './markup.ts'
import type { MessageAction } from './message-actions.ts'
import { mergedMessagesTotal, waitingMessages } from './metrics.ts'
import type { Limit, TokenBuckets } from './token-bucket.ts'
import type { MessageWords } from './words.ts'

/** A message for a robot. */
export interface RobotText {
  title: string
  text: string
  status: 'firing' | 'resolved'
  words: MessageWords
  /** Left out when several messages become one. */
  actions: readonly MessageAction[]
}

interface Waiting {
  text: RobotText
  done: (answer: Promise<string>) => void
}

/** How many messages may wait for one robot. */
const waitingCountMax = 1_000

/** What a queue needs. */
export interface MergeQueueParts {
  clock: Clock
  buckets: TokenBuckets
  kind: string
  /** What the robot is known by; robots with the same key share their tokens. */
  key: () => string
  limits: readonly Limit[]
  /** What the service takes as a text. */
  textBytesMax: number
}

/** The messages that wait for one robot. */
export class MergeQueue {
  readonly #parts: MergeQueueParts
  readonly #deliver: (text: RobotText) => Promise<string>
  #waiting: Waiting[] = []
  #timer: Timer | undefined
  #pausedUntilMs = 0
  #key = ''

  constructor(parts: MergeQueueParts, deliver: (text: RobotText) => Promise<string>) {
    this.#parts = parts
    this.#deliver = deliver
  }

  /** Sends now or, merged with others, later; rejects with `SendFailure`, also when `signal` says stop. */
  send(text: RobotText, signal: AbortSignal): Promise<string> {
    if (this.#waiting.length >= waitingCountMax) {
      return Promise.reject(
        new SendFailure(`held back: ${waitingCountMax} messages wait for this robot`, {
          reason: 'rate-limited',
          canRetry: true,
          retryAfterMs: 60_000,
        }),
      )
    }
    return new Promise((resolve, reject) => {
      this.#key = this.#parts.key()
      const waiting: Waiting = {
        text,
        done: (answer) => {
          signal.removeEventListener('abort', withdraw)
          answer.then(resolve, reject)
        },
      }
      const withdraw = (): void => {
        if (this.#waiting.includes(waiting)) waitingMessages.dec({ channel: this.#parts.kind })
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
        reject(
          new SendFailure('given up while it waited for the robot', {
            reason: 'rate-limited',
            canRetry: false,
          }),
        )
      }
      signal.addEventListener('abort', withdraw, { once: true })
      this.#waiting.push(waiting)
      waitingMessages.inc({ channel: this.#parts.kind })
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0) return
    const { clock, buckets, limits, kind, textBytesMax } = this.#parts
    const pauseMs = this.#pausedUntilMs - clock.monotonicMs()
    const waitMs = pauseMs > 0 ? pauseMs : buckets.take(this.#key, limits)
    if (waitMs > 0) {
      this.#timer = clock.after(waitMs, () => {
        this.#timer = undefined
        this.#flush()
      })
      return
    }
    const batch = this.#waiting
    this.#waiting = []
    waitingMessages.dec({ channel: kind }, batch.length)
    if (batch.length > 1) mergedMessagesTotal.inc({ channel: kind }, batch.length - 1)
    const text = mergeTexts(
      batch.map((waiting) => waiting.text),
      textBytesMax,
    )
    const answer = this.#deliver(text).catch((thrown: unknown) => {
      if (thrown instanceof SendFailure && thrown.reason === 'rate-limited')
        this.#pausedUntilMs = clock.monotonicMs() + (thrown.retryAfterMs ?? 0)
      throw thrown
    })
    for (const waiting of batch) waiting.done(answer)
  }
}

/** One text of several, of which there is at least one: whole as long as they fit, then titles, then their number. */
export function mergeTexts(texts: readonly RobotText[], bytesMax: number): RobotText {
  const first = texts[0]!
  if (texts.length === 1) return { ...first, text: cutBytes(first.text, bytesMax) }
  const { words } = first
  const title = words.merged(texts.length, first.title)
  // The last bytes are kept for the line that says how many are missing.
  let room = bytesMax - 40
  const parts: string[] = []
  const take = (part: string): boolean => {
    const size = Buffer.byteLength(part) + 2
    if (size > room) return false
    room -= size
    parts.push(part)
    return true
  }
  // Each title has its place before any text has more than that.
  const titleBytes = texts.reduce((sum, { title }) => sum + Buffer.byteLength(title) + 4, 0)
  for (const [index, text] of texts.entries()) {
    const isRoomy = titleBytes + Buffer.byteLength(text.text) < room
    if (isRoomy && take(text.text)) continue
    if (take(calmMarkup(cutBytes(text.title, 200)))) continue
    parts.push(words.andMore(texts.length - index))
    break
  }
  const isFiring = texts.some(({ status }) => status === 'firing')
  const status = isFiring ? 'firing' : 'resolved'
  return { title, text: parts.join('\n\n'), status, words, actions: [] }
}
