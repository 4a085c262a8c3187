/** Every kind of channel, in the order of the alphabet. A test checks that the list equals the folder. */

import type { ChannelKind } from './channel.ts'
import { dingtalk } from './dingtalk.ts'
import { discord } from './discord.ts'
import { email } from './email.ts'
import { feishu } from './feishu.ts'
import { msteamsv2 } from './msteamsv2.ts'
import { opsgenie } from './opsgenie.ts'
import { pagerduty } from './pagerduty.ts'
import { pushover } from './pushover.ts'
import { slack } from './slack.ts'
import { telegram } from './telegram.ts'
import { webhook } from './webhook.ts'
import { wechat } from './wechat.ts'
import { wecom } from './wecom.ts'

/** The kinds. */
export const allChannels: readonly ChannelKind[] = [
  dingtalk,
  discord,
  email,
  feishu,
  msteamsv2,
  opsgenie,
  pagerduty,
  pushover,
  slack,
  telegram,
  webhook,
  wechat,
  wecom,
]
