/**
 * Targets listed at an address (`http_sd_configs`): a JSON list of `{targets: […], labels: {…}}`, asked
 * for at an interval. While the address fails, or says what cannot be used, the last good list stays.
 * Source: prometheus/prometheus docs/http_sd.md.
 */

import type { Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error.ts'
import { redactUrl } from '../../base/http-client.ts'
import { checkConfig, parseYaml } from '../../config/config.ts'
import { z } from '../../config/schema.ts'
import { collectErrors } from '../errors.ts'
import type { HttpAccess } from '../http-access.ts'
import type { TargetGroup } from './discover.ts'
import { RefreshingDiscovery } from './refresh.ts'
import { type HttpDiscoverySettings, targetGroup } from './settings.ts'
import { makeTargetGroup } from './static.ts'

/** A list of 100,000 targets has about 5 MB. */
const listBytesMax = 32 * 1024 * 1024
/** Patience with the address at most, however long the interval. */
const patienceMsMax = 30_000

const listSchema = z.array(targetGroup)

/** `http_sd_configs`. */
export class HttpDiscovery extends RefreshingDiscovery {
  constructor(parts: {
    settings: HttpDiscoverySettings
    access: HttpAccess
    clock: Clock
    version: string
  }) {
    const { settings, access, clock, version } = parts
    const ask = () => askList(settings, access, version)
    super({ entries: [ask], refreshMs: settings.refresh_interval, clock })
  }
}

async function askList(
  settings: HttpDiscoverySettings,
  access: HttpAccess,
  version: string,
): Promise<TargetGroup[]> {
  const { url, refresh_interval: refreshMs } = settings
  const shown = redactUrl(url)
  const refuse = (reason: string): never => {
    throw collectErrors.DISCOVERY_FAILED({ place: shown, reason })
  }
  const reply = await access.get({
    url,
    headers: {
      accept: 'application/json',
      'user-agent': `Shipwatch/${version}`,
      'x-prometheus-refresh-interval-seconds': String(refreshMs / 1000),
    },
    timeoutMs: Math.min(refreshMs, patienceMsMax),
    bodyBytesMax: listBytesMax,
  })
  if (reply.status !== 200) refuse(`server returned HTTP status ${reply.status}`)
  const type = (reply.headers['content-type'] ?? '').trim()
  if (!/^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i.test(type)) {
    refuse(`unsupported content type "${type.slice(0, 100)}"`)
  }
  const text = reply.body.toString('utf8')
  try {
    JSON.parse(text)
  } catch (thrown) {
    refuse(messageOf(thrown))
  }
  // JSON is read as YAML too, for the places in the error texts.
  return checkConfig(parseYaml(text, shown), listSchema, { isJson: true }).map((group, index) =>
    makeTargetGroup(`${url}:${index}`, group, ['__meta_url', url]),
  )
}
