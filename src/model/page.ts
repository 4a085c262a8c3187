/** A page: one group of alerts that people answer for, from firing to acknowledged to escalated to resolved. */

/** Where a page stands. `escalated` is firing with a later step reached. */
export type PageState = 'firing' | 'acknowledged' | 'escalated' | 'resolved'

/** What happened to a page. */
export type PageAction =
  | 'opened'
  | 'step'
  | 'nobody'
  | 'notified'
  | 'failed'
  | 'quiet'
  | 'acknowledged'
  | 'unacknowledged'
  | 'acknowledgement-expired'
  | 'escalated'
  | 'reassigned'
  | 'alert-joined'
  | 'note'
  | 'exhausted'
  | 'resolved'
  | 'closed'

/** One message to one person or receiver that a page calls for. */
export interface PageDelivery {
  id: string
  /** Empty when a receiver is told directly. */
  person: string
  receiver: string
  /** `end` tells that it is over. */
  kind: 'page' | 'end'
  /** Number of the step that asked for it, from 1; 0 for an assignment by hand. */
  step: number
  dueTimeMs: number
  /** `held` is kept back by the receiver's quiet hours: nobody was told yet. */
  state: 'waiting' | 'sent' | 'held' | 'failed' | 'dropped'
  /** Why it was sent, or why not. */
  reason: string
  doneTimeMs: number | undefined
  /** It was due when the process died: it may have been sent. */
  isUnsure?: boolean
}

/** A page as kept. */
export interface Page {
  id: string
  groupKey: string
  receiver: string
  /** Name of the escalation policy; empty when nobody but the receiver is told. */
  policy: string
  title: string
  /** Pairs of the group's labels. */
  labels: [string, string][]
  state: PageState
  openedTimeMs: number
  updatedTimeMs: number
  resolvedTimeMs: number | undefined
  /** Kept until its group is over, also when a person resolved it before. */
  isOpen: boolean
  /** Fingerprints of its alerts, those that ended included. */
  alerts: string[]
  /** Number of the step reached, from 1; 0 before the first. */
  step: number
  /** How often all steps were gone through. */
  round: number
  /** When the next step is due; `undefined` when none is. */
  nextTimeMs: number | undefined
  acknowledgedBy: string
  acknowledgedTimeMs: number | undefined
  acknowledgeEndTimeMs: number | undefined
  /** Person whom it was given to by hand; empty when nobody. */
  assignee: string
  /** People told so far, in order; links name them by their place. */
  people: string[]
  deliveries: PageDelivery[]
}

/** Whether something is left to do: its group is not over, or somebody has still to be told. */
export function isPageLive(page: Page): boolean {
  return page.isOpen || page.deliveries.some(({ state }) => state === 'waiting')
}

/** One moment of a page's story. */
export interface PageEvent {
  id: string
  pageId: string
  timeMs: number
  /** `shipwatch`, or who acted. */
  actor: string
  action: PageAction
  from: PageState
  to: PageState
  /** Why, as a sentence. */
  reason: string
}
