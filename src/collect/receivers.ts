/**
 * What each receiver has taken since the start: the rows of receivers on the Sources page. Those that
 * everybody has are listed from the beginning; the others once something came.
 */

import type { SourceView } from '../api/api.ts'
import type { Clock } from '../base/clock.ts'

/** A receiver that heard nothing for this long is silent, which is not healthy. */
const silenceMs = 5 * 60_000

/** One way in. */
interface Receiver {
  id: string
  name: string
  address: string
  isAlwaysListed: boolean
  lastTimeMs: number | undefined
  sampleCount: number
  lineCount: number
  isSilent: boolean
}

/** All ways in. */
export class ReceiverList {
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #receivers: Receiver[] = []

  constructor(parts: { clock: Clock; onChange: () => void }) {
    this.#clock = parts.clock
    this.#onChange = parts.onChange
  }

  /** Adds a receiver; gives the call that notes what it has taken. */
  add(
    id: string,
    about: { name: string; address: string; isAlwaysListed?: boolean },
  ): (taken: { samples?: number; lines?: number }) => void {
    const receiver: Receiver = {
      isAlwaysListed: false,
      ...about,
      id,
      lastTimeMs: undefined,
      sampleCount: 0,
      lineCount: 0,
      isSilent: true,
    }
    this.#receivers.push(receiver)
    return (taken) => {
      receiver.lastTimeMs = this.#clock.nowTimeMs()
      receiver.sampleCount += taken.samples ?? 0
      receiver.lineCount += taken.lines ?? 0
      const wasSilent = receiver.isSilent
      receiver.isSilent = false
      if (wasSilent) this.#onChange()
    }
  }

  /** Rows of the Sources page. */
  list(): SourceView[] {
    const nowTimeMs = this.#clock.nowTimeMs()
    return this.#receivers
      .filter(({ isAlwaysListed, lastTimeMs }) => isAlwaysListed || lastTimeMs !== undefined)
      .map((receiver) => viewReceiver(receiver, nowTimeMs))
  }
}

function viewReceiver(receiver: Receiver, nowTimeMs: number): SourceView {
  const { lastTimeMs } = receiver
  receiver.isSilent = lastTimeMs === undefined || nowTimeMs - lastTimeMs > silenceMs
  return {
    id: `receiver:${receiver.id}`,
    kind: 'receiver',
    name: receiver.name,
    address: receiver.address,
    health: receiver.isSilent ? 'unknown' : 'ok',
    lastError: '',
    lastTimeMs,
    lastDurationMs: undefined,
    sampleCount: receiver.sampleCount,
    lineCount: receiver.lineCount,
    intervalMs: undefined,
    labels: {},
  }
}
