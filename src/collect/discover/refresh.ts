/**
 * What discoveries that ask somebody at an interval have in common: the first round is begun at the
 * start and not waited for, since who is asked may be slow; each entry keeps what it found last while
 * asking fails; the listener hears when the outcome differs from what it heard before.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import type { Discovery, DiscoveryListener, TargetGroup } from './discover.ts'

/** Asks for the groups of one entry; rejects when that failed. */
export type AskGroups = () => Promise<readonly TargetGroup[]>

/** Asks every entry again and again. */
export class RefreshingDiscovery implements Discovery {
  readonly #entries: readonly { ask: AskGroups; found: { groups: readonly TargetGroup[] } }[]
  readonly #refreshMs: number
  readonly #clock: Clock
  #timer: Timer | undefined
  #isStopped = false
  #told: string | undefined

  constructor(parts: { entries: readonly AskGroups[]; refreshMs: number; clock: Clock }) {
    this.#entries = parts.entries.map((ask) => ({ ask, found: { groups: [] } }))
    this.#refreshMs = parts.refreshMs
    this.#clock = parts.clock
  }

  async start(listener: DiscoveryListener): Promise<void> {
    void this.#turn(listener)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Never rejects. */
  async #turn(listener: DiscoveryListener): Promise<void> {
    const problems: string[] = []
    await Promise.all(
      this.#entries.map(async ({ ask, found }) => {
        try {
          found.groups = await ask()
        } catch (thrown) {
          problems.push(messageOf(thrown))
        }
      }),
    )
    if (this.#isStopped) return
    const groups = this.#entries.flatMap(({ found }) => found.groups)
    problems.sort()
    const shown = JSON.stringify([
      problems,
      groups.map(({ source, targets }) => [source, targets.map(({ key }) => key)]),
    ])
    if (shown !== this.#told) listener(groups, problems)
    this.#told = shown
    this.#timer = this.#clock.after(this.#refreshMs, () => void this.#turn(listener))
  }
}
