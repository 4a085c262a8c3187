/** A new silence: what it matches, for how long and why; what it would hold is shown before it is made. */

import { useState } from 'react'
import type { AlertView } from '../../../src/api/api.ts'
import type { SilenceMatcher } from '../../../src/model/silence.ts'
import { currentTimeMs, useNowTimeMs } from '../../data/clock.ts'
import { useMakeSilence, useSilencePreview } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault } from '../../kit/Feedback.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { Moment, useFormat } from '../../kit/format.tsx'
import { Dialog } from '../../kit/Overlay.tsx'
import { useWords } from '../../word/word.tsx'
import { HeldPreview } from './HeldPreview.tsx'
import { MatcherRows, matchersOfRows, rowsOfLabels, withEmptyRow } from './MatcherRows.tsx'

const hourMs = 3_600_000
const spans = [hourMs, 2 * hourMs, 4 * hourMs, 8 * hourMs, 24 * hourMs, 72 * hourMs, 168 * hourMs]

/** The dialog. It begins with all labels of `alert`, when there is one. */
export function SilenceDialog(props: { alert: AlertView | undefined; onClose: () => void }) {
  const words = useWords()
  const format = useFormat()
  const make = useMakeSilence()
  const [rows, setRows] = useState(() => {
    const known = rowsOfLabels(props.alert?.labels ?? {})
    return known.length === 0 ? withEmptyRow(known) : known
  })
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
  return (
    <Dialog isOpen onClose={props.onClose} title={words.silence.title} size="wide">
      <div className="stack">
        <MatcherRows rows={rows} onChange={setRows} isFirst={props.alert === undefined} />
        <Preview matchers={matchers} />
        <SelectField
          label={words.silence.span}
          value={spanMs}
          options={spans.map((one) => ({ value: String(one), label: format.span(one) }))}
          onChange={setSpanMs}
        />
        <p className="quiet">
          {words.silence.until} <Moment timeMs={nowTimeMs + Number(spanMs)} />
        </p>
        <TextField
          label={words.silence.comment}
          isFirst={props.alert !== undefined}
          value={comment}
          onChange={setComment}
          onEnter={save}
        />
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
