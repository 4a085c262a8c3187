/** Around the calendar: who is on call now and next, who is told after whom, people, heartbeats. */

import type { OnCallNow, PolicyList } from '../../../src/api/on-call.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { useCalendarFeed, useHeartbeats } from '../../data/on-call.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { ActFault, Empty } from '../../kit/Feedback.tsx'
import { Age, Moment, useFormat } from '../../kit/format.tsx'
import { StateBadge, StateMark, Tag } from '../../kit/State.tsx'
import { useWords } from '../../word/word.tsx'
import { StepLine } from '../StepLine.tsx'

type Schedule = OnCallNow['schedules'][number]

/** One schedule: who has it, until when, who comes then, and its calendar for other programs. */
export function ScheduleCard(props: { schedule: Schedule }) {
  const { schedule } = props
  const words = useWords()
  const feed = useCalendarFeed(schedule.name)
  const { current, calendar } = schedule
  return (
    <Card title={schedule.name} actions={<Tag>{schedule.timeZone}</Tag>}>
      <div className="stack">
        <div className="duty-now">
          {current === undefined ? (
            <StateBadge health="warning" word={words.onCall.nobody} />
          ) : (
            <>
              <span className="duty-person">{words.onCall.people({ names: current.people })}</span>
              <span className="quiet">
                {words.onCall.until} <Moment timeMs={current.endTimeMs} isNear isShort />
              </span>
            </>
          )}
        </div>
        <Next schedule={schedule} />
        {calendar?.problems.map((problem) => (
          <p key={problem} className="field-fault">
            {problem}
          </p>
        ))}
        {feed.answer === undefined ? (
          <div>
            <Button size="small" isRunning={feed.isRunning} onClick={() => feed.run(undefined)}>
              {words.onCall.feed}
            </Button>
          </div>
        ) : (
          <>
            <p className="quiet">{words.onCall.feedHint}</p>
            <CopyBlock label={words.onCall.feed} text={feed.answer.url} />
          </>
        )}
        <ActFault error={feed.error} />
      </div>
    </Card>
  )
}

/** Who comes then and in how long; a gap before it is said. */
function Next(props: { schedule: Schedule }) {
  const { current, next } = props.schedule
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const fromTimeMs = next?.startTimeMs ?? current?.endTimeMs
  if (fromTimeMs === undefined) return <p className="mid">{words.onCall.nextNobody}</p>
  const isGap =
    next === undefined || (current !== undefined && next.startTimeMs > current.endTimeMs)
  return (
    <p className="mid">
      {isGap ? (
        <>
          <StateMark health="warning" label={words.health.warning} size={11} /> {
            words.onCall.gap
          }{' '}
        </>
      ) : null}
      {next === undefined
        ? null
        : words.onCall.next({ who: words.onCall.people({ names: next.people }) })}{' '}
      <Moment timeMs={fromTimeMs} isNear isShort />{' '}
      <span className="quiet no-wrap">
        {words.time.ahead({ span: format.span(Math.max(0, fromTimeMs - nowTimeMs)) })}
      </span>
    </p>
  )
}

/** The steps of each escalation policy. */
export function PolicyCard(props: { policies: PolicyList['policies'] }) {
  const words = useWords()
  const format = useFormat()
  return (
    <Card title={words.onCall.policies} count={props.policies.length}>
      {props.policies.length === 0 ? (
        <Empty title={words.onCall.noPolicies}>{words.onCall.noPoliciesHint}</Empty>
      ) : (
        props.policies.map((policy) => (
          <div key={policy.name} className="policy">
            <h3 className="policy-name">{policy.name}</h3>
            <ol className="policy-steps">
              {policy.steps.map((step, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
                <li key={index}>
                  <StepLine step={step} />
                  {index + 1 === policy.steps.length && policy.repeat === 0 ? null : (
                    <div className="quiet">
                      {words.onCall.nextStep({ span: format.span(step.delayMs) })}
                    </div>
                  )}
                </li>
              ))}
            </ol>
            <p className="quiet">
              {words.onCall.policyEnd({
                repeat: policy.repeat,
                span: format.span(policy.acknowledgeTimeoutMs),
                isExpiring: policy.acknowledgeTimeoutMs > 0,
              })}
            </p>
          </div>
        ))
      )}
    </Card>
  )
}

/** People with the ways to reach them. */
export function PeopleCard(props: { people: OnCallNow['people'] }) {
  const words = useWords()
  return (
    <Card title={words.onCall.peopleTitle} count={props.people.length}>
      <div className="stack">
        {props.people.map((person) => (
          <div key={person.name}>
            <span className="strong">{person.name}</span>{' '}
            <span className="quiet">{person.timeZone}</span>
            {person.quietUntilTimeMs === undefined ? null : (
              <span className="quiet">
                {' · '}
                {words.onCall.quietUntil} <Moment timeMs={person.quietUntilTimeMs} isNear />
              </span>
            )}
            <div className="line-wrap">
              {person.contacts.map((contact) => (
                <Tag key={contact.name} title={contact.receiver}>
                  {contact.name}
                </Tag>
              ))}
            </div>
          </div>
        ))}
      </div>
    </Card>
  )
}

type Beat = NonNullable<ReturnType<typeof useHeartbeats>['data']>['heartbeats'][number]

function BeatBadge(props: { beat: Beat }) {
  const { isMissing, lastTimeMs } = props.beat
  const words = useWords()
  if (isMissing) return <StateBadge health="critical" word={words.onCall.beatMissing} />
  // Its first call is not due yet.
  if (lastTimeMs === undefined)
    return <StateBadge health="unknown" word={words.onCall.beatWaiting} />
  return <StateBadge health="ok" word={words.onCall.beatWell} />
}

/** Programs that have to call regularly, and whether they did; nothing when there are none. */
export function HeartbeatCard() {
  const words = useWords()
  const format = useFormat()
  const beats = useHeartbeats().data?.heartbeats ?? []
  if (beats.length === 0) return null
  return (
    <Card title={words.onCall.heartbeats} count={beats.length}>
      <div className="stack">
        {beats.map((beat) => (
          <div key={beat.name}>
            <BeatBadge beat={beat} /> <span className="strong">{beat.name}</span>{' '}
            <span className="quiet">
              {words.onCall.beatEvery({ span: format.span(beat.intervalMs) })}
              {' · '}
              {beat.lastTimeMs === undefined ? (
                words.onCall.beatNever
              ) : (
                <Age timeMs={beat.lastTimeMs} />
              )}
            </span>
          </div>
        ))}
      </div>
    </Card>
  )
}
