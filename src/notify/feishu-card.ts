/**
 * The card of a message at Feishu and Lark, for robots and applications alike.
 * Source: Feishu open platform, "message card".
 */

import type { RobotText } from './merge-queue.ts'

/** A card: title, text, perhaps a picture, buttons, and who is called. */
export function makeFeishuCard(
  message: RobotText,
  more: { calls?: string; imageKey?: string | undefined } = {},
): object {
  const { calls = '', imageKey } = more
  const elements: object[] = [{ tag: 'div', text: { tag: 'lark_md', content: message.text } }]
  if (imageKey !== undefined) {
    const alt = { tag: 'plain_text', content: message.title }
    elements.push({ tag: 'img', img_key: imageKey, alt })
  }
  if (message.actions.length > 0) {
    const actions = message.actions.map(({ kind, title, url }) => ({
      tag: 'button',
      text: { tag: 'plain_text', content: title },
      type: kind === 'acknowledge' ? 'primary' : 'default',
      url,
    }))
    elements.push({ tag: 'action', actions })
  }
  if (calls !== '') elements.push({ tag: 'div', text: { tag: 'lark_md', content: calls } })
  return {
    config: { wide_screen_mode: true },
    header: {
      title: { tag: 'plain_text', content: message.title },
      template: message.status === 'firing' ? 'red' : 'green',
    },
    elements,
  }
}
