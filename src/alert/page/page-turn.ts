/**
 * The states of a page and what moves it between them, as plain changes to the page that note their
 * story. Nothing here sends, waits or keeps:
 *
 *   firing ── later step ──▶ escalated        any open state ── a person, or all is well ──▶ resolved
 *     ▲ ▲                        │
 *     │ └── acknowledgement      │ a person
 *     │     ended or taken back  ▼
 *     └───────────────────── acknowledged ◀── a person ── firing
 */

import { makeId } from '../../base/random.ts'
import type { Page, PageAction, PageDelivery, PageEvent, PageState } from '../../model/page.ts'
import type { PolicySettings, StepTarget } from '../../oncall/oncall.ts'

/** Fingerprints that a page remembers; a group of more alerts pages all the same. */
const alertCountMax = 10_000
/** Messages that a page remembers; the oldest that are done give way. */
const deliveryCountMax = 500

/** Who acts when nobody does. */
export const systemActor = 'shipwatch'

/** One change of a page: its moment, and the story it adds. */
export interface PageTurn {
  page: Page
  nowTimeMs: number
  events: PageEvent[]
}

/** What a person says when acting. */
export interface PageAct {
  actor: string
  reason: string
}

/** Begins a change. */
export function beginTurn(page: Page, nowTimeMs: number): PageTurn {
  return { page, nowTimeMs, events: [] }
}

/** Adds to the story, and moves the page to a state when one is given. */
export function note(
  turn: PageTurn,
  event: { action: PageAction; reason: string; actor?: string; to?: PageState },
): void {
  const { page, nowTimeMs } = turn
  const from = page.state
  page.state = event.to ?? from
  page.updatedTimeMs = nowTimeMs
  turn.events.push({
    id: makeId(nowTimeMs),
    pageId: page.id,
    timeMs: nowTimeMs,
    actor: event.actor ?? systemActor,
    action: event.action,
    from,
    to: page.state,
    reason: event.reason,
  })
}

/** A page that begins now; its first step is due at once when it has a policy. */
export function makePage(
  from: Pick<Page, 'groupKey' | 'receiver' | 'policy' | 'title' | 'labels' | 'alerts'>,
  nowTimeMs: number,
): Page {
  return {
    id: makeId(nowTimeMs),
    groupKey: from.groupKey,
    receiver: from.receiver,
    policy: from.policy,
    title: from.title,
    labels: from.labels,
    state: 'firing',
    openedTimeMs: nowTimeMs,
    updatedTimeMs: nowTimeMs,
    resolvedTimeMs: undefined,
    isOpen: true,
    alerts: from.alerts.slice(0, alertCountMax),
    step: 0,
    round: 0,
    nextTimeMs: from.policy === '' ? undefined : nowTimeMs,
    acknowledgedBy: '',
    acknowledgedTimeMs: undefined,
    acknowledgeEndTimeMs: undefined,
    assignee: '',
    people: [],
    deliveries: [],
  }
}

/** Further alerts belong to the page; answers whether there were any. */
export function joinAlerts(turn: PageTurn, fingerprints: readonly string[]): boolean {
  const { page } = turn
  const known = new Set(page.alerts)
  const fresh = fingerprints.filter((fingerprint) => !known.has(fingerprint))
  if (fresh.length === 0 || known.size >= alertCountMax) return false
  page.alerts.push(...fresh.slice(0, alertCountMax - known.size))
  const count = fresh.length === 1 ? 'An alert' : `${fresh.length} alerts`
  note(turn, { action: 'alert-joined', reason: `${count} joined.` })
  return true
}

/** A person takes the page; escalation rests. `timeoutMs` 0 is without end. */
export function acknowledge(turn: PageTurn, act: PageAct, timeoutMs: number): void {
  const { page, nowTimeMs } = turn
  page.acknowledgedBy = act.actor
  page.acknowledgedTimeMs = nowTimeMs
  page.acknowledgeEndTimeMs = timeoutMs > 0 ? nowTimeMs + timeoutMs : undefined
  page.nextTimeMs = undefined
  dropWaiting(page, `acknowledged by ${act.actor}`)
  note(turn, { action: 'acknowledged', ...act, to: 'acknowledged' })
}

/** Nobody has the page any more: escalation begins again with the first step. */
export function release(
  turn: PageTurn,
  event: PageAct & { action: 'unacknowledged' | 'acknowledgement-expired' | 'escalated' },
): void {
  const { page, nowTimeMs } = turn
  page.acknowledgedBy = ''
  page.acknowledgedTimeMs = undefined
  page.acknowledgeEndTimeMs = undefined
  page.assignee = ''
  if (event.action !== 'escalated') {
    page.step = 0
    page.round = 0
  }
  page.nextTimeMs = page.policy === '' ? undefined : nowTimeMs
  note(turn, { ...event, to: event.action === 'escalated' ? 'escalated' : 'firing' })
}

/** Gives the page to a person: told at once; if they do not act, the steps begin again. */
export function assign(
  turn: PageTurn,
  act: PageAct,
  given: { person: string; waitMs: number },
): void {
  const { page, nowTimeMs } = turn
  page.acknowledgedBy = ''
  page.acknowledgedTimeMs = undefined
  page.acknowledgeEndTimeMs = undefined
  page.assignee = given.person
  page.step = 0
  page.round = 0
  page.nextTimeMs = page.policy === '' ? undefined : nowTimeMs + given.waitMs
  dropWaiting(page, `given to ${given.person}`)
  note(turn, { action: 'reassigned', ...act, to: 'firing' })
}

/** It is over, because all is well or because a person says so. Who was told is told of the end. */
export function resolve(turn: PageTurn, act: PageAct): void {
  const { page, nowTimeMs } = turn
  page.resolvedTimeMs = nowTimeMs
  page.nextTimeMs = undefined
  page.acknowledgeEndTimeMs = undefined
  dropWaiting(page, 'it is over')
  addEnds(turn)
  note(turn, { action: 'resolved', ...act, to: 'resolved' })
}

/** Everybody who was told, also while it ended, or may have been, is told of the end. */
export function addEnds(turn: PageTurn): void {
  const { page } = turn
  const keyOf = ({ person, receiver }: PageDelivery): string => `${person}\xff${receiver}`
  const ended = new Set(page.deliveries.filter(({ kind }) => kind === 'end').map(keyOf))
  for (const delivery of [...page.deliveries]) {
    // What is held is told in the morning, unless its end takes its place.
    const { state } = delivery
    const mayBeTold = state === 'sent' || state === 'held' || delivery.isUnsure === true
    if (!mayBeTold || delivery.kind !== 'page' || ended.has(keyOf(delivery))) continue
    ended.add(keyOf(delivery))
    const { person, receiver } = delivery
    page.deliveries.push(makeDelivery(turn, { person, receiver, kind: 'end', step: 0, afterMs: 0 }))
  }
}

/** The group is over: nothing is left that could begin the page again. */
export function close(turn: PageTurn, reason: string): void {
  turn.page.isOpen = false
  note(turn, { action: 'closed', reason })
}

/** One message that is to be sent. */
export function makeDelivery(
  turn: PageTurn,
  wish: Pick<PageDelivery, 'person' | 'receiver' | 'kind' | 'step'> & { afterMs: number },
): PageDelivery {
  const { afterMs, ...rest } = wish
  return {
    id: makeId(turn.nowTimeMs),
    ...rest,
    dueTimeMs: turn.nowTimeMs + afterMs,
    state: 'waiting',
    reason: '',
    doneTimeMs: undefined,
  }
}

/** What a step asks of the desk: who is told now. */
export interface DueStep {
  step: PolicySettings['steps'][number]
  number: number
}

/**
 * The step that is due, or `undefined`; after the last one it begins again as often as the policy
 * says. The page is moved on to it: what is told is the caller's next move.
 */
export function takeStep(turn: PageTurn, policy: PolicySettings): DueStep | undefined {
  const { page, nowTimeMs } = turn
  if (page.nextTimeMs === undefined || page.nextTimeMs > nowTimeMs) return undefined
  if (page.step >= policy.steps.length) {
    if (page.round >= policy.repeat) {
      page.nextTimeMs = undefined
      note(turn, { action: 'exhausted', reason: `Policy ${policy.name} has no further step.` })
      return undefined
    }
    page.round++
    page.step = 0
  }
  const step = policy.steps[page.step]!
  page.step++
  page.nextTimeMs = nowTimeMs + step.delay
  return { step, number: page.step }
}

/** Notes whom a step reaches. One that reaches nobody makes way at once, unless it is the last. */
export function noteStep(
  turn: PageTurn,
  due: DueStep,
  told: { target: StepTarget; isLast: boolean },
): void {
  const { page, nowTimeMs } = turn
  const to = due.number > 1 || page.round > 0 ? 'escalated' : page.state
  const { title, people, receivers } = told.target
  const place =
    page.round === 0 ? `Step ${due.number}` : `Step ${due.number}, round ${page.round + 1}`
  if (people.length + receivers.length === 0) {
    if (!told.isLast) page.nextTimeMs = nowTimeMs
    note(turn, { action: 'nobody', reason: `${place}: ${title} reaches nobody.`, to })
    return
  }
  const reached = [...people, ...receivers].join(', ')
  note(turn, { action: 'step', reason: `${place}: ${title} (${reached}).`, to })
}

/** Adds messages; of one that waits for the same person and receiver, the earlier is enough. */
export function addDeliveries(page: Page, deliveries: readonly PageDelivery[]): void {
  for (const delivery of deliveries) {
    const isThere = page.deliveries.some(
      (other) =>
        other.state === 'waiting' &&
        other.kind === delivery.kind &&
        other.person === delivery.person &&
        other.receiver === delivery.receiver &&
        other.dueTimeMs <= delivery.dueTimeMs,
    )
    if (!isThere) page.deliveries.push(delivery)
  }
  while (page.deliveries.length > deliveryCountMax) {
    const index = page.deliveries.findIndex(({ state }) => state !== 'waiting')
    if (index < 0) break
    page.deliveries.splice(index, 1)
  }
}

/** Messages that wait are not sent. */
function dropWaiting(page: Page, reason: string): void {
  for (const delivery of page.deliveries) {
    if (delivery.state !== 'waiting') continue
    delivery.state = 'dropped'
    delivery.reason = reason
  }
}
