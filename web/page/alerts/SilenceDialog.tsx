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
import { AddIcon, CloseIcon } from '../../kit/icons.ts'
import { Labels } from '../../kit/Labels.tsx'
import { Dialog } from '../../kit/Overlay.tsx'
import { useWords } from '../../word/word.tsx'

const hourMs = 3_600_000
const spans = [hourMs, 2 * hourMs, 4 * hourMs, 8 * hourMs, 24 * hourMs, 72 * hourMs, 168 * hourMs]
const operators = ['=', '!=', '=~', '!~'] as const
/** Alerts that are named below the count. */
const namedCountMax = 5

interface Row extends SilenceMatcher {
  key: number
}

/** The dialog. It begins with all labels of `alert`, when there is one. */
export function SilenceDialog(props: { alert: AlertView | undefined; onClose: () => void }) {
  const words = useWords()
  const format = useFormat()
  const make = useMakeSilence()
  const [rows, setRows] = useState(() => rowsOf(props.alert))
  const [spanMs, setSpanMs] = useState(String(2 * hourMs))
  const [comment, setComment] = useState('')
  const nowTimeMs = useNowTimeMs()
  const matchers = rows
    .filter((row) => row.name.trim() !== '')
    .map(({ name, operator, value }) => ({ name: name.trim(), operator, value }))
  const isReady = matchers.length > 0 && comment.trim() !== ''
  const change = (key: number, next: Partial<SilenceMatcher>): void =>
    setRows(rows.map((row) => (row.key === key ? { ...row, ...next } : row)))
  const save = (): void => {
    if (!isReady || make.isRunning) return
    const endTimeMs = currentTimeMs() + Number(spanMs)
    make.run({ matchers, endTimeMs, comment: comment.trim() }, { onDone: props.onClose })
  }
  return (
    <Dialog isOpen onClose={props.onClose} title={words.silence.title} size="wide">
      <div className="stack">
        <fieldset className="silence-rows" aria-label={words.silence.matchers}>
          {rows.map((row) => (
            <div key={row.key} className="silence-row">
              <TextField
                label={words.silence.label}
                isLabelHidden
                isMono
                placeholder={words.silence.label}
                value={row.name}
                onChange={(name) => change(row.key, { name })}
              />
              <SelectField
                label={words.silence.operator}
                isLabelHidden
                value={row.operator}
                options={operators.map((value) => ({ value, label: value }))}
                onChange={(operator) => change(row.key, { operator })}
              />
              <TextField
                label={words.silence.value}
                isLabelHidden
                isMono
                placeholder={words.silence.value}
                value={row.value}
                onChange={(value) => change(row.key, { value })}
              />
              <Button
                weight="quiet"
                label={words.silence.dropMatcher({ name: row.name })}
                icon={<CloseIcon size={15} />}
                onClick={() => setRows(rows.filter((other) => other.key !== row.key))}
              />
            </div>
          ))}
        </fieldset>
        <div>
          <Button
            size="small"
            icon={<AddIcon size={14} />}
            onClick={() => setRows([...rows, emptyRow(rows)])}
          >
            {words.silence.addMatcher}
          </Button>
        </div>
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
  if (reading.error) return <ActFault error={reading.error} />
  const { count = 0, alerts = [] } = reading.data ?? {}
  return (
    <div className="stack" aria-live="polite" data-preview={reading.data ? count : undefined}>
      <p className="strong">{reading.data ? words.silence.holds({ count }) : words.kit.loading}</p>
      {alerts.slice(0, namedCountMax).map((alert) => (
        <div key={alert.fingerprint} className="line-wrap">
          <span>{alert.name}</span>
          <Labels labels={alert.labels} hide={['alertname']} />
        </div>
      ))}
      {count > namedCountMax ? (
        <p className="quiet">{words.silence.more({ count: count - namedCountMax })}</p>
      ) : null}
    </div>
  )
}

function rowsOf(alert: AlertView | undefined): Row[] {
  const labels = Object.entries(alert?.labels ?? {})
  if (labels.length === 0) return [emptyRow([])]
  // The name of the alert first: it is what most silences are about.
  labels.sort(([a], [b]) => Number(b === 'alertname') - Number(a === 'alertname'))
  return labels.map(([name, value], key) => ({ key, name, operator: '=', value }))
}

function emptyRow(rows: readonly Row[]): Row {
  const key = Math.max(-1, ...rows.map((row) => row.key)) + 1
  return { key, name: '', operator: '=', value: '' }
}
