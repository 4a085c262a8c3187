/** Names that on-call settings use and only alerting can look up: receivers, policies, matchers. */

import { messageOf } from '../base/error.ts'
import type { Notifier } from '../notify/notify.ts'
import type { OnCallSettings } from '../oncall/oncall.ts'
import { alertErrors } from './errors.ts'
import { parseMatchers } from './matcher-text.ts'

/** Throws `ALERT_RECEIVER_UNKNOWN`, `ALERT_POLICY_UNKNOWN`, `ALERT_MATCHER_INVALID`. */
export function checkPaging(settings: OnCallSettings, notifier: Notifier): void {
  const checkReceiver = (receiver: string, route: string): void => {
    if (!notifier.has(receiver)) throw alertErrors.RECEIVER_UNKNOWN({ receiver, route })
  }
  for (const { name, contacts, quiet_hours } of settings.people) {
    for (const contact of contacts)
      checkReceiver(contact.receiver, `contact "${contact.name}" of person "${name}"`)
    for (const text of quiet_hours?.except ?? []) checkMatcher(text, `quiet_hours of "${name}"`)
  }
  for (const { name, steps } of settings.escalation_policies) {
    for (const [index, step] of steps.entries()) {
      const place = `step ${index + 1} of policy "${name}"`
      for (const receiver of [step.receiver ?? [], step.also ?? []].flat())
        checkReceiver(receiver, place)
    }
  }
  const policies = new Set(settings.escalation_policies.map(({ name }) => name))
  for (const receiver of notifier.receivers()) {
    const policy = notifier.escalationPolicy(receiver)
    if (policy !== undefined && !policies.has(policy))
      throw alertErrors.POLICY_UNKNOWN({ policy, place: `receiver "${receiver}"` })
  }
}

function checkMatcher(text: string, place: string): void {
  try {
    parseMatchers(text)
  } catch (thrown) {
    throw alertErrors.MATCHER_INVALID({ text, place, reason: messageOf(thrown) })
  }
}
