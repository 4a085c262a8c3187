/** Gathers what the draft of a post-mortem tells: the timeline as kept, and what the trouble cost by the signals. */

import type { TimelineEntry } from '../model/incident.ts'
import type { Records } from '../store/store.ts'
import type { IncidentBook, OpenIncident } from './book.ts'
import { measureImpact } from './impact.ts'
import { writePostMortem } from './post-mortem.ts'
import type { Questioner } from './question.ts'
import type { ServiceSignals } from './signal.ts'

/** A deployment that came longer before the onset failed nothing. */
const lagMsMax = 60_000

/** Writes the draft into the incident, and the fact into its timeline. */
export async function draftPostMortem(
  open: OpenIncident,
  parts: {
    records: Records
    book: IncidentBook
    questioner: Questioner
    nowTimeMs: number
    findSignals: (timeMs: number) => Promise<ServiceSignals>
  },
): Promise<void> {
  const { incident } = open
  const endTimeMs = incident.resolvedTimeMs ?? parts.nowTimeMs
  const startTimeMs = incident.onsetTimeMs ?? incident.openedTimeMs
  const signals = await parts.findSignals(endTimeMs)
  const lag = incident.causes[0]?.evidence.find((item) => item.kind === 'onset')?.facts
  const causeTimeMs = lag === undefined ? undefined : Number(lag['deploymentTimeMs'])
  const isClose = causeTimeMs !== undefined && startTimeMs - causeTimeMs <= lagMsMax
  const impact = await measureImpact(
    signals,
    { startTimeMs, endTimeMs, deploymentTimeMs: isClose ? causeTimeMs : undefined },
    parts.questioner,
  )
  let timeline: TimelineEntry[] = []
  await parts.book.attempt(async () => {
    timeline = await parts.records.incidents.listTimeline(incident.id)
  })
  timeline.sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1))
  incident.postMortem = writePostMortem({
    incident,
    alerts: [...open.alerts.values()],
    timeline,
    impact,
  })
  await parts.book.addEntry(open, {
    kind: 'post-mortem',
    code: 'post-mortem-written',
    message: 'The draft of the post-mortem is written.',
    facts: {},
    actor: '',
  })
}
