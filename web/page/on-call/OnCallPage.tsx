/** On-call: who answers now, who comes next, and the calendar in which others take over. */

import { Allowed } from '../Allowed.tsx'
import { type ReactNode, useState } from 'react'
import type { OnCallNow, ShiftList } from '../../../src/api/on-call.ts'
import type { OnCallOverride } from '../../../src/model/on-call.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import {
  useOnCall,
  useOverrides,
  usePolicies,
  useRemoveOverride,
  useShifts,
} from '../../data/on-call.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, Columns, Facts, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { ActFault, Empty, Shown } from '../../kit/Feedback.tsx'
import { Segments } from '../../kit/Field.tsx'
import { Moment, useFormat } from '../../kit/format.tsx'
import { AddIcon, LeftIcon, RightIcon } from '../../kit/icons.ts'
import { ConfirmButton, Drawer } from '../../kit/Overlay.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { Calendar, type ChosenShift } from './Calendar.tsx'
import { type CalendarSpan, stepDate, weeksOf } from './calendar-weeks.ts'
import { HeartbeatCard, PeopleCard, PolicyCard, ScheduleCard } from './DutyCards.tsx'
import { OverrideDialog } from './OverrideDialog.tsx'
import './on-call.css'

const spans = ['week', 'fortnight', 'month'] as const

/** The configuration that begins on-call duty. */
const example = `people:
  - name: ann
    contacts:
      - name: mail
        receiver: ann-mail
schedules:
  - name: primary
    time_zone: Europe/Berlin
    layers:
      - people: [ann]
        rotation: weekly
        start: 2026-01-05
        handover: "09:00"
escalation_policies:
  - name: team
    steps:
      - schedule: primary
        delay: 5m`

/** The page. */
export default function OnCallPage() {
  const words = useWords()
  usePageTitle(words.place.onCall)
  const reading = useOnCall()
  const duty = reading.data
  const uncovered = duty?.schedules.filter((one) => one.current === undefined) ?? []
  const [isPutting, setPutting] = useState(false)
  return (
    <>
      <PageHead
        health={
          duty && duty.schedules.length > 0 ? (uncovered.length > 0 ? 'warning' : 'ok') : undefined
        }
        verdict={duty && duty.schedules.length > 0 ? sentence(duty, words) : words.place.onCall}
        actions={
          duty && duty.schedules.length > 0 ? (
            <Allowed to="respond">
              <Button icon={<AddIcon size={15} />} onClick={() => setPutting(true)}>
                {words.onCall.overrideTitle}
              </Button>
            </Allowed>
          ) : undefined
        }
      />
      <Shown reading={reading} what={words.onCall.failed} rowCount={8}>
        {(data) =>
          data.schedules.length === 0 && data.people.length === 0 ? (
            <Card label={words.place.onCall}>
              <Empty title={words.onCall.none}>
                <div className="stack">
                  <p>{words.onCall.noneHint}</p>
                  <CopyBlock label={words.place.onCall} text={example} />
                </div>
              </Empty>
            </Card>
          ) : (
            <Duty duty={data} />
          )
        }
      </Shown>
      {isPutting && duty ? (
        <OverrideDialog
          duty={duty}
          schedule={undefined}
          shift={undefined}
          onClose={() => setPutting(false)}
        />
      ) : null}
    </>
  )
}

function Duty(props: { duty: OnCallNow }) {
  const { duty } = props
  const policies = usePolicies()
  return (
    <div className="column">
      <div className="duty-cards">
        {duty.schedules.map((schedule) => (
          <ScheduleCard key={schedule.name} schedule={schedule} />
        ))}
      </div>
      <Columns
        side={
          <>
            <PeopleCard people={duty.people} />
            <HeartbeatCard />
          </>
        }
      >
        <CalendarCard duty={duty} />
        <PolicyCard policies={policies.data?.policies ?? []} />
      </Columns>
    </div>
  )
}

function CalendarCard(props: { duty: OnCallNow }) {
  const { duty } = props
  const words = useWords()
  const format = useFormat()
  const address = useAddress()
  const nowTimeMs = useNowTimeMs()
  const [chosen, setChosen] = useState<ChosenShift>()
  const span = spans.find((one) => one === address.search['span']) ?? 'fortnight'
  const asked = address.search['date'] ?? ''
  const date = /^\d{4}-\d\d-\d\d$/.test(asked) ? asked : format.date(nowTimeMs)
  const weeks = weeksOf(date, span, format.zone)
  const range = { startTimeMs: weeks[0]!.edgesMs[0]!, endTimeMs: weeks.at(-1)!.edgesMs[7]! }
  const readings = useShifts(
    duty.schedules.map(({ name }) => name),
    range,
  )
  const lists = readings.flatMap((reading): ShiftList[] =>
    reading.data === undefined ? [] : [reading.data],
  )
  const failed = readings.find((reading) => reading.error)
  const go = (next: string | undefined): void => address.set({ date: next })
  return (
    <Card
      title={words.onCall.calendar}
      actions={
        <>
          <Segments<CalendarSpan>
            label={words.onCall.span}
            value={span}
            onChange={(next) => address.set({ span: next })}
            options={spans.map((one) => ({ value: one, label: words.onCall.spans[one] }))}
          />
          <Button
            size="small"
            label={words.onCall.before}
            icon={<LeftIcon size={14} />}
            onClick={() => go(stepDate(date, span, -1))}
          />
          <Button size="small" onClick={() => go(undefined)}>
            {words.onCall.today}
          </Button>
          <Button
            size="small"
            label={words.onCall.after}
            icon={<RightIcon size={14} />}
            onClick={() => go(stepDate(date, span, 1))}
          />
        </>
      }
    >
      <ActFault error={failed?.error} />
      <Calendar
        weeks={weeks}
        lists={lists}
        people={duty.people.map(({ name }) => name)}
        month={span === 'month' ? date.slice(0, 7) : undefined}
        onOpen={setChosen}
      />
      <p className="quiet calendar-foot">{words.onCall.zone({ zone: format.zone })}</p>
      {chosen ? (
        <ShiftDrawer duty={duty} chosen={chosen} onClose={() => setChosen(undefined)} />
      ) : null}
    </Card>
  )
}

function ShiftDrawer(props: { duty: OnCallNow; chosen: ChosenShift; onClose: () => void }) {
  const { shift, schedule } = props.chosen
  const words = useWords()
  const remove = useRemoveOverride(shift.overrideId ?? '')
  const override = useOverrides().data?.overrides.find(({ id }) => id === shift.overrideId)
  const [isPutting, setPutting] = useState(false)
  const nowTimeMs = useNowTimeMs()
  const who =
    shift.people.length === 0 ? words.onCall.nobody : words.onCall.people({ names: shift.people })
  if (isPutting)
    return (
      <OverrideDialog duty={props.duty} schedule={schedule} shift={shift} onClose={props.onClose} />
    )
  return (
    <Drawer isOpen onClose={props.onClose} title={who}>
      <div className="stack">
        <Facts
          items={[
            [words.onCall.schedule, schedule],
            [words.onCall.from, <Moment key="from" timeMs={shift.startTimeMs} />],
            [words.onCall.to, <Moment key="to" timeMs={shift.endTimeMs} />],
            [words.onCall.source, sourceWord(shift.source, words)],
            ...(override ? overrideFacts(override, words) : []),
          ]}
        />
        <Allowed to="respond">
          <div className="line-wrap">
            {shift.endTimeMs > nowTimeMs ? (
              <Button weight="main" onClick={() => setPutting(true)}>
                {words.onCall.overrideTitle}
              </Button>
            ) : null}
            {shift.overrideId === undefined ? null : (
              <ConfirmButton
                button={{ children: words.onCall.remove, weight: 'danger' }}
                title={words.onCall.removeTitle}
                text={words.onCall.removeText({ who })}
                confirm={words.onCall.remove}
                act={{
                  ...remove,
                  run: (reason) => remove.run(reason, { onDone: props.onClose }),
                }}
              />
            )}
          </div>
        </Allowed>
      </div>
    </Drawer>
  )
}

function overrideFacts(override: OnCallOverride, words: PageWords): [ReactNode, ReactNode][] {
  return [
    ...(override.replaces === ''
      ? []
      : [[words.onCall.replaces, override.replaces] as [ReactNode, ReactNode]]),
    ...(override.comment === ''
      ? []
      : [[words.onCall.comment, override.comment] as [ReactNode, ReactNode]]),
    [words.onCall.putBy, override.createdBy],
  ]
}

type PageWords = ReturnType<typeof useWords>

function sourceWord(source: string, words: PageWords): string {
  if (source === 'override') return words.onCall.sources.override
  if (source === 'calendar') return words.onCall.sources.calendar
  return source === '' ? words.onCall.sources.none : words.onCall.sources.layer({ name: source })
}

function sentence(duty: OnCallNow, words: PageWords): string {
  const people = [...new Set(duty.schedules.flatMap((one) => one.current?.people ?? []))]
  const uncovered = duty.schedules.filter((one) => one.current === undefined)
  return words.onCall.verdict({
    who: words.onCall.people({ names: people }),
    personCount: people.length,
    uncovered: words.onCall.people({ names: uncovered.map(({ name }) => name) }),
    uncoveredCount: uncovered.length,
  })
}
