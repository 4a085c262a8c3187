/** Settings of the ways to discover targets, under Prometheus's own keys. */

import { durationOr, labelMap, z } from '../../config/schema.ts'
import { httpShape, refuseMixedHttp } from '../../config/http-settings.ts'
import { bearerShape, refuseMixedBearer } from '../bearer-settings.ts'

/** One group of `static_configs`; files and addresses of target lists hold a list of the same. */
export const targetGroup = z.strictObject({
  targets: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: 'Addresses as host:port.', typeText: 'list' }),
  labels: labelMap('Labels of all targets of the group.').default({}),
})

/** One entry of `file_sd_configs`. */
export const fileDiscovery = z.strictObject({
  files: z
    .array(
      z.string().regex(/^[^*]*(?:\*[^/]*)?\.(?:json|ya?ml)$/i, {
        error: 'must end in .json, .yml or .yaml and may have one * in its last part',
      }),
    )
    .min(1)
    .meta({ description: 'Files of target groups; one * in the last part.', typeText: 'list' }),
  refresh_interval: durationOr(
    '5m',
    'How often files are read again even if they did not change; changes are seen within 5 s.',
  ),
})

const refreshInterval = (defaultText: string) =>
  durationOr(defaultText, 'How often the list is asked for again.').refine((span) => span > 0, {
    error: 'must be above 0',
  })

/** One entry of `http_sd_configs`. */
export const httpDiscovery = z
  .strictObject({
    url: z.url({ protocol: /^https?$/, error: 'must be an address of http or https' }).meta({
      description: 'Where the list of target groups is, in JSON.',
      typeText: 'string',
    }),
    refresh_interval: refreshInterval('1m'),
    ...httpShape,
    ...bearerShape,
  })
  .superRefine(refuseMixedHttp)
  .superRefine(refuseMixedBearer)

/** One entry of `dns_sd_configs`. */
export const dnsDiscovery = z
  .strictObject({
    names: z
      .array(z.string().min(1))
      .min(1)
      .meta({ description: 'Names to look up.', typeText: 'list' }),
    type: z
      .preprocess(
        (value) => (typeof value === 'string' ? value.toUpperCase() : value),
        z.enum(['SRV', 'A', 'AAAA', 'MX', 'NS']),
      )
      .default('SRV')
      .meta({ description: 'Type of the records.', defaultText: 'SRV', typeText: 'string' }),
    port: z.number().int().min(0).max(65_535).optional().meta({
      description: 'Port of the targets; SRV records bring their own.',
      typeText: 'number',
    }),
    refresh_interval: refreshInterval('30s'),
  })
  .refine((config) => config.type === 'SRV' || config.port !== undefined, {
    error: 'a port is required in DNS-SD configs for all record types except SRV',
    path: ['port'],
  })

/** One entry of `http_sd_configs`, checked. */
export type HttpDiscoverySettings = z.output<typeof httpDiscovery>
/** One entry of `dns_sd_configs`, checked. */
export type DnsDiscoverySettings = z.output<typeof dnsDiscovery>
