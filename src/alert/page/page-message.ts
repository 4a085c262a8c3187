/** Messages of pages: what is told to a person or receiver, and how they can answer. */

import { type Labels, labelsFromPairs } from '../../model/labels.ts'
import type { Alert } from '../../model/alert.ts'
import type { Page, PageDelivery } from '../../model/page.ts'
import type { Notification } from '../../notify/notify.ts'
import { findCommon } from '../../model/common-labels.ts'

/** How the reader of a message can act. */
export type AcknowledgeOffer = NonNullable<Notification['acknowledge']>

/** What a message is made of. */
export interface PageMessageParts {
  page: Page
  delivery: PageDelivery
  alerts: readonly Alert[]
  background: Notification['background']
  externalUrl: string
  acknowledge: AcknowledgeOffer | undefined
  /** Language and clocks of the person whom it is for. */
  reader?: Pick<Notification, 'language' | 'timeZone'>
}

/** The message of a delivery. */
export function makePageMessage(parts: PageMessageParts): Notification {
  const { page, delivery, alerts } = parts
  const isEnd = delivery.kind === 'end'
  return {
    groupKey: page.groupKey,
    status: isEnd ? 'resolved' : 'firing',
    reason: reasonOf(page, delivery),
    receiver: delivery.receiver,
    groupLabels: groupLabelsOf(page),
    commonLabels: findCommon(alerts.map((alert) => alert.labels)),
    commonAnnotations: findCommon(alerts.map((alert) => alert.annotations)),
    alerts: alerts.map((alert) => ({ ...alert, state: isEnd ? 'resolved' : 'firing' })),
    background: parts.background,
    externalUrl: parts.externalUrl,
    ...(delivery.person === '' ? {} : { person: delivery.person }),
    ...parts.reader,
    ...(parts.acknowledge === undefined || isEnd ? {} : { acknowledge: parts.acknowledge }),
  }
}

function reasonOf(page: Page, delivery: PageDelivery): string {
  if (delivery.kind === 'end') return 'page resolved'
  if (delivery.step === 0) return 'page assigned'
  const round = page.round === 0 ? '' : `, round ${page.round + 1}`
  return `page: ${page.policy}, step ${delivery.step}${round}`
}

function groupLabelsOf(page: Page): Labels {
  return labelsFromPairs(page.labels.flat())
}
