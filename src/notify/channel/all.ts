/** Every kind of channel, in the order of the alphabet. A test checks that the list equals the folder. */

import type { ChannelKind } from './channel.ts'
import { dingtalk } from './dingtalk.ts'
import { email } from './email.ts'
import { webhook } from './webhook.ts'

/** The kinds. */
export const allChannels: readonly ChannelKind[] = [dingtalk, email, webhook]
