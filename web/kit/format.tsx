/** Numbers and times on the page: formats of the reader's language and zone, and elements for them. */

import { useMemo } from 'react'
import { useNowTimeMs } from '../data/clock.ts'
import { usePreferences, zoneOf } from '../data/preferences.ts'
import { Format, thinSpace, type Unit } from '../word/format.ts'
import { useLanguage, useWords } from '../word/word.tsx'

/** The formats of the reader's language and zone. */
export function useFormat(): Format {
  const words = useWords()
  const language = useLanguage()
  const timeZone = zoneOf(usePreferences())
  return useMemo(
    () => new Format({ language, timeZone, words: words.unit }),
    [language, timeZone, words],
  )
}

/** A number with its unit, as one token that never breaks. */
export function Value(props: { value: number | null | undefined; unit: Unit }) {
  const { number, unit } = useFormat().quantity(props.value, props.unit)
  return (
    <span className="no-wrap">
      {number}
      {unit === '' ? null : <span className="unit">{`${thinSpace}${unit}`}</span>}
    </span>
  )
}

/** How long ago, growing with the clock; the moment itself on hover. */
export function Age(props: { timeMs: number | undefined; isBare?: boolean }) {
  const format = useFormat()
  const words = useWords()
  const nowTimeMs = useNowTimeMs()
  if (props.timeMs === undefined) return <span className="quiet">–</span>
  const span = format.span(nowTimeMs - props.timeMs)
  return (
    <time
      className="no-wrap"
      dateTime={new Date(props.timeMs).toISOString()}
      title={format.dateTime(props.timeMs)}
    >
      {props.isBare ? span : words.time.ago({ span })}
    </time>
  )
}

/** A moment: ISO date and time, or only the time on today's date; short without seconds, for what people plan. */
export function Moment(props: { timeMs: number | undefined; isNear?: boolean; isShort?: boolean }) {
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  if (props.timeMs === undefined) return <span className="quiet">–</span>
  const text = props.isNear ? format.near(props.timeMs, nowTimeMs) : format.dateTime(props.timeMs)
  return (
    <time
      className="no-wrap"
      dateTime={new Date(props.timeMs).toISOString()}
      title={`${format.dateTime(props.timeMs)} ${format.zone}`}
    >
      {props.isShort ? text.replace(/(\d\d:\d\d):\d\d$/, '$1') : text}
    </time>
  )
}
