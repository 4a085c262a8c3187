/** A maintenance window, new or changed: what it holds, when, how often; what it would hold now is shown. */

import { useState } from 'react'
import type { MaintenanceBody, MaintenanceView } from '../../../src/api/on-call.ts'
import { currentTimeMs } from '../../data/clock.ts'
import { useMaintenancePreview, useSetMaintenance } from '../../data/maintenance.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault } from '../../kit/Feedback.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Dialog } from '../../kit/Overlay.tsx'
import { parseDateTime } from '../../shell/date-time.ts'
import { useWords } from '../../word/word.tsx'
import { HeldPreview } from './HeldPreview.tsx'
import { MatcherRows, matchersOfRows, rowsOfMatchers } from './MatcherRows.tsx'

const hourMs = 3_600_000
const repeats = ['never', 'day', 'week', 'month'] as const

/** The dialog. */
export function MaintenanceDialog(props: {
  window: MaintenanceView | undefined
  onClose: () => void
}) {
  const { window: before } = props
  const words = useWords()
  const format = useFormat()
  const act = useSetMaintenance()
  const minuteOf = (timeMs: number): string => format.dateTime(timeMs).slice(0, 16)
  const [nowTimeMs] = useState(currentTimeMs)
  const [name, setName] = useState(before?.name ?? '')
  const [services, setServices] = useState(before?.services.join(', ') ?? '')
  const [teams, setTeams] = useState(before?.teams.join(', ') ?? '')
  const [rows, setRows] = useState(rowsOfMatchers(before?.matchers ?? []))
  const [from, setFrom] = useState(minuteOf(before?.startTimeMs ?? nowTimeMs))
  const [to, setTo] = useState(minuteOf(before?.endTimeMs ?? nowTimeMs + 2 * hourMs))
  const [every, setEvery] = useState<(typeof repeats)[number]>(before?.repeat?.every ?? 'never')
  const [comment, setComment] = useState(before?.comment ?? '')
  const fromMs = parseDateTime(from, format.zone)
  const toMs = parseDateTime(to, format.zone)
  const matchers = matchersOfRows(rows)
  const serviceList = listOf(services)
  const teamList = listOf(teams)
  const isSpan = fromMs !== undefined && toMs !== undefined && toMs > fromMs
  const isAbout = matchers.length + serviceList.length + teamList.length > 0
  const body: MaintenanceBody | undefined =
    isSpan && isAbout
      ? {
          ...(before === undefined ? {} : { id: before.id }),
          name: name.trim() === '' ? words.maintenance.unnamed : name.trim(),
          matchers,
          services: serviceList,
          teams: teamList,
          startTimeMs: fromMs,
          endTimeMs: toMs,
          timeZone: format.zone,
          comment: comment.trim(),
          ...(every === 'never' ? {} : { repeat: { ...kept(before, every), every } }),
          ...(before === undefined ? {} : summaryOf(before)),
        }
      : undefined
  const preview = useMaintenancePreview(body)
  const isReady = body !== undefined && name.trim() !== ''
  const save = (): void => {
    if (isReady && !act.isRunning) act.run(body, { onDone: props.onClose })
  }
  const timeFault = (timeMs: number | undefined): string | undefined =>
    timeMs === undefined ? words.onCall.timeForm : undefined
  return (
    <Dialog isOpen onClose={props.onClose} title={words.maintenance.title} size="wide">
      <div className="stack">
        <TextField label={words.maintenance.name} isFirst value={name} onChange={setName} />
        <div className="field-pair">
          <TextField
            label={words.maintenance.services}
            hint={words.maintenance.servicesHint}
            value={services}
            onChange={setServices}
          />
          <TextField label={words.maintenance.teams} value={teams} onChange={setTeams} />
        </div>
        <MatcherRows rows={rows} onChange={setRows} />
        {body === undefined ? (
          <p className="quiet">{words.maintenance.aboutNothing}</p>
        ) : (
          <HeldPreview reading={preview} />
        )}
        <div className="field-pair">
          <TextField
            label={words.onCall.from}
            isMono
            value={from}
            onChange={setFrom}
            fault={timeFault(fromMs)}
          />
          <TextField
            label={words.onCall.to}
            isMono
            value={to}
            onChange={setTo}
            fault={
              timeFault(toMs) ??
              (fromMs !== undefined && !isSpan ? words.onCall.endEarly : undefined)
            }
          />
          <SelectField
            label={words.maintenance.repeat}
            value={every}
            options={repeats.map((value) => ({ value, label: words.maintenance.repeats[value] }))}
            onChange={setEvery}
          />
        </div>
        <p className="quiet">{words.onCall.zone({ zone: format.zone })}</p>
        <TextField
          label={words.silence.comment}
          value={comment}
          onChange={setComment}
          onEnter={save}
        />
        <ActFault error={act.error} />
        <div className="dialog-foot">
          <Button onClick={props.onClose}>{words.kit.cancel}</Button>
          <Button weight="main" isRunning={act.isRunning} isDisabled={!isReady} onClick={save}>
            {words.maintenance.save}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}

/** What the dialog does not show of who hears what was held. */
function summaryOf({
  summaryReceiver,
  summaryEveryMs = 0,
}: MaintenanceView): Pick<MaintenanceBody, 'summaryReceiver' | 'summaryEveryMs'> {
  return { summaryReceiver, ...(summaryEveryMs === 0 ? {} : { summaryEveryMs }) }
}

/** What the dialog does not show of a repetition that stays the same kind is kept. */
function kept(
  before: MaintenanceView | undefined,
  every: 'day' | 'week' | 'month',
): { interval?: number; weekdays?: number[]; untilTimeMs?: number } {
  if (before?.repeat?.every !== every) return {}
  const { interval, weekdays, untilTimeMs } = before.repeat
  return { interval, weekdays, ...(untilTimeMs == null ? {} : { untilTimeMs }) }
}

function listOf(text: string): string[] {
  return text
    .split(/[,，]/)
    .map((one) => one.trim())
    .filter((one) => one !== '')
}
