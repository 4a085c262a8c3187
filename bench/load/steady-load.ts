/**
 * Samples that keep coming at a rate while something else is measured: the whole fleet again and again, in
 * bodies of 2,000 series, each at its moment. A server that cannot keep up is told by the delay of the last.
 */

import { fleetSeriesPerHost, listHostSeries, makeNumbers, nextValue } from './fleet.ts'
import { Connection } from './http.ts'
import { type EncodedSample, encodeBody, encodeLabels } from './remote-write.ts'

const hostsPerBody = 20
const laneCount = 4

/** A running load. */
export class SteadyLoad {
  readonly #url: string
  readonly #bodies: { kind: 'counter' | 'gauge' | 'still'; labels: Buffer; value: number }[][]
  readonly #gapMs: number
  readonly #lanes = Array.from({ length: laneCount }, () => new Connection())
  readonly #sending: Promise<unknown>[]
  readonly #chance = makeNumbers(5)
  #isOver = false
  #sentCount = 0
  #delayMs = 0

  constructor(url: string, o: { hostCount: number; samplesPerSecond: number }) {
    this.#url = url
    this.#bodies = []
    for (let first = 0; first < o.hostCount; first += hostsPerBody) {
      const hosts = Array.from({ length: hostsPerBody }, (_unused, place) => first + place)
      this.#bodies.push(
        hosts.flatMap((host) =>
          listHostSeries(host).map(({ kind, labels }) => ({
            kind,
            labels: encodeLabels(labels),
            value: Math.round(this.#chance() * 1000),
          })),
        ),
      )
    }
    this.#gapMs = (1000 * hostsPerBody * fleetSeriesPerHost) / o.samplesPerSecond
    const startMs = performance.now()
    this.#sending = this.#lanes.map((connection, lane) => this.#run(connection, startMs, lane))
  }

  /** Resolves when every series has been sent once. */
  async warm(): Promise<void> {
    while (this.#sentCount < this.#bodies.length) await pause(50)
  }

  /** Ends it; answers by how much the last body was late. */
  async stop(): Promise<number> {
    this.#isOver = true
    await Promise.all(this.#sending)
    for (const lane of this.#lanes) lane.close()
    return this.#delayMs
  }

  async #run(connection: Connection, startMs: number, lane: number): Promise<void> {
    for (let turn = lane; !this.#isOver; turn += laneCount) {
      const earlyMs = startMs + turn * this.#gapMs - performance.now()
      if (earlyMs > 0) await pause(earlyMs)
      this.#delayMs = Math.max(0, -earlyMs)
      await connection.write(this.#url, this.#encode(turn % this.#bodies.length))
      this.#sentCount++
    }
  }

  #encode(place: number): Buffer {
    const timeMs = Date.now()
    const samples: EncodedSample[] = []
    for (const series of this.#bodies[place]!) {
      series.value = nextValue(series.kind, series.value, this.#chance())
      samples.push({ labels: series.labels, timeMs, value: series.value })
    }
    return encodeBody(samples)
  }
}

const pause = (spanMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, spanMs))
