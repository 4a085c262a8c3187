/**
 * The calendar: weeks below each other, a lane for each schedule in each week, a bar for each shift.
 * A bar is a button, so that the keyboard reaches every shift; nobody on call is drawn too, since that is
 * what people must not overlook.
 */

import type { CSSProperties } from 'react'
import type { ShiftList } from '../../../src/api/on-call.ts'
import type { Shift } from '../../../src/model/on-call.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { useFormat } from '../../kit/format.tsx'
import { seriesToken } from '../../token/palette.ts'
import { useWords } from '../../word/word.tsx'
import { type CalendarWeek, pieceOf, ratioAt } from './calendar-weeks.ts'

/** Bars below this part of a week's width have no room for a name. */
const narrowRatio = 0.035

/** A shift of a schedule that the reader opened. */
export interface ChosenShift {
  schedule: string
  shift: Shift
}

/** All weeks. */
export function Calendar(props: {
  weeks: readonly CalendarWeek[]
  lists: readonly ShiftList[]
  /** Everybody there is: a person has one colour in whatever span is shown. */
  people: readonly string[]
  /** Month of the calendar, `2026-11`: other days are quieter. */
  month: string | undefined
  onOpen: (chosen: ChosenShift) => void
}) {
  return (
    <div className="calendar">
      {props.weeks.map((week) => (
        <Week key={week.dates[0]} {...props} week={week} />
      ))}
    </div>
  )
}

function Week(props: {
  week: CalendarWeek
  lists: readonly ShiftList[]
  month: string | undefined
  people: readonly string[]
  onOpen: (chosen: ChosenShift) => void
}) {
  const { week } = props
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const today = format.date(nowTimeMs)
  const isNow = nowTimeMs >= week.edgesMs[0]! && nowTimeMs < week.edgesMs[7]!
  return (
    <section className="calendar-week" aria-label={words.onCall.weekOf({ date: week.dates[0]! })}>
      <div className="calendar-days">
        {week.dates.map((date, day) => (
          <div
            key={date}
            className="calendar-day"
            data-today={date === today || undefined}
            data-other={(props.month !== undefined && !date.startsWith(props.month)) || undefined}
          >
            <span className="quiet">{words.onCall.weekdays[String((day + 1) % 7) as '0']}</span>{' '}
            {date.slice(5)}
            <OddDay lengthMs={week.edgesMs[day + 1]! - week.edgesMs[day]!} />
          </div>
        ))}
      </div>
      {props.lists.map((list) => (
        <div key={list.schedule} className="calendar-lane">
          <div className="calendar-lane-name">{list.schedule}</div>
          <div className="calendar-lane-bars">
            {withGaps(list.shifts, week).map((shift) => (
              <Bar key={shift.startTimeMs} {...props} schedule={list.schedule} shift={shift} />
            ))}
            {isNow ? (
              <span
                className="calendar-now"
                aria-hidden
                style={{ left: `${ratioAt(nowTimeMs, week) * 100}%` }}
              />
            ) : null}
          </div>
        </div>
      ))}
    </section>
  )
}

/** Says of a day on which clocks change how long it is: a shift on it is longer or shorter than it looks. */
function OddDay(props: { lengthMs: number }) {
  const words = useWords()
  const hours = props.lengthMs / 3_600_000
  if (hours === 24) return null
  return (
    <span className="calendar-odd" title={words.onCall.oddDay}>
      {words.onCall.dayHours({ hours })}
    </span>
  )
}

function Bar(props: {
  week: CalendarWeek
  schedule: string
  shift: Shift
  people: readonly string[]
  onOpen: (chosen: ChosenShift) => void
}) {
  const { shift, week, schedule } = props
  const words = useWords()
  const format = useFormat()
  const piece = pieceOf(shift, week)
  if (piece === undefined) return null
  const isGap = shift.people.length === 0
  const who = isGap ? words.onCall.nobody : words.onCall.people({ names: shift.people })
  const style = {
    left: `${piece.fromRatio * 100}%`,
    width: `${(piece.toRatio - piece.fromRatio) * 100}%`,
    '--bar': `var(--${seriesToken(props.people.indexOf(shift.people[0] ?? ''))})`,
  } as CSSProperties
  const label = words.onCall.bar({
    who,
    schedule,
    from: format.dateTime(shift.startTimeMs).slice(0, 16),
    to: format.dateTime(shift.endTimeMs).slice(0, 16),
    isOverride: shift.source === 'override',
  })
  return (
    <button
      type="button"
      className="calendar-bar"
      style={style}
      data-gap={isGap || undefined}
      data-narrow={piece.toRatio - piece.fromRatio < narrowRatio || undefined}
      data-override={shift.source === 'override' || undefined}
      data-cut-before={piece.isCutBefore || undefined}
      data-cut-after={piece.isCutAfter || undefined}
      aria-label={label}
      title={label}
      onClick={() => props.onOpen({ schedule, shift })}
    >
      <span className="calendar-bar-text">{who}</span>
    </button>
  )
}

/** The shifts that touch a week, with a shift of nobody wherever there is none. */
function withGaps(shifts: readonly Shift[], week: CalendarWeek): Shift[] {
  const result: Shift[] = []
  let at = week.edgesMs[0]!
  const end = week.edgesMs[7]!
  const gap = (startTimeMs: number, endTimeMs: number): void => {
    if (endTimeMs > startTimeMs) result.push({ startTimeMs, endTimeMs, people: [], source: '' })
  }
  for (const shift of shifts) {
    if (shift.endTimeMs <= at || shift.startTimeMs >= end) continue
    gap(at, shift.startTimeMs)
    result.push(shift)
    at = shift.endTimeMs
  }
  gap(at, end)
  return result
}
