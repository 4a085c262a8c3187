/** A new silence: what it matches, for how long and why; what it would hold is shown before it is made. */

import { useState } from 'react'
import type { AlertView } from '../../../src/api/api.ts'
import type { SilenceMatcher } from '../../../src/model/silence.ts'
import { currentTimeMs, useNowTimeMs } from '../../data/clock.ts'
import { useMakeSilence, useSilencePreview } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault } from '../../kit/Feedback.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Dialog } from '../../kit/Overlay.tsx'
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

/** The dialog. It begins with all labels of `alert`, when there is one, else with conditions that are given. */
export function SilenceDialog(props: {
  alert: AlertView | undefined
  matchers?: readonly SilenceMatcher[]
  onClose: () => void
}) {
  const words = useWords()
  const format = useFormat()
  const make = useMakeSilence()
  const [rows, setRows] = useState(() => {
    const known = props.alert
      ? rowsOfLabels(props.alert.labels)
      : rowsOfMatchers(props.matchers ?? [])
    return known.length === 0 ? withEmptyRow(known) : known
  })
  const [isFilled] = useState(matchersOfRows(rows).length > 0)
  const [spanMs, setSpanMs] = useState(String(2 * hourMs))
  const [comment, setComment] = useState('')
  const nowTimeMs = useNowTimeMs()
  const matchers = matchersOfRows(rows)
  const isReady = matchers.length > 0 && comment.trim() !== ''
  const save = (): void => {
    if (!isReady || make.isRunning) return
    const endTimeMs = currentTimeMs() + Number(spanMs)
    make.run({ matchers, endTimeMs, comment: comment.trim() }, { onDone: props.onClose })
  }
  // What is known already stands below what is still to be said.
  const what = (
    <>
      <MatcherRows rows={rows} onChange={setRows} isFirst={!isFilled} />
      <Preview matchers={matchers} />
    </>
  )
  return (
    <Dialog isOpen onClose={props.onClose} title={words.silence.title} size="wide">
      <div className="stack">
        {isFilled ? null : what}
        <div className="field-pair">
          <SelectField
            label={words.silence.span}
            hint={`${words.silence.until} ${format.dateTime(nowTimeMs + Number(spanMs)).slice(0, 16)}`}
            value={spanMs}
            options={spans.map((one) => ({ value: String(one), label: format.span(one) }))}
            onChange={setSpanMs}
          />
          <TextField
            label={words.silence.comment}
            isFirst={isFilled}
            value={comment}
            onChange={setComment}
            onEnter={save}
          />
        </div>
        {isFilled ? what : null}
        <ActFault error={make.error} />
        <div className="dialog-foot">
          <Button onClick={props.onClose}>{words.kit.cancel}</Button>
          <Button weight="main" isRunning={make.isRunning} isDisabled={!isReady} onClick={save}>
            {words.silence.make}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

/** What the conditions would hold now. */
function Preview(props: { matchers: readonly SilenceMatcher[] }) {
  const words = useWords()
  const reading = useSilencePreview(props.matchers)
  if (props.matchers.length === 0) return <p className="quiet">{words.silence.noMatcher}</p>
  return <HeldPreview reading={reading} />
}
