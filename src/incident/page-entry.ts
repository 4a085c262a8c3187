/** What of a page's story belongs into that of an incident: who took it, gave it away, or was not there. */

import type { PageAction, PageEvent } from '../model/page.ts'
import type { TimelineEntry } from '../model/incident.ts'

/** Of the rest the notifications themselves tell. */
const told: Partial<Record<PageAction, { kind: 'comment' | 'notified'; say: string }>> = {
  acknowledged: { kind: 'comment', say: '{actor} has it' },
  unacknowledged: { kind: 'comment', say: '{actor} gave it back' },
  'acknowledgement-expired': { kind: 'notified', say: 'The acknowledgement ended' },
  escalated: { kind: 'notified', say: '{actor} escalated' },
  reassigned: { kind: 'comment', say: '{actor} gave it to somebody else' },
  note: { kind: 'comment', say: '{actor} noted' },
  nobody: { kind: 'notified', say: 'Nobody could be reached' },
  exhausted: { kind: 'notified', say: 'Nobody acted' },
}

/** The entry for an event of a page; `undefined` when it says nothing new. */
export function makePageEntry(event: PageEvent): Omit<TimelineEntry, 'id'> | undefined {
  const how = told[event.action]
  if (how === undefined) return undefined
  const said = event.reason === '' ? '.' : `: ${event.reason}`
  return {
    timeMs: event.timeMs,
    kind: how.kind,
    code: `page-${event.action}`,
    message: `${how.say.replace('{actor}', event.actor)}${said}`,
    facts: { pageId: event.pageId, reason: event.reason },
    actor: event.actor,
  }
}
