/** A silence, new or changed: what it matches, when and why; what it would hold is shown before it is made. */

import { useState } from 'react'
import type { AlertView, SilenceView } from '../../../src/api/api.ts'
import type { SilencedEnd, SilenceMatcher } from '../../../src/model/silence.ts'
import { currentTimeMs, useNowTimeMs } from '../../data/clock.ts'
import { useExpireSilence, useMakeSilence, useSilencePreview } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault } from '../../kit/Feedback.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Dialog } from '../../kit/Overlay.tsx'
import { parseDateTime } from '../../shell/date-time.ts'
import { useWords } from '../../word/word.tsx'
import { HeldPreview } from './HeldPreview.tsx'
import {
  MatcherRows,
  matchersOfRows,
  rowsOfLabels,
  rowsOfMatchers,
  withEmptyRow,
} from './MatcherRows.tsx'

const hourMs = 3_600_000
const spans = [hourMs, 2 * hourMs, 4 * hourMs, 8 * hourMs, 24 * hourMs, 72 * hourMs, 168 * hourMs]
const ends: readonly SilencedEnd[] = ['drop', 'tell', 'delay']

/** When a silence is to be: for so long from now, or from one time to another, as they are typed. */
interface When {
  /** Milliseconds, or `times`. */
  span: string
  from: string
  to: string
}

/** The dialog. It begins with `before`, which it replaces, or all labels of `alert`, or conditions that are given. */
export function SilenceDialog(props: {
  alert?: AlertView | undefined
  matchers?: readonly SilenceMatcher[]
  before?: SilenceView
  onClose: () => void
}) {
  const { before } = props
  const words = useWords()
  const format = useFormat()
  const [rows, setRows] = useState(() => {
    const known = props.alert
      ? rowsOfLabels(props.alert.labels)
      : rowsOfMatchers(before?.matchers ?? props.matchers ?? [])
    return known.length === 0 ? withEmptyRow(known) : known
  })
  const [isFilled] = useState(matchersOfRows(rows).length > 0)
  const [when, setWhen] = useState(() => whenOf(before, (timeMs) => format.dateTime(timeMs)))
  const [end, setEnd] = useState<SilencedEnd>(before?.resolved ?? 'drop')
  const [comment, setComment] = useState(before?.comment ?? '')
  const nowTimeMs = useNowTimeMs()
  const replace = useReplace(before)
  const matchers = matchersOfRows(rows)
  const times = timesOf(when, nowTimeMs, format.zone)
  const isReady = matchers.length > 0 && comment.trim() !== '' && times !== undefined
  const save = (): void => {
    const asked = timesOf(when, currentTimeMs(), format.zone)
    if (!isReady || asked === undefined || replace.isRunning) return
    replace.run({ matchers, ...asked, comment: comment.trim(), resolved: end }, props.onClose)
  }
  // What is known already stands below what is still to be said.
  const what = (
    <>
      <MatcherRows rows={rows} onChange={setRows} isFirst={!isFilled} />
      <Preview matchers={matchers} />
    </>
  )
  return (
    <Dialog
      isOpen
      onClose={props.onClose}
      title={before ? words.silence.changeTitle : words.silence.title}
      size="wide"
    >
      <div className="stack">
        {isFilled ? null : what}
        <TextField
          label={words.silence.comment}
          isFirst={isFilled}
          value={comment}
          onChange={setComment}
          onEnter={save}
        />
        <div className="field-pair">
          <WhenFields when={when} onChange={setWhen} endTimeMs={times?.endTimeMs} />
          <SelectField
            label={words.silence.resolved}
            value={end}
            options={ends.map((value) => ({ value, label: words.silence.ends[value] }))}
            onChange={setEnd}
          />
        </div>
        {isFilled ? what : null}
        <ActFault error={replace.error} />
        <div className="dialog-foot">
          <Button onClick={props.onClose}>{words.kit.cancel}</Button>
          <Button weight="main" isRunning={replace.isRunning} isDisabled={!isReady} onClick={save}>
            {before ? words.maintenance.save : words.silence.make}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

/** Makes a silence and then ends the one that it replaces, so that nothing is told of in between. */
function useReplace(before: SilenceView | undefined) {
  const make = useMakeSilence()
  const expire = useExpireSilence(before?.id ?? '')
  const [isMade, setMade] = useState(false)
  const isEnding = before !== undefined && before.state !== 'expired'
  return {
    isRunning: make.isRunning || expire.isRunning,
    error: make.error ?? expire.error,
    run: (body: Parameters<typeof make.run>[0], onDone: () => void): void => {
      const finish = (): void => {
        setMade(true)
        if (isEnding) expire.run('', { onDone })
        else onDone()
      }
      // Pressed again because the old one could not be ended: there is one new silence, not two.
      if (isMade) finish()
      else make.run(body, { onDone: finish })
    },
  }
}

function whenOf(before: SilenceView | undefined, write: (timeMs: number) => string): When {
  const minute = (timeMs: number): string => write(timeMs).slice(0, 16)
  const nowTimeMs = currentTimeMs()
  const isKept = before !== undefined && before.state !== 'expired'
  return {
    span: isKept ? 'times' : String(2 * hourMs),
    from: minute(before?.state === 'pending' ? before.startTimeMs : nowTimeMs),
    to: minute(isKept ? before.endTimeMs : nowTimeMs + 2 * hourMs),
  }
}

/** The times that are meant; nothing while they cannot be read, or are in the wrong order. */
function timesOf(when: When, nowTimeMs: number, zone: string) {
  if (when.span !== 'times') return { endTimeMs: nowTimeMs + Number(when.span) }
  const fromMs = parseDateTime(when.from, zone)
  const endTimeMs = parseDateTime(when.to, zone)
  if (fromMs === undefined || endTimeMs === undefined) return undefined
  const startTimeMs = Math.max(fromMs, nowTimeMs)
  return endTimeMs > startTimeMs ? { startTimeMs, endTimeMs } : undefined
}

function WhenFields(props: {
  when: When
  onChange: (when: When) => void
  endTimeMs: number | undefined
}) {
  const { when, onChange, endTimeMs } = props
  const words = useWords()
  const format = useFormat()
  const isTyped = when.span === 'times'
  const fault = (text: string): string | undefined =>
    parseDateTime(text, format.zone) === undefined ? words.onCall.timeForm : undefined
  return (
    <>
      <SelectField
        label={words.silence.span}
        hint={
          isTyped
            ? words.onCall.zone({ zone: format.zone })
            : `${words.silence.until} ${format.dateTime(endTimeMs ?? 0).slice(0, 16)}`
        }
        value={when.span}
        options={[
          ...spans.map((one) => ({ value: String(one), label: format.span(one) })),
          { value: 'times', label: words.silence.times },
        ]}
        onChange={(span) => onChange({ ...when, span })}
      />
      {isTyped ? (
        <>
          <TextField
            label={words.onCall.from}
            isMono
            value={when.from}
            onChange={(from) => onChange({ ...when, from })}
            fault={fault(when.from)}
          />
          <TextField
            label={words.onCall.to}
            isMono
            value={when.to}
            onChange={(to) => onChange({ ...when, to })}
            fault={fault(when.to) ?? (endTimeMs === undefined ? words.onCall.endEarly : undefined)}
          />
        </>
      ) : null}
    </>
  )
}

/** What the conditions would hold now. */
function Preview(props: { matchers: readonly SilenceMatcher[] }) {
  const words = useWords()
  const reading = useSilencePreview(props.matchers)
  if (props.matchers.length === 0) return <p className="quiet">{words.silence.noMatcher}</p>
  return <HeldPreview reading={reading} />
}
