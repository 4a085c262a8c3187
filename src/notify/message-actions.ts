/** What a reader can do from a message: take the matter on, look at it, silence it. */

import type { Notification } from './notification.ts'
import type { MessageWords } from './words.ts'

/** A button or link of a message. */
export interface MessageAction {
  kind: 'acknowledge' | 'open' | 'silence'
  title: string
  url: string
}

/** The actions of a message, the first the most wanted. */
export function listActions(notification: Notification, words: MessageWords): MessageAction[] {
  const { acknowledge, background, status, externalUrl } = notification
  const actions: MessageAction[] = []
  if (acknowledge !== undefined && acknowledge.acknowledgedBy === '' && status === 'firing')
    actions.push({ kind: 'acknowledge', title: words.acknowledge, url: acknowledge.url })
  if (background !== undefined) {
    const title = `${words.incident} #${background.incidentNumber}`
    actions.push({ kind: 'open', title, url: background.url })
  }
  const firing = notification.alerts.find((alert) => alert.state === 'firing')
  if (firing !== undefined && /^https?:\/\//.test(externalUrl)) {
    const url = `${externalUrl}/alerts?silence=${firing.fingerprint}`
    actions.push({ kind: 'silence', title: words.silence, url })
  }
  return actions
}
