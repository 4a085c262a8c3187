/** Every kind of channel, in the order of the alphabet. A test checks that the list equals the folder. */

import type { ChannelKind } from './channel.ts'
import { bark } from './bark.ts'
import { dingtalk } from './dingtalk.ts'
import { dingtalkapp } from './dingtalkapp.ts'
import { discord } from './discord.ts'
import { email } from './email.ts'
import { feishu } from './feishu.ts'
import { feishuapp } from './feishuapp.ts'
import { gotify } from './gotify.ts'
import { incidentio } from './incidentio.ts'
import { jira } from './jira.ts'
import { mattermost } from './mattermost.ts'
import { msteams } from './msteams.ts'
import { msteamsv2 } from './msteamsv2.ts'
import { ntfy } from './ntfy.ts'
import { opsgenie } from './opsgenie.ts'
import { pagerduty } from './pagerduty.ts'
import { pushover } from './pushover.ts'
import { rocketchat } from './rocketchat.ts'
import { serverchan } from './serverchan.ts'
import { slack } from './slack.ts'
import { sms } from './sms.ts'
import { sns } from './sns.ts'
import { telegram } from './telegram.ts'
import { victorops } from './victorops.ts'
import { voice } from './voice.ts'
import { webex } from './webex.ts'
import { webhook } from './webhook.ts'
import { webpush } from './webpush.ts'
import { wechat } from './wechat.ts'
import { wechatofficial } from './wechatofficial.ts'
import { wecom } from './wecom.ts'

/** The kinds. */
export const allChannels: readonly ChannelKind[] = [
  bark,
  dingtalk,
  dingtalkapp,
  discord,
  email,
  feishu,
  feishuapp,
  gotify,
  incidentio,
  jira,
  mattermost,
  msteams,
  msteamsv2,
  ntfy,
  opsgenie,
  pagerduty,
  pushover,
  rocketchat,
  serverchan,
  slack,
  sms,
  sns,
  telegram,
  victorops,
  voice,
  webex,
  webhook,
  webpush,
  wechat,
  wechatofficial,
  wecom,
]
