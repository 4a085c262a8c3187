/** Whom a step reaches, and when: each person by their own rules and quiet hours, receivers at once. */

import type { Alert } from '../../model/alert.ts'
import { matchesAll } from '../../model/matcher.ts'
import type { PageDelivery } from '../../model/page.ts'
import { type OnCall, oncallErrors, type PolicySettings } from '../../oncall/oncall.ts'
import { parseMatchers } from '../matcher-text.ts'
import {
  addDeliveries,
  type DueStep,
  makeDelivery,
  note,
  noteStep,
  type PageTurn,
} from './page-turn.ts'

/** Notes a step and adds its messages to the page. */
export function planStep(
  turn: PageTurn,
  due: DueStep,
  around: { oncall: OnCall; policy: PolicySettings; alerts: readonly Alert[] },
): void {
  const { oncall, policy, alerts } = around
  const target = oncall.targetOf(due.step, turn.nowTimeMs)
  noteStep(turn, due, { target, isLast: due.number === policy.steps.length })
  const deliveries = target.receivers.map((receiver) =>
    makeDelivery(turn, { person: '', receiver, kind: 'page', step: due.number, afterMs: 0 }),
  )
  for (const person of target.people) {
    const own = listRules(turn, person, { oncall, step: due.number })
    delayForQuiet(turn, own, { oncall, alerts })
    deliveries.push(...own)
  }
  addDeliveries(turn.page, deliveries)
}

/** The messages of a page that is given to a person by hand; their quiet hours do not count. */
export function planAssignment(turn: PageTurn, person: string, oncall: OnCall): PageDelivery[] {
  if (oncall.findPerson(person) === undefined) throw oncallErrors.PERSON_UNKNOWN({ person })
  return listRules(turn, person, { oncall, step: 0 })
}

/** One message for each rule of a person; each way at once without rules. */
function listRules(
  turn: PageTurn,
  name: string,
  { oncall, step }: { oncall: OnCall; step: number },
): PageDelivery[] {
  const person = oncall.findPerson(name)
  if (person === undefined) return []
  if (!turn.page.people.includes(name)) turn.page.people.push(name)
  const rules =
    person.notification_rules ?? person.contacts.map(({ name: contact }) => ({ after: 0, contact }))
  return rules.flatMap(({ after, contact }) => {
    const receiver = person.contacts.find((one) => one.name === contact)?.receiver
    if (receiver === undefined) return []
    return makeDelivery(turn, { person: name, receiver, kind: 'page', step, afterMs: after })
  })
}

function delayForQuiet(
  turn: PageTurn,
  deliveries: readonly PageDelivery[],
  { oncall, alerts }: { oncall: OnCall; alerts: readonly Alert[] },
): void {
  const [first] = deliveries
  if (first === undefined || isException(first.person, { oncall, alerts })) return
  for (const delivery of deliveries) {
    const endTimeMs = oncall.quietUntil(delivery.person, delivery.dueTimeMs)
    if (endTimeMs === undefined) continue
    delivery.dueTimeMs = endTimeMs
    const until = new Date(endTimeMs).toISOString()
    const reason = `${delivery.person} over ${delivery.receiver} waits for quiet hours to end at ${until}.`
    note(turn, { action: 'quiet', reason })
  }
}

/** Whether one of the alerts is among those that quiet hours do not keep back. */
function isException(
  name: string,
  { oncall, alerts }: { oncall: OnCall; alerts: readonly Alert[] },
): boolean {
  const texts = oncall.findPerson(name)?.quiet_hours?.except ?? []
  return texts.some((text) => {
    const matchers = parseMatchers(text)
    return alerts.some((alert) => matchesAll(matchers, alert.labels))
  })
}
