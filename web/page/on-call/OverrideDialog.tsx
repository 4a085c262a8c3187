/** Somebody else takes over: on which schedule, who, for whom, from when to when. */

import { useState } from 'react'
import type { OnCallNow } from '../../../src/api/on-call.ts'
import type { Shift } from '../../../src/model/on-call.ts'
import { currentTimeMs } from '../../data/clock.ts'
import { useMakeOverride } from '../../data/on-call.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault } from '../../kit/Feedback.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Dialog } from '../../kit/Overlay.tsx'
import { parseDateTime } from '../../shell/date-time.ts'
import { useWords } from '../../word/word.tsx'

const hourMs = 3_600_000

/** The dialog. It begins with the rest of `shift`, when there is one, else with eight hours from now. */
export function OverrideDialog(props: {
  duty: OnCallNow
  schedule: string | undefined
  shift: Shift | undefined
  onClose: () => void
}) {
  const { duty, shift } = props
  const words = useWords()
  const format = useFormat()
  const make = useMakeOverride()
  const minuteOf = (timeMs: number): string => format.dateTime(timeMs).slice(0, 16)
  const [nowTimeMs] = useState(currentTimeMs)
  const beginTimeMs = Math.max(shift?.startTimeMs ?? 0, nowTimeMs)
  const endTimeMs = shift?.endTimeMs ?? beginTimeMs + 8 * hourMs
  const [schedule, setSchedule] = useState(props.schedule ?? duty.schedules[0]?.name ?? '')
  const [person, setPerson] = useState('')
  const [replaces, setReplaces] = useState('')
  const [from, setFrom] = useState(minuteOf(beginTimeMs))
  const [to, setTo] = useState(minuteOf(endTimeMs))
  const [comment, setComment] = useState('')
  const fromMs = parseDateTime(from, format.zone)
  const toMs = parseDateTime(to, format.zone)
  const isEndLate = fromMs === undefined || toMs === undefined || toMs > fromMs
  const isReady = person !== '' && fromMs !== undefined && toMs !== undefined && isEndLate
  const save = (): void => {
    if (!isReady || make.isRunning) return
    make.run(
      {
        schedule,
        people: [person],
        startTimeMs: fromMs,
        endTimeMs: toMs,
        comment: comment.trim(),
        ...(replaces === '' ? {} : { replaces }),
      },
      { onDone: props.onClose },
    )
  }
  const persons = duty.people.map(({ name }) => ({ value: name, label: name }))
  return (
    <Dialog isOpen onClose={props.onClose} title={words.onCall.overrideTitle}>
      <div className="stack">
        <SelectField
          label={words.onCall.schedule}
          value={schedule}
          options={duty.schedules.map(({ name }) => ({ value: name, label: name }))}
          onChange={setSchedule}
        />
        <SelectField
          label={words.onCall.who}
          isFirst
          value={person}
          options={[{ value: '', label: words.onCall.choose }, ...persons]}
          onChange={setPerson}
        />
        <SelectField
          label={words.onCall.replaces}
          value={replaces}
          options={[{ value: '', label: words.onCall.everybody }, ...persons]}
          onChange={setReplaces}
        />
        <div className="field-pair">
          <TextField
            label={words.onCall.from}
            isMono
            value={from}
            onChange={setFrom}
            fault={fromMs === undefined ? words.onCall.timeForm : undefined}
          />
          <TextField
            label={words.onCall.to}
            isMono
            value={to}
            onChange={setTo}
            fault={
              toMs === undefined
                ? words.onCall.timeForm
                : isEndLate
                  ? undefined
                  : words.onCall.endEarly
            }
          />
        </div>
        <p className="quiet">{words.onCall.zone({ zone: format.zone })}</p>
        <TextField
          label={words.onCall.comment}
          value={comment}
          onChange={setComment}
          onEnter={save}
        />
        <ActFault error={make.error} />
        <div className="dialog-foot">
          <Button onClick={props.onClose}>{words.kit.cancel}</Button>
          <Button weight="main" isRunning={make.isRunning} isDisabled={!isReady} onClick={save}>
            {words.onCall.putOn}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
