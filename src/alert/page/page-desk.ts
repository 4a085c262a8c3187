/**
 * Sees to pages: each group of alerts that somebody is told of has one, and with an escalation policy
 * it goes from step to step until somebody acts or all is well. A page is kept before anybody is told
 * of a step, and again after: what dies in between tells at most once more, and goes on at its step.
 * Without records it goes on as well, and says so.
 */

import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { passFaultPoint } from '../../base/fault-point.ts'
import type { Log } from '../../base/log.ts'
import type { Alert } from '../../model/alert.ts'
import type { AlertBackground } from '../../model/flow.ts'
import type { Incident } from '../../model/incident.ts'
import type { Page, PageDelivery, PageEvent } from '../../model/page.ts'
import type { LostMessage, Notifier } from '../../notify/notify.ts'
import type { OnCall } from '../../oncall/oncall.ts'
import type { Records } from '../../store/store.ts'
import { alertErrors } from '../errors.ts'
import { pageEventsTotal, pagesRefusedTotal } from '../metrics.ts'
import type { AlertSettings } from '../settings.ts'
import { PageBook } from './page-book.ts'
import { PageCourier } from './page-courier.ts'
import { PageLinks } from './page-links.ts'
import type { AcknowledgeOffer } from './page-message.ts'
import {
  acknowledge,
  addDeliveries,
  addEnds,
  assign,
  beginTurn,
  close,
  joinAlerts,
  makePage,
  note,
  type PageAct,
  type PageTurn,
  release,
  resolve,
  systemActor,
  takeStep,
} from './page-turn.ts'
import { PageWriter } from './page-writer.ts'
import type { PagedGroup } from './paged-group.ts'
import { planAssignment, planStep } from './plan-step.ts'
import type { Sent } from './send-delivery.ts'

/** How soon a page whose alerts are held is looked at again. */
const heldCheckMs = 5_000
/** How often old pages are looked for. */
const tidyIntervalMs = 3_600_000
/** How long stopping waits for messages that are on their way. */
const stopPatienceMs = 3_000

/** What pages are connected to. */
export interface PageDeskParts {
  oncall: OnCall
  notifier: Notifier
  records: Records
  clock: Clock
  log: Log
  settings: AlertSettings
  externalUrl: string
  /** The group of a page now; `undefined` when there is none any more. */
  findGroup(receiver: string, groupKey: string): PagedGroup | undefined
  /** Alerts by fingerprint, those that ended lately included. */
  findAlert(fingerprint: string): Alert | undefined
  describe(fingerprints: readonly string[]): Promise<AlertBackground | undefined>
  /** Which alerts somebody has, or nobody has any more. */
  noteHeld(fingerprints: readonly string[]): void
}

/** Hears what happened to a page. */
export type PageListener = (page: Page, events: readonly PageEvent[]) => void

/** All pages that are not over. */
export class PageDesk {
  readonly #parts: PageDeskParts
  #settings: AlertSettings
  readonly #links: PageLinks
  readonly #writer: PageWriter
  readonly #courier: PageCourier
  readonly #book = new PageBook()
  readonly #timers = new Map<string, Timer>()
  readonly #listeners = new Set<PageListener>()
  #tidiedTimeMs = 0
  #isStarted = false

  constructor(parts: PageDeskParts) {
    this.#parts = parts
    this.#settings = parts.settings
    this.#links = new PageLinks(parts)
    this.#writer = new PageWriter(parts)
    this.#courier = new PageCourier({
      ...parts,
      alertsOf: (page, delivery) => this.#alertsOf(page, delivery),
      offerFor: (page, person) => this.offerFor(page, person),
    })
  }

  /** Brings back what was kept; `begin` goes on with it. */
  async load(): Promise<void> {
    const { records } = this.#parts
    await this.#writer.attempt(async () => {
      await this.#links.load(records)
      const filter = { state: 'open' as const, limit: this.#settings.page_count_max }
      const nowTimeMs = this.#parts.clock.nowTimeMs()
      for (const page of await records.pages.list(filter)) {
        this.#book.add(page)
        for (const delivery of page.deliveries)
          if (delivery.state === 'waiting' && delivery.dueTimeMs <= nowTimeMs)
            delivery.isUnsure = true
      }
    })
  }

  /** Goes on where it was; the groups must be there. */
  begin(): void {
    this.#isStarted = true
    for (const page of this.#book.listAll()) this.#arm(page)
    this.#book.count()
  }

  /** Ends waiting and sending; what was not told is told after the next start. */
  async stop(): Promise<void> {
    this.#isStarted = false
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    // What is on its way is kept when it ended, so the writing is waited for after it.
    const all = this.#courier.stop().then(() => this.#writer.finish())
    await Promise.race([all, this.#parts.clock.sleep(stopPatienceMs)])
  }

  reload(settings: AlertSettings): void {
    this.#settings = settings
    for (const page of this.#book.listOpen()) this.#arm(page)
  }

  /**
   * Sees to the page of a group at its look: begins one, lets alerts join, or ends it. Resolves when
   * it is kept, or could not be; answers it, if there is one.
   */
  async noteGroup(group: PagedGroup): Promise<Page | undefined> {
    try {
      return await this.#noteGroup(group)
    } catch (thrown) {
      this.#parts.log.error({ groupKey: group.groupKey, error: messageOf(thrown) }, 'a page failed')
      return undefined
    }
  }

  /** Whether the repetition of a group's message may rest, because somebody has it. */
  isTaken(receiver: string, groupKey: string): boolean {
    const page = this.#book.findOfGroup(receiver, groupKey)
    return page?.state === 'acknowledged' || page?.state === 'resolved'
  }

  /** Who has an alert: names, when every page of it is taken; empty otherwise. */
  takersOf(fingerprint: string): string[] {
    const names = new Set<string>()
    for (const page of this.#book.listOfAlert(fingerprint)) {
      if (page.state !== 'acknowledged') return []
      names.add(page.acknowledgedBy)
    }
    return [...names]
  }

  /** How a reader of a message about a group can act; `undefined` when there is no page. */
  offerFor(page: Page, person = ''): AcknowledgeOffer | undefined {
    const lifetimeMs = this.#settings.acknowledge.link_lifetime
    return this.#links.offerFor(page, { person, lifetimeMs })
  }

  /** The page and person that a token speaks for; throws `ALERT_TOKEN_INVALID`, `ALERT_PAGE_UNKNOWN`. */
  async readToken(token: string): Promise<{ page: Page; person: string }> {
    const claim = this.#links.read(token)
    const page = await this.get(claim.pageId)
    const person = claim.personIndex === undefined ? '' : (page.people[claim.personIndex] ?? '')
    return { page, person }
  }

  /** Signs a text, such as the name of a calendar, so that a link to it cannot be guessed. */
  sign(text: string): string {
    return this.#links.sign(text)
  }

  /** Whether `sign` answers this for a text. */
  isSigned(text: string, signature: string): boolean {
    return this.#links.isSigned(text, signature)
  }

  /** Open pages, newest first. */
  listOpen(): Page[] {
    return this.#book.listOpen()
  }

  /** A page, open or over; throws `ALERT_PAGE_UNKNOWN`. */
  async get(id: string): Promise<Page> {
    const page = this.#book.find(id) ?? (await this.#parts.records.pages.find(id))
    if (page === undefined) throw alertErrors.PAGE_UNKNOWN({ id })
    return page
  }

  /** Hears of every event. Returns the call that ends it. */
  onEvent(listener: PageListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A person takes it. Taking it again renews it. Throws `ALERT_PAGE_UNKNOWN`, `ALERT_PAGE_OVER`. */
  acknowledge(id: string, act: PageAct): Promise<Page> {
    return this.#act(id, (turn) => {
      const policy = this.#parts.oncall.findPolicy(turn.page.policy)
      acknowledge(turn, act, policy?.acknowledge_timeout ?? 0)
    })
  }

  /** A person gives it back; escalation begins again. */
  unacknowledge(id: string, act: PageAct): Promise<Page> {
    return this.#act(id, (turn) => {
      if (turn.page.state === 'acknowledged') release(turn, { ...act, action: 'unacknowledged' })
    })
  }

  /** A person wants the next step now. Throws `ALERT_POLICY_MISSING` when there are no steps. */
  escalate(id: string, act: PageAct): Promise<Page> {
    return this.#act(id, (turn) => {
      if (turn.page.policy === '') throw alertErrors.POLICY_MISSING({ id })
      release(turn, { ...act, action: 'escalated' })
    })
  }

  /** A person gives it to another, or to another policy. Throws `ONCALL_PERSON_UNKNOWN`, `ALERT_POLICY_UNKNOWN`. */
  reassign(id: string, act: PageAct, to: { person: string } | { policy: string }): Promise<Page> {
    const { oncall } = this.#parts
    return this.#act(id, (turn) => {
      if ('policy' in to) {
        if (oncall.findPolicy(to.policy) === undefined)
          throw alertErrors.POLICY_UNKNOWN({ policy: to.policy, place: 'the request' })
        turn.page.policy = to.policy
        assign(turn, act, { person: '', waitMs: 0 })
        return
      }
      const deliveries = planAssignment(turn, to.person, oncall)
      const firstDelayMs = oncall.findPolicy(turn.page.policy)?.steps[0]?.delay ?? 0
      assign(turn, act, { person: to.person, waitMs: firstDelayMs })
      addDeliveries(turn.page, deliveries)
    })
  }

  /** A person says something. */
  addNote(id: string, act: PageAct): Promise<Page> {
    return this.#act(id, (turn) => note(turn, { action: 'note', ...act }))
  }

  /** A person says that it is over. It stays so until the group is over or another alert joins. */
  resolve(id: string, act: PageAct): Promise<Page> {
    return this.#act(id, (turn) => resolve(turn, act))
  }

  /** A message that counted as sent reached nobody: its step is judged anew. */
  async noteLost(
    lost: Pick<LostMessage, 'pageId' | 'person' | 'receiver' | 'reason'>,
  ): Promise<void> {
    const page = this.#book.find(lost.pageId)
    if (page === undefined) return
    const delivery = page.deliveries.findLast(
      ({ kind, state, person, receiver }) =>
        kind === 'page' && state === 'sent' && person === lost.person && receiver === lost.receiver,
    )
    if (delivery === undefined) return
    delivery.state = 'waiting'
    try {
      await this.#noteSent(page, delivery, { isSent: false, reason: lost.reason })
    } catch (thrown) {
      this.#parts.log.error({ page: page.id, error: messageOf(thrown) }, 'a page failed')
    }
  }

  /** A person took an incident: its pages need nobody else. */
  async noteIncident(
    incident: Pick<Incident, 'number' | 'alerts' | 'acknowledgedBy'>,
  ): Promise<void> {
    const reason = `Incident ${incident.number} was acknowledged.`
    const act = { actor: incident.acknowledgedBy, reason }
    try {
      await this.acknowledgeAlerts(incident.alerts, act)
    } catch (thrown) {
      this.#parts.log.error({ error: messageOf(thrown) }, 'pages of an incident were not taken')
    }
  }

  /** A person takes every open page of some alerts. */
  async acknowledgeAlerts(fingerprints: readonly string[], act: PageAct): Promise<void> {
    const pages = new Set(fingerprints.flatMap((one) => this.#book.listOfAlert(one)))
    for (const page of pages) {
      if (page.state !== 'acknowledged' && page.state !== 'resolved')
        await this.acknowledge(page.id, act)
    }
  }

  /** Counts the open pages, and forgets those that were over long ago. */
  async tidy(): Promise<void> {
    this.#book.count()
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    if (nowTimeMs - this.#tidiedTimeMs < tidyIntervalMs) return
    this.#tidiedTimeMs = nowTimeMs
    const beforeTimeMs = nowTimeMs - this.#settings.page_retention
    await this.#writer.attempt(() => this.#parts.records.pages.removeBefore(beforeTimeMs))
  }

  async #noteGroup(group: PagedGroup): Promise<Page | undefined> {
    const nowTimeMs = this.#parts.clock.nowTimeMs()
    const known = this.#book.findOfGroup(group.receiver, group.groupKey)
    const firing = group.firing.map(({ fingerprint }) => fingerprint)
    if (known !== undefined) {
      const turn = beginTurn(known, nowTimeMs)
      if (firing.length === 0) {
        if (known.state !== 'resolved')
          resolve(turn, { actor: systemActor, reason: 'No alert of the group fires any more.' })
        close(turn, 'The group is over.')
        await this.#commit(turn)
        return known
      }
      const isNews = firing.some((one) => !known.alerts.includes(one))
      if (known.state === 'resolved' && isNews && group.free.length > 0) {
        close(turn, 'Another alert joined after it was resolved by hand.')
        await this.#commit(turn)
      } else {
        if (known.state !== 'resolved') this.#join(turn, firing)
        if (turn.events.length > 0) await this.#commit(turn)
        return known
      }
    }
    if (group.free.length === 0) return undefined
    if (this.#book.openCount >= this.#settings.page_count_max) {
      pagesRefusedTotal.inc()
      return undefined
    }
    const page = makePage({ ...group, alerts: firing }, nowTimeMs)
    const turn = beginTurn(page, nowTimeMs)
    note(turn, { action: 'opened', reason: `${page.title}: ${firing.length} firing.` })
    this.#book.add(page)
    passFaultPoint('page-opened')
    const due = this.#advance(turn, group)
    const kept = this.#commit(turn)
    // A page without steps only remembers; who is told need not wait for it.
    if (page.policy !== '') await kept
    passFaultPoint('page-kept')
    this.#sendAll(page, due)
    return page
  }

  #join(turn: PageTurn, firing: readonly string[]): void {
    const { page } = turn
    if (!joinAlerts(turn, firing)) return
    this.#book.index(page)
    const pages = this.#parts.oncall.findPolicy(page.policy)?.page_new_alerts === true
    if (!pages || page.state !== 'acknowledged') return
    const reason = 'Another alert joined, and the policy pages for those.'
    release(turn, { action: 'unacknowledged', actor: systemActor, reason })
  }

  /** One person's act on an open page. */
  async #act(id: string, change: (turn: PageTurn) => void): Promise<Page> {
    const page = this.#book.find(id)
    if (page === undefined || page.state === 'resolved') {
      throw alertErrors.PAGE_OVER({ id: (await this.get(id)).id })
    }
    const turn = beginTurn(page, this.#parts.clock.nowTimeMs())
    change(turn)
    this.#abortDropped(page)
    const due = this.#advance(turn, this.#parts.findGroup(page.receiver, page.groupKey))
    await this.#commit(turn)
    this.#sendAll(page, due)
    return page
  }

  /** Its time has come: an acknowledgement ended, a step or a message is due, or the group is gone. */
  async #wake(page: Page): Promise<void> {
    this.#timers.delete(page.id)
    if (!this.#isStarted || this.#book.find(page.id) === undefined) return
    const turn = beginTurn(page, this.#parts.clock.nowTimeMs())
    const group = this.#parts.findGroup(page.receiver, page.groupKey)
    if (group === undefined && page.isOpen) {
      const reason = 'Its group is gone: the alerts ended, or their route changed.'
      if (page.state !== 'resolved') resolve(turn, { actor: systemActor, reason })
      close(turn, 'The group is over.')
    }
    const due = this.#advance(turn, group)
    if (turn.events.length > 0) await this.#commit(turn)
    this.#sendAll(page, due)
    // What is due and was not done is held back: it is looked at now and then.
    this.#arm(page, turn.events.length + due.length === 0 ? heldCheckMs : 0)
  }

  /** Moves the page on as far as its times say; answers the messages that are due. */
  #advance(turn: PageTurn, group: PagedGroup | undefined): PageDelivery[] {
    const { page, nowTimeMs } = turn
    const { oncall } = this.#parts
    if (page.state === 'acknowledged' && (page.acknowledgeEndTimeMs ?? Infinity) <= nowTimeMs) {
      const reason = `${page.acknowledgedBy} had it, and it still fires.`
      release(turn, { action: 'acknowledgement-expired', actor: systemActor, reason })
    }
    const isActive = page.state === 'firing' || page.state === 'escalated'
    // Somebody said that nobody is to be told now; the steps wait.
    const isFree = group !== undefined && group.free.length > 0
    const policy = oncall.findPolicy(page.policy)
    if (policy === undefined && page.nextTimeMs !== undefined) {
      page.nextTimeMs = undefined
      note(turn, { action: 'exhausted', reason: `There is no policy "${page.policy}" any more.` })
    }
    if (isActive && isFree && policy !== undefined) {
      for (;;) {
        const due = takeStep(turn, policy)
        if (due === undefined) break
        planStep(turn, due, { oncall, policy, alerts: group.free })
      }
    }
    return page.deliveries.filter(
      ({ id, state, kind, dueTimeMs }) =>
        state === 'waiting' &&
        dueTimeMs <= nowTimeMs &&
        !this.#courier.has(id) &&
        (kind === 'end' || (isActive && isFree)),
    )
  }

  #sendAll(page: Page, due: readonly PageDelivery[]): void {
    if (!this.#isStarted) return
    for (const delivery of due) {
      if (delivery.state !== 'waiting' || this.#courier.has(delivery.id)) continue
      this.#courier.send(page, delivery, {
        onSent: (sent) => this.#noteSent(page, delivery, sent),
        onEnd: () => this.#forgetIfDone(page),
      })
    }
  }

  /** What a page's message tells of: the end of all its alerts, else those that nothing holds back now. */
  #alertsOf(page: Page, delivery: PageDelivery): readonly Alert[] {
    const free = this.#parts.findGroup(page.receiver, page.groupKey)?.free
    if (delivery.kind !== 'end' && free !== undefined) return free
    return page.alerts.flatMap((one) => this.#parts.findAlert(one) ?? [])
  }

  async #noteSent(page: Page, delivery: PageDelivery, result: Sent): Promise<void> {
    const turn = beginTurn(page, this.#parts.clock.nowTimeMs())
    const who = [delivery.person, delivery.receiver].filter((name) => name !== '').join(' over ')
    delivery.doneTimeMs = turn.nowTimeMs
    if (result.isSent) {
      delivery.state = 'sent'
      note(turn, { action: 'notified', reason: `${who} was told.` })
      if (page.state === 'resolved') addEnds(turn)
    } else if (result.heldUntilTimeMs !== undefined) {
      const until = new Date(result.heldUntilTimeMs).toISOString()
      delivery.state = 'held'
      delivery.reason = `quiet hours of the receiver until ${until}`
      note(turn, { action: 'quiet', reason: `${who} waits for quiet hours to end at ${until}.` })
      if (page.state === 'resolved') addEnds(turn)
      this.#hasten(turn)
    } else if (delivery.state === 'waiting') {
      delivery.state = 'failed'
      delivery.reason = result.reason
      note(turn, { action: 'failed', reason: `${who} was not told: ${result.reason}` })
      this.#hasten(turn)
    }
    const group = this.#parts.findGroup(page.receiver, page.groupKey)
    const due = this.#advance(turn, group)
    await this.#commit(turn)
    passFaultPoint('page-sent-kept')
    this.#sendAll(page, due)
  }

  /** When nobody of the step could be told, or hears before quiet hours end, the next one does not wait. */
  #hasten(turn: PageTurn): void {
    const { page, nowTimeMs } = turn
    const policy = this.#parts.oncall.findPolicy(page.policy)
    const ofStep = page.deliveries.filter(({ kind, step }) => kind === 'page' && step === page.step)
    const isUnheard = ({ state }: PageDelivery): boolean => state === 'failed' || state === 'held'
    const isLost = ofStep.length > 0 && ofStep.every(isUnheard)
    if (!isLost || page.nextTimeMs === undefined || policy === undefined) return
    if (page.step < policy.steps.length) page.nextTimeMs = nowTimeMs
  }

  /** Keeps the change and tells of it; changes are kept in their order. */
  #commit(turn: PageTurn): Promise<void> {
    const { page, events } = turn
    const saved = this.#writer.keep(page, events)
    for (const { action } of events) pageEventsTotal.inc({ action })
    if (!page.isOpen) this.#book.close(page)
    this.#arm(page)
    if (events.some(({ from, to }) => from !== to)) this.#parts.noteHeld(page.alerts)
    for (const listener of this.#listeners) {
      try {
        listener(page, events)
      } catch (thrown) {
        this.#parts.log.error({ error: messageOf(thrown) }, 'a listener of pages failed')
      }
    }
    return saved
  }

  /** Wakes the page when something is due next, at the earliest after `waitMsMin`. */
  #arm(page: Page, waitMsMin = 0): void {
    if (!this.#isStarted) return
    this.#timers.get(page.id)?.cancel()
    this.#timers.delete(page.id)
    const dueTimeMs = findDueTime(page, (id) => this.#courier.has(id))
    if (dueTimeMs === undefined) {
      this.#forgetIfDone(page)
      return
    }
    const { clock } = this.#parts
    const nowTimeMs = clock.nowTimeMs()
    const waitMs = Math.max(waitMsMin, dueTimeMs - nowTimeMs)
    this.#timers.set(
      page.id,
      clock.after(waitMs, () => {
        this.#wake(page).catch((thrown: unknown) =>
          this.#parts.log.error({ page: page.id, error: messageOf(thrown) }, 'a page failed'),
        )
      }),
    )
  }

  #abortDropped(page: Page): void {
    for (const { id, state } of page.deliveries) if (state === 'dropped') this.#courier.abort(id)
  }

  #forgetIfDone(page: Page): void {
    const isDone = ({ id, state }: PageDelivery): boolean =>
      state !== 'waiting' && !this.#courier.has(id)
    if (page.isOpen || !page.deliveries.every(isDone)) return
    this.#book.forget(page)
  }
}

/** When the page has to be looked at next; `undefined` when never. */
function findDueTime(page: Page, isSending: (id: string) => boolean): number | undefined {
  const times: number[] = []
  if (page.state === 'acknowledged') {
    if (page.acknowledgeEndTimeMs !== undefined) times.push(page.acknowledgeEndTimeMs)
  } else if (page.nextTimeMs !== undefined) times.push(page.nextTimeMs)
  for (const { id, state, dueTimeMs } of page.deliveries)
    if (state === 'waiting' && !isSending(id)) times.push(dueTimeMs)
  return times.length === 0 ? undefined : Math.min(...times)
}
