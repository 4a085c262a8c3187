/** The browsers that agreed to take pushes, and the key pair by which they know us. */

import type { Clock } from '../base/clock.ts'
import type { PushSubscriptionRecord, Records } from '../store/store.ts'
import { checkPublic } from '../base/http-client.ts'
import { notifyErrors } from './errors.ts'
import { isPushTarget, makeVapidKeys, type VapidKeys } from './push-crypto.ts'

const keysName = 'notify.vapid'
/** Most browsers. */
const subscriptionCountMax = 2_000

/** What settings say of pushes. */
interface PushSettings {
  push_private_addresses: boolean
  push_browsers_per_user_max: number
}

/** Keeps subscriptions and keys. */
export class PushDesk {
  readonly #records: Pick<Records, 'pushes' | 'states'>
  readonly #clock: Clock
  #keys: Promise<VapidKeys> | undefined
  #settings: PushSettings

  constructor(parts: {
    records: Pick<Records, 'pushes' | 'states'>
    clock: Clock
    settings: PushSettings
  }) {
    this.#records = parts.records
    this.#clock = parts.clock
    this.#settings = parts.settings
  }

  /** Takes new settings. */
  reload(settings: PushSettings): void {
    this.#settings = settings
  }

  /** Whether browsers may be pushed to at addresses that are not public. */
  isPrivateAllowed(): boolean {
    return this.#settings.push_private_addresses
  }

  /** Our key pair: made once, then kept, since browsers hold us to it. */
  keys(): Promise<VapidKeys> {
    this.#keys ??= this.#readKeys().catch((thrown: unknown) => {
      this.#keys = undefined
      throw thrown
    })
    return this.#keys
  }

  /**
   * A browser agreed. Whoever registers it names an address that we shall call: it must be a public one.
   * Throws `NOTIFY_PUSH_INVALID`, `HTTP_ADDRESS_PRIVATE`.
   */
  async add(given: Omit<PushSubscriptionRecord, 'createdTimeMs'>): Promise<void> {
    if (!given.endpoint.startsWith('https://') || !URL.canParse(given.endpoint))
      throw notifyErrors.PUSH_INVALID({ reason: 'its address is not https' })
    if (!isPushTarget(given)) throw notifyErrors.PUSH_INVALID({ reason: 'its keys are not keys' })
    const known = await this.#records.pushes.list()
    const isKnown = known.some(({ endpoint }) => endpoint === given.endpoint)
    if (!isKnown && known.length >= subscriptionCountMax) {
      const reason = `there are ${subscriptionCountMax} already`
      throw notifyErrors.PUSH_INVALID({ reason })
    }
    const own = known.filter(({ createdBy }) => createdBy === given.createdBy)
    const ownMax = this.#settings.push_browsers_per_user_max
    if (!isKnown && own.length >= ownMax) {
      const reason = `${given.createdBy} registered ${ownMax} already`
      throw notifyErrors.PUSH_INVALID({ reason })
    }
    if (!this.isPrivateAllowed()) await checkPublic(given.endpoint)
    await this.#records.pushes.save({ ...given, createdTimeMs: this.#clock.nowTimeMs() })
  }

  remove(endpoint: string): Promise<boolean> {
    return this.#records.pushes.remove(endpoint)
  }

  /** Browsers of some users, or of everybody. */
  async list(owners?: readonly string[]): Promise<PushSubscriptionRecord[]> {
    const all = await this.#records.pushes.list()
    return owners === undefined ? all : all.filter(({ owner }) => owners.includes(owner))
  }

  async #readKeys(): Promise<VapidKeys> {
    const known = (await this.#records.states.find(keysName)) as VapidKeys | undefined
    if (known !== undefined) return known
    const keys = makeVapidKeys()
    await this.#records.states.set(keysName, keys)
    return keys
  }
}
