/**
 * Turns of a layer: who is on call when, by rotation and hours. Days, weeks and months are counted on
 * the wall clock of the schedule, so that a hand-over at nine stays at nine when clocks change; hours
 * and custom lengths are counted in elapsed time.
 */

import {
  dayNumberOf,
  type LocalTime,
  readLocal,
  timeOfLocal,
  weekdayOf,
} from '../base/time-zone.ts'
import type { Shift } from '../model/on-call.ts'
import { type DaySpanSettings, type LayerSettings, weekdayNames } from './settings.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000

/** A span of time; the end is not included. */
export interface Span {
  startTimeMs: number
  endTimeMs: number
}

/** The shifts of one layer that touch a span, cut to it, in order of time. */
export function listLayerShifts(layer: LayerSettings, zone: string, span: Span): Shift[] {
  const endTimeMs = Math.min(span.endTimeMs, readEnd(layer, zone))
  const turns = listTurns(layer, zone, { ...span, endTimeMs })
  const open = layer.restrictions?.flatMap((hours) => listDaySpans(hours, zone, span))
  const shifts: Shift[] = []
  for (const { index, ...turn } of turns) {
    const taker = layer.people[index % layer.people.length]!
    const people = typeof taker === 'string' ? [taker] : [...taker]
    const parts = open === undefined ? [turn] : open.flatMap((one) => intersect(one, turn) ?? [])
    for (const part of parts) {
      const cut = intersect(part, { ...span, endTimeMs })
      if (cut !== undefined) shifts.push({ ...cut, people: [...people], source: layer.name })
    }
  }
  return shifts.sort((a, b) => a.startTimeMs - b.startTimeMs)
}

/** What two spans have in common. */
export function intersect(a: Span, b: Span): Span | undefined {
  const startTimeMs = Math.max(a.startTimeMs, b.startTimeMs)
  const endTimeMs = Math.min(a.endTimeMs, b.endTimeMs)
  return startTimeMs < endTimeMs ? { startTimeMs, endTimeMs } : undefined
}

/** Occurrences of hours of the week that touch a span; each whole. */
export function listDaySpans(hours: DaySpanSettings, zone: string, span: Span): Span[] {
  const days = hours.weekdays === undefined ? undefined : new Set<string>(hours.weekdays)
  const from = readMinutes(hours.start_time)
  const to = readMinutes(hours.end_time)
  const spans: Span[] = []
  const local = readLocal(span.startTimeMs - dayMs, zone)
  for (let offset = 0; ; offset++) {
    const date = { ...local, day: local.day + offset }
    const startTimeMs = timeOfLocal(atMinute(date, from), zone)
    if (startTimeMs >= span.endTimeMs) return spans
    const endDay = to <= from ? { ...date, day: date.day + 1 } : date
    const endTimeMs = timeOfLocal(atMinute(endDay, to), zone)
    if (days !== undefined && !days.has(weekdayNames[weekdayOf(date)]!)) continue
    if (endTimeMs > span.startTimeMs) spans.push({ startTimeMs, endTimeMs })
  }
}

interface Turn extends Span {
  index: number
}

/** The turns that touch a span, each whole. */
function listTurns(layer: LayerSettings, zone: string, span: Span): Turn[] {
  const start = readStart(layer)
  const beginOf = makeBeginOf(layer, start, zone)
  let index = Math.max(0, guessIndex(layer, start, zone, span.startTimeMs))
  while (index > 0 && beginOf(index) > span.startTimeMs) index--
  while (beginOf(index + 1) <= span.startTimeMs) index++
  const turns: Turn[] = []
  for (; ; index++) {
    const startTimeMs = beginOf(index)
    if (startTimeMs >= span.endTimeMs) return turns
    turns.push({ index, startTimeMs, endTimeMs: beginOf(index + 1) })
  }
}

/** When a turn begins. */
function makeBeginOf(
  layer: LayerSettings,
  start: LocalTime,
  zone: string,
): (index: number) => number {
  const { rotation, every } = layer
  const firstTimeMs = timeOfLocal(start, zone)
  if (rotation === 'hourly' || rotation === 'custom') {
    const turnMs = rotation === 'custom' ? (layer.shift ?? hourMs) : every * hourMs
    return (index) => firstTimeMs + index * turnMs
  }
  if (rotation === 'monthly') {
    return (index) => {
      const month = start.month + index * every
      const dayCount = new Date(Date.UTC(start.year, month, 0)).getUTCDate()
      return timeOfLocal({ ...start, month, day: Math.min(start.day, dayCount) }, zone)
    }
  }
  const days = every * (rotation === 'weekly' ? 7 : 1)
  return (index) => timeOfLocal({ ...start, day: start.day + index * days }, zone)
}

/** Near the turn at a time; the caller steps to the right one. */
function guessIndex(layer: LayerSettings, start: LocalTime, zone: string, timeMs: number): number {
  const { rotation, every } = layer
  const local = readLocal(timeMs, zone)
  if (rotation === 'monthly')
    return Math.floor(((local.year - start.year) * 12 + local.month - start.month) / every) - 1
  if (rotation === 'hourly' || rotation === 'custom') {
    const turnMs = rotation === 'custom' ? (layer.shift ?? hourMs) : every * hourMs
    return Math.floor((timeMs - timeOfLocal(start, zone)) / turnMs)
  }
  const days = every * (rotation === 'weekly' ? 7 : 1)
  return Math.floor((dayNumberOf(local) - dayNumberOf(start)) / days) - 1
}

function readStart(layer: LayerSettings): LocalTime {
  return readWritten(layer.start, layer.handover)
}

function readEnd(layer: LayerSettings, zone: string): number {
  if (layer.end === undefined) return Number.POSITIVE_INFINITY
  return timeOfLocal(readWritten(layer.end, layer.handover), zone)
}

/** `2026-11-02`, or with a time of day behind it. */
function readWritten(text: string, handover: string | undefined): LocalTime {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number)
  const minutes = readMinutes(text.length > 10 ? text.slice(11) : (handover ?? '00:00'))
  return atMinute({ year: year!, month: month!, day: day! }, minutes)
}

function atMinute(date: Pick<LocalTime, 'year' | 'month' | 'day'>, minutes: number): LocalTime {
  const { year, month, day } = date
  return { year, month, day, hour: Math.floor(minutes / 60), minute: minutes % 60, second: 0 }
}

function readMinutes(text: string): number {
  const [hour, minute] = text.split(':').map(Number)
  return hour! * 60 + minute!
}
