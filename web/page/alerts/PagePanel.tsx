/** Who answers for an alert: the page it is on, who was told and who comes next, what people do with it, and its story. */

import { Allowed } from '../Allowed.tsx'
import { type ReactNode, useState } from 'react'
import type { PageView } from '../../../src/api/on-call.ts'
import type { PageEvent } from '../../../src/model/page.ts'
import { useOnCall } from '../../data/on-call.ts'
import { type PageAct, usePage, usePageAct, useReassign } from '../../data/pages.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault, Shown } from '../../kit/Feedback.tsx'
import { SelectField } from '../../kit/Field.tsx'
import { Moment } from '../../kit/format.tsx'
import { ConfirmButton, Dialog } from '../../kit/Overlay.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { useWords } from '../../word/word.tsx'

/** In one line who has a page. */
export function PageState(props: { page: PageView }) {
  const { page } = props
  const words = useWords()
  if (page.state === 'acknowledged') {
    return <StateBadge health="info" word={words.page.has({ who: page.acknowledgedBy })} isHeld />
  }
  if (page.state === 'resolved') return <StateBadge health="ok" word={words.page.states.resolved} />
  return (
    <span className="line-wrap">
      <StateBadge
        health="warning"
        word={
          page.state === 'escalated'
            ? words.page.escalatedTo({ step: page.step })
            : words.page.states.firing
        }
      />
      {page.assignee === '' ? null : (
        <span className="quiet">{words.page.givenTo({ who: page.assignee })}</span>
      )}
    </span>
  )
}

/** The panel. */
export function PagePanel(props: {
  page: PageView
  /** Where else one goes from here, below what one does. */
  ways: ReactNode
}) {
  const words = useWords()
  const reading = usePage(props.page.id)
  const page = reading.data?.page ?? props.page
  const told = page.deliveries.filter((one) => one.kind === 'page')
  return (
    <section className="stack" aria-label={words.page.title}>
      <div className="line-wrap">
        <h3 className="field-label">{words.page.title}</h3>
        <PageState page={page} />
      </div>
      {page.nextTimeMs === undefined ? null : (
        <p className="mid">
          {words.page.nextStep({ step: page.step + 1, policy: page.policy })}{' '}
          <Moment timeMs={page.nextTimeMs} isNear />
        </p>
      )}
      {page.state === 'acknowledged' && page.acknowledgeEndTimeMs !== undefined ? (
        <p className="mid">
          {words.page.acknowledgeEnds} <Moment timeMs={page.acknowledgeEndTimeMs} isNear />
        </p>
      ) : null}
      <Allowed to="respond">
        <Acts page={page} />
        {props.ways}
      </Allowed>
      {told.length === 0 ? null : (
        <ul className="page-told">
          {told.map((one) => (
            <li key={one.id}>
              <span className="strong">{one.person === '' ? one.receiver : one.person}</span>{' '}
              <span className="mid">{words.page.deliveryStates[one.state]}</span>{' '}
              <Moment timeMs={one.doneTimeMs ?? one.dueTimeMs} isNear />
              {one.reason === '' ? null : <span className="quiet"> · {one.reason}</span>}
            </li>
          ))}
        </ul>
      )}
      <Shown reading={reading} what={words.page.failed} rowCount={3}>
        {(detail) => <Story events={detail.events} />}
      </Shown>
    </section>
  )
}

function Story(props: { events: readonly PageEvent[] }) {
  const words = useWords()
  return (
    <ol className="page-story" aria-label={words.page.story}>
      {props.events.map((event) => (
        <li key={event.id}>
          <Moment timeMs={event.timeMs} isNear />{' '}
          <span className="strong">{words.page.actions[event.action]}</span>
          {event.actor === 'shipwatch' ? null : <span className="mid"> {event.actor}</span>}
          {event.reason === '' ? null : <div className="mid">{event.reason}</div>}
        </li>
      ))}
    </ol>
  )
}

function Acts(props: { page: PageView }) {
  const { page } = props
  const words = useWords()
  const [isGiving, setGiving] = useState(false)
  if (!page.isOpen || page.state === 'resolved') return null
  const isTaken = page.state === 'acknowledged'
  return (
    <div className="line-wrap">
      <ActButton page={page} act={isTaken ? 'unacknowledge' : 'acknowledge'} isMain={!isTaken} />
      {page.policy === '' ? null : <ActButton page={page} act="escalate" />}
      <Button size="small" onClick={() => setGiving(true)}>
        {words.page.acts.reassign}
      </Button>
      <ActButton page={page} act="note" />
      <ActButton page={page} act="resolve" />
      {isGiving ? <GiveDialog page={page} onClose={() => setGiving(false)} /> : null}
    </div>
  )
}

function ActButton(props: { page: PageView; act: PageAct; isMain?: boolean }) {
  const { page, act } = props
  const words = useWords()
  const doing = usePageAct(page.id, act)
  return (
    <ConfirmButton
      button={{
        children: words.page.acts[act],
        size: 'small',
        ...(props.isMain ? { weight: 'main' } : {}),
      }}
      title={words.page.acts[act]}
      text={words.page.actTexts[act]({ title: page.title })}
      confirm={words.page.acts[act]}
      reason={{ label: words.page.reason, isNeeded: act === 'note' }}
      act={doing}
    />
  )
}

function GiveDialog(props: { page: PageView; onClose: () => void }) {
  const words = useWords()
  const act = useReassign(props.page.id)
  const people = useOnCall().data?.people ?? []
  const [person, setPerson] = useState('')
  return (
    <Dialog isOpen onClose={props.onClose} title={words.page.acts.reassign}>
      <div className="stack">
        <p>{words.page.giveText({ title: props.page.title })}</p>
        <SelectField
          label={words.page.person}
          isFirst
          value={person}
          options={[
            { value: '', label: words.onCall.choose },
            ...people.map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={setPerson}
        />
        {people.length === 0 ? <p className="quiet">{words.page.noPeople}</p> : null}
        <ActFault error={act.error} />
        <div className="dialog-foot">
          <Button onClick={props.onClose}>{words.kit.cancel}</Button>
          <Button
            weight="main"
            isRunning={act.isRunning}
            isDisabled={person === ''}
            onClick={() => act.run(person, { onDone: props.onClose })}
          >
            {words.page.acts.reassign}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
