/**
 * Drafts the post-mortem of an incident in Markdown: only what was recorded or measured, in the order
 * in which people read it. Pure: everything comes in as arguments, so the text can be reviewed as prose
 * (see post-mortem.test.ts). People finish it; their text is never overwritten.
 */

import type { AlertView } from '../api/api.ts'
import type { Cause, Incident, TimelineEntry } from '../model/incident.ts'
import type { Impact } from './impact.ts'
import {
  formatCount,
  formatDateTime,
  formatRatio,
  formatSpan,
  formatTime,
  formatValue,
} from './phrase.ts'

/** What the draft is made of. */
export interface PostMortemParts {
  incident: Incident
  alerts: readonly AlertView[]
  timeline: readonly TimelineEntry[]
  impact: Impact
}

/** Writes the draft. */
export function writePostMortem(parts: PostMortemParts): string {
  const { incident } = parts
  const sections = [
    `# Post-mortem of incident ${incident.number}: ${incident.title}`,
    summaryOf(parts),
    `## Impact\n\n${list(impactOf(parts))}`,
    `## Timeline\n\n${timelineOf(parts.timeline)}`,
    `## Cause\n\n${causeOf(incident.causes[0])}`,
    `## What went well\n\n${list(goodOf(parts), 'Nothing was recorded.')}`,
    `## What to improve\n\n${list(badOf(parts), 'Nothing was recorded.')}`,
    `## Follow-ups\n\n${followUpsOf(parts)}`,
  ]
  return `${sections.join('\n\n')}\n`
}

function summaryOf({ incident, timeline, impact }: PostMortemParts): string {
  const cause = incident.causes[0]
  const name = incident.service === '' ? 'A part of the system' : incident.service
  let text = `${name} (${incident.environment}) was in trouble for ${formatSpan(impact.endTimeMs - impact.startTimeMs)}, from ${formatDateTime(impact.startTimeMs)} to ${formatDateTime(impact.endTimeMs)}.`
  text +=
    cause === undefined || cause.kind === 'unknown'
      ? ' No change was found that explains it.'
      : ` The likely cause is ${cause.title} (confidence ${cause.confidence.toFixed(2)}).`
  if (find(timeline, 'rollback-finished') !== undefined) text += ' The deployment was rolled back.'
  const verified = find(timeline, 'verify-passed')
  if (verified !== undefined)
    text += ' The recovery was verified with the signals that had shown the trouble.'
  else if (find(timeline, 'verify-failed') !== undefined)
    text += ' The recovery could not be verified.'
  return `## Summary\n\n${text}`
}

function impactOf({ alerts, impact }: PostMortemParts): string[] {
  const lines = [
    `Duration: ${formatSpan(impact.endTimeMs - impact.startTimeMs)}, from the onset in the data to the end.`,
  ]
  if (impact.requestCount !== undefined && impact.failedCount !== undefined) {
    const ratio = impact.failedCount / impact.requestCount
    lines.push(
      `Failed requests: ${formatCount(impact.failedCount)} of ${formatCount(impact.requestCount)} (${formatRatio(ratio)}).`,
    )
  } else lines.push('Failed requests: unknown, no request counter was found for the service.')
  for (const { name, value, unit } of impact.peaks) {
    lines.push(`Worst ${name}: ${formatValue(value, unit)}.`)
  }
  const names = [...new Set(alerts.map((alert) => alert.name))]
  lines.push(`Alerts: ${names.length === 0 ? 'none' : names.join(', ')}.`)
  return lines
}

function timelineOf(timeline: readonly TimelineEntry[]): string {
  const rows = timeline.map((entry) => {
    const actor = entry.actor === '' ? '' : ` (${entry.actor})`
    return `| ${formatTime(entry.timeMs).slice(0, 8)} | ${cell(entry.message)}${cell(actor)} |`
  })
  return ['| Time (UTC) | What happened |', '| --- | --- |', ...rows].join('\n')
}

/** Text for a table cell: one line, no bars. */
function cell(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
}

function causeOf(cause: Cause | undefined): string {
  if (cause === undefined) return 'The cause was not looked for.'
  const title = cause.title.charAt(0).toUpperCase() + cause.title.slice(1)
  const head =
    cause.kind === 'unknown'
      ? `${title}. What was looked at:`
      : `${title}, with confidence ${cause.confidence.toFixed(2)}. The evidence:`
  const lines = cause.evidence.map(({ message, query }) => {
    return query === ''
      ? message
      : `${message}\n  \`\`\`\n  ${query.replaceAll('\n', '\n  ')}\n  \`\`\``
  })
  return `${head}\n\n${list(lines)}`
}

function goodOf({ incident, timeline, impact }: PostMortemParts): string[] {
  const lines: string[] = []
  const noticedMs = incident.openedTimeMs - impact.startTimeMs
  if (noticedMs <= 60_000) lines.push(`It was noticed ${formatSpan(noticedMs)} after it began.`)
  const told = timeline.find((entry) => entry.code === 'notified')
  if (told !== undefined) {
    lines.push(
      `People were told ${formatSpan(told.timeMs - incident.openedTimeMs)} after it was noticed.`,
    )
  }
  if (incident.causes[0]?.kind === 'deployment') lines.push('The cause was found without a person.')
  const rolledBack = find(timeline, 'rollback-finished')
  if (rolledBack !== undefined) {
    lines.push(
      `The rollback was done ${formatSpan(rolledBack.timeMs - impact.startTimeMs)} after the onset.`,
    )
  }
  if (find(timeline, 'verify-passed') !== undefined)
    lines.push('The recovery was proved with data.')
  return lines
}

function badOf({ incident, timeline, impact }: PostMortemParts): string[] {
  const lines: string[] = []
  const noticedMs = incident.openedTimeMs - impact.startTimeMs
  if (noticedMs > 60_000) lines.push(`It was noticed only ${formatSpan(noticedMs)} after it began.`)
  if (!timeline.some((entry) => entry.code === 'notified')) lines.push('Nobody was told.')
  if (timeline.some((entry) => entry.code === 'notification-failed')) {
    lines.push('At least one notification could not be delivered.')
  }
  const cause = incident.causes[0]
  if (cause?.kind !== 'deployment') lines.push('The cause is not known.')
  else
    lines.push(
      `${cause.title.charAt(0).toUpperCase()}${cause.title.slice(1)} reached users before the trouble was seen.`,
    )
  const refused = timeline.filter((entry) => entry.code === 'rollback-refused')
  for (const entry of refused.slice(0, 3)) lines.push(entry.message)
  if (find(timeline, 'rollback-failed') !== undefined) lines.push('The rollback command failed.')
  if (find(timeline, 'verify-failed') !== undefined)
    lines.push('The recovery could not be verified.')
  return lines
}

function followUpsOf({ incident }: PostMortemParts): string {
  const cause = incident.causes[0]
  const lines: string[] = []
  if (cause?.kind === 'deployment') {
    lines.push(`Find out why ${cause.title} passed its tests, and add one that fails.`)
  } else
    lines.push(
      'Find the cause, and record the change that led to it as a deployment if it was one.',
    )
  const logLine = cause?.evidence.find((item) => item.kind === 'new-log-line')
  if (logLine !== undefined) {
    lines.push(`Explain the new log line "${String(logLine.facts['pattern'])}".`)
  }
  let text = lines.map((line) => `- [ ] ${line}`).join('\n')
  const rule = proposeRule(incident)
  if (rule !== '') {
    text += `\n- [ ] Consider this rule, which looks at each version by itself:\n\n\`\`\`yaml\n${rule}\n\`\`\``
  }
  return text
}

/** A rule that would have seen the trouble by version; empty when the evidence does not carry one. */
function proposeRule(incident: Incident): string {
  const evidence = incident.causes[0]?.evidence.find(
    (item) => item.kind === 'errors-by-version' && item.weight > 0,
  )
  if (evidence === undefined) return ''
  const fresh = Number(evidence.facts['newRatio'])
  const old = Number(evidence.facts['oldRatio'])
  // Half of what was seen, but twice what is usual.
  const threshold = Math.max(fresh / 2, 2 * old).toPrecision(2)
  const name = incident.service.replace(
    /(^|[^a-zA-Z0-9]+)([a-zA-Z0-9])/g,
    (_all, _gap, first: string) => first.toUpperCase(),
  )
  return [
    `- alert: ${name}VersionFails`,
    `  expr: ${evidence.query} > ${Number(threshold)}`,
    '  for: 1m',
    '  labels:',
    '    severity: critical',
    `    service: ${incident.service}`,
    '  annotations:',
    `    summary: A version of ${incident.service} fails {{ $value | humanizePercentage }} of its requests`,
  ].join('\n')
}

function find(timeline: readonly TimelineEntry[], code: string): TimelineEntry | undefined {
  return timeline.findLast((entry) => entry.code === code)
}

function list(lines: readonly string[], otherwise = ''): string {
  return lines.length === 0 ? otherwise : lines.map((line) => `- ${line}`).join('\n')
}
