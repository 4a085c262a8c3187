/**
 * Settings of collecting: `scrape_configs` and its part of `global` under Prometheus's own keys, the
 * host agent, and the log files to follow. Keys that Prometheus knows and we do not support yet are
 * refused by name, so that nobody believes in a setting that does nothing.
 */

import {
  bytesOr,
  duration,
  durationOr,
  flagOr,
  labelMap,
  numberOr,
  type SettingsOf,
  type SettingsPart,
  text,
  textOr,
  z,
} from '../config/schema.ts'
import { prepareShape, relabelConfig } from '../prepare/prepare.ts'
import { bearerShape, refuseMixedBearer } from './bearer-settings.ts'
import { dnsDiscovery, fileDiscovery, httpDiscovery, targetGroup } from './discover/settings.ts'
import { httpShape, refuseMixedHttp } from '../config/http-settings.ts'
import { translationStrategies } from './receive/otlp/name.ts'
import { statsdSettings } from './receive/statsd-settings.ts'

/** Formats that a target may be asked for, under Prometheus's names. */
const scrapeProtocols = [
  'PrometheusProto',
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
] as const
/** One of `scrapeProtocols`. */
export type ScrapeProtocol = (typeof scrapeProtocols)[number]

/** A key of Prometheus that is refused, with the reason. */
function unsupported(what: string) {
  return z
    .unknown()
    .refine((value) => value === undefined, {
      error: `not supported yet: ${what}; remove the key until it is`,
    })
    .optional()
    .meta({ description: `Not supported yet: ${what}.`, typeText: 'refused' })
}

function unsupportedKeys(table: Record<string, string>): Record<string, z.ZodType<unknown>> {
  const shape: Record<string, z.ZodType<unknown>> = {}
  for (const [key, what] of Object.entries(table)) shape[key] = unsupported(what)
  return shape
}

const scrapeProtocol = z.string().superRefine((value, context) => {
  if ((scrapeProtocols as readonly string[]).includes(value)) return
  context.addIssue({
    code: 'custom',
    message: `"${value}" is not a scrape protocol; write one of ${scrapeProtocols.join(', ')}`,
  })
}) as unknown as z.ZodType<ScrapeProtocol>

const scrapeProtocolList = z
  .array(scrapeProtocol)
  .min(1)
  .refine((list) => new Set(list).size === list.length, {
    error: 'duplicated protocol in scrape_protocols',
  })
  .optional()
  .meta({
    description:
      'Formats to ask for, the best first; all text formats unless given, and PrometheusProto before them with scrape_native_histograms.',
    typeText: 'list',
  })

const limit = (description: string) =>
  z.number().int().nonnegative().optional().meta({ description, typeText: 'number' })

const discoveryNames =
  'aws azure consul digitalocean docker dockerswarm ec2 eureka gce hetzner ionos kubernetes kuma lightsail linode marathon nerve nomad openstack outscale ovhcloud puppetdb scaleway serverset stackit triton uyuni vultr'

const unsupportedDiscoveries: Record<string, string> = {}
for (const name of discoveryNames.split(' ')) {
  unsupportedDiscoveries[`${name}_sd_configs`] = `target discovery by ${name}`
}

const flag = (description: string) =>
  z.boolean().optional().meta({ description, typeText: 'boolean' })

/** Adds what is wrong with a pair of schemes. */
function refuseMixedSchemes(
  config: {
    metric_name_validation_scheme?: string | undefined
    metric_name_escaping_scheme?: string | undefined
  },
  context: z.core.$RefinementCtx,
): void {
  const isLegacy = config.metric_name_validation_scheme === 'legacy'
  if (!isLegacy || config.metric_name_escaping_scheme !== 'allow-utf-8') return
  context.addIssue({
    code: 'custom',
    path: ['metric_name_escaping_scheme'],
    message: 'utf8 metric names requested but validation scheme is not set to UTF8',
  })
}

/** Keys that a job has, and `global` for all jobs. */
const inherited = {
  scrape_protocols: scrapeProtocolList,
  scrape_native_histograms: flag('Asks for native histograms and keeps them; off unless given.'),
  always_scrape_classic_histograms: flag(
    'Keeps the classic buckets of a histogram that has native ones too.',
  ),
  convert_classic_histograms_to_nhcb: flag(
    'Keeps classic histograms as native ones with custom buckets.',
  ),
  metric_name_validation_scheme: z.enum(['utf8', 'legacy']).optional().meta({
    description:
      'Names that are valid: all UTF-8, or letters, digits, _ and : alone; utf8 unless given. That of global holds for receivers too.',
  }),
  metric_name_escaping_scheme: z
    .enum(['allow-utf-8', 'underscores', 'dots', 'values'])
    .optional()
    .meta({
      description:
        'How targets are asked to write names: as they are, or escaped; underscores with the legacy scheme, else allow-utf-8.',
    }),
  scrape_failure_log_file: text(
    'File to which each failed scrape is written as a line of JSON.',
  ).optional(),
  keep_dropped_targets: limit(
    'Targets dropped by relabeling that are shown at most; 0 or nothing means the product’s own limit.',
  ),
}

const limits = {
  body_size_limit: bytesOr(
    '64MiB',
    'Bytes of a page after decompression at most; 0 means the default.',
  ),
  sample_limit: limit('Samples of a page after relabeling at most; 0 means no limit.'),
  label_limit: limit('Labels of a sample at most; 0 means no limit.'),
  label_name_length_limit: limit('Bytes of a label name at most; 0 means no limit.'),
  label_value_length_limit: limit('Bytes of a label value at most; 0 means no limit.'),
  target_limit: limit(
    'Targets of a job after relabeling at most; beyond it all of them fail. 0 means no limit.',
  ),
  extra_scrape_metrics: z.boolean().optional().meta({
    description:
      'Also writes scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes per target.',
    typeText: 'boolean',
  }),
}

const scrapeConfig = z
  .strictObject({
    job_name: z
      .string()
      .min(1)
      .meta({ description: 'Name of the job, unique; becomes the label job.' }),
    scrape_interval: duration('Time from scrape to scrape; global when left out.').optional(),
    scrape_timeout: duration('Patience of one scrape; global when left out.').optional(),
    metrics_path: textOr('/metrics', 'Path of the page.'),
    scheme: z
      .enum(['http', 'https'])
      .default('http')
      .meta({ description: 'Protocol of the scrape.', defaultText: 'http' }),
    params: z
      .record(z.string(), z.array(z.string()))
      .default({})
      .meta({ description: 'Parameters of the address.', typeText: 'mapping of lists' }),
    honor_labels: flagOr(
      false,
      'Keeps labels of the page when they clash with those of the target.',
    ),
    honor_timestamps: flagOr(true, 'Keeps timestamps that the page gives.'),
    track_timestamps_staleness: flagOr(
      false,
      'Ends series at once also when the page gave them timestamps.',
    ),
    enable_compression: flagOr(true, 'Asks the target for gzip.'),
    series_limit: limit(
      'Series of the job in memory at most, in place of the limit for every source; 0 means no limit.',
    ),
    native_histogram_bucket_limit: limit(
      'Buckets of a native histogram at most; those with more are made coarser, and the scrape fails where that does not help. 0 means no limit.',
    ),
    native_histogram_min_bucket_factor: z.number().nonnegative().optional().meta({
      description:
        'Growth from bucket to bucket at least; finer native histograms are made coarser.',
      typeText: 'number',
    }),
    fallback_scrape_protocol: scrapeProtocol
      .optional()
      .meta({ description: 'Format of pages that come without a usable Content-Type.' }),
    ...inherited,
    ...limits,
    body_size_limit: limits.body_size_limit.unwrap().optional().meta({
      description: 'Bytes of a page after decompression at most; global when left out.',
      typeText: 'size',
    }),
    ...httpShape,
    ...bearerShape,
    static_configs: z.array(targetGroup).default([]).meta({ description: 'Targets given here.' }),
    file_sd_configs: z
      .array(fileDiscovery)
      .default([])
      .meta({ description: 'Targets given in files, read again when they change.' }),
    http_sd_configs: z
      .array(httpDiscovery)
      .default([])
      .meta({ description: 'Targets listed at an address.' }),
    dns_sd_configs: z
      .array(dnsDiscovery)
      .default([])
      .meta({ description: 'Targets found in DNS.' }),
    relabel_configs: z
      .array(relabelConfig)
      .default([])
      .meta({ description: 'Rules applied to the labels of a target before it is scraped.' }),
    metric_relabel_configs: z
      .array(relabelConfig)
      .default([])
      .meta({ description: 'Rules applied to the labels of every sample.' }),
    ...unsupportedKeys(unsupportedDiscoveries),
  })
  .superRefine((config, context) => {
    refuseMixedHttp(config, context)
    refuseMixedBearer(config, context)
    refuseMixedSchemes(config, context)
    if (config.scrape_interval === 0) {
      context.addIssue({ code: 'custom', path: ['scrape_interval'], message: 'must be above 0' })
    }
    if (
      config.scrape_interval !== undefined &&
      config.scrape_timeout !== undefined &&
      config.scrape_timeout > config.scrape_interval
    ) {
      context.addIssue({
        code: 'custom',
        path: ['scrape_timeout'],
        message: `scrape timeout greater than scrape interval for scrape config with job name "${config.job_name}"`,
      })
    }
  })

const logFiles = z.strictObject({
  paths: z
    .array(z.string().min(1))
    .min(1)
    .meta({ description: 'Files to follow; * and ** as in a shell.', typeText: 'list' }),
  exclude: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: 'Files to leave out, in the same form.', typeText: 'list' }),
  service: text('Service that writes the files; becomes the label service_name.').optional(),
  labels: labelMap('Labels of the lines.').default({}),
  start_at: z.enum(['end', 'beginning']).default('end').meta({
    description: 'Where to begin with a file that is older than our first look at it.',
    defaultText: 'end',
  }),
  join_lines: flagOr(
    false,
    'Joins stack traces: lines that begin with a blank, "at " or "Caused by" belong to the line before.',
  ),
  line_size_limit: bytesOr('256KiB', 'Bytes of a line at most; what is longer is cut.'),
})

const haTracker = z
  .strictObject({
    enabled: flagOr(false, 'Takes one replica of each cluster and leaves the others out.'),
    cluster_label: textOr('cluster', 'External label that senders of the same share.'),
    replica_label: textOr('__replica__', 'External label that tells them apart; it is not kept.'),
    failover_timeout: durationOr('30s', 'Silence after which another replica is taken.'),
  })
  .prefault({})
  .meta({ description: 'Pairs of Prometheus servers that send the same by remote write.' })

const attributeList = (description: string) =>
  z.array(z.string().min(1)).default([]).meta({ description, typeText: 'list' })

const otlp = z
  .strictObject({
    grpc_listen: textOr(
      '127.0.0.1:4317',
      'Where OTLP over gRPC is taken, as address:port; "" for nowhere. When the port is taken, Shipwatch warns and goes on without.',
    ).refine((value) => value === '' || /^[^\s]*:\d{1,5}$/.test(value), {
      error: 'must be an address and a port such as 127.0.0.1:4317',
    }),
    translation_strategy: z
      .enum(translationStrategies)
      .default('UnderscoreEscapingWithSuffixes')
      .meta({
        description: 'How names of OpenTelemetry become names of Prometheus.',
        defaultText: 'UnderscoreEscapingWithSuffixes',
      }),
    promote_resource_attributes: attributeList(
      'Attributes of resources that become labels of every series.',
    ),
    promote_all_resource_attributes: flagOr(
      false,
      'Makes labels of all attributes of resources, less those ignored.',
    ),
    ignore_resource_attributes: attributeList(
      'Attributes of resources that do not become labels when all are promoted.',
    ),
    keep_identifying_resource_attributes: flagOr(
      false,
      'Keeps service.name, service.namespace and service.instance.id in target_info beside job and instance.',
    ),
    promote_scope_metadata: flagOr(
      true,
      'Adds name, version, schema URL and attributes of the scope as otel_scope_… labels; without them, scopes that use one metric name overwrite each other.',
    ),
    convert_histograms_to_nhcb: flagOr(
      false,
      'Keeps histograms with explicit bounds as native histograms with custom buckets.',
    ),
    allow_delta_temporality: flagOr(
      false,
      'Keeps deltas as they come. Otherwise they are summed up, so that rate() and its kin can read them.',
    ),
    label_name_underscore_sanitization: flagOr(
      true,
      'Puts "key" before names of labels that begin with one underscore.',
    ),
    label_name_preserve_multiple_underscores: flagOr(
      true,
      'Makes an underscore of each character that a name of a label cannot have; otherwise one of several in a row.',
    ),
  })
  .superRefine((config, context) => {
    const { promote_all_resource_attributes: isAll } = config
    if (isAll && config.promote_resource_attributes.length > 0) {
      context.addIssue({
        code: 'custom',
        path: ['promote_resource_attributes'],
        message:
          "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously",
      })
    }
    if (!isAll && config.ignore_resource_attributes.length > 0) {
      context.addIssue({
        code: 'custom',
        path: ['ignore_resource_attributes'],
        message:
          "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true",
      })
    }
  })
  .prefault({})
  .meta({ description: 'How metrics of OpenTelemetry are taken.' })

/** A list of scrape jobs whose names differ. */
export const scrapeConfigs = z
  .array(scrapeConfig)
  .default([])
  .superRefine((configs, context) => {
    const names = new Set<string>()
    configs.forEach((config, index) => {
      if (names.has(config.job_name)) {
        context.addIssue({
          code: 'custom',
          path: [index, 'job_name'],
          message: `found multiple scrape configs with job name "${config.job_name}"`,
        })
      }
      names.add(config.job_name)
    })
  })
  .meta({ description: 'What to scrape, as in prometheus.yml.' })

/** Collecting's part of the configuration. */
export const collectSettings = {
  global: {
    scrape_interval: durationOr('1m', 'Time from scrape to scrape of a target.'),
    scrape_timeout: durationOr('10s', 'Patience of one scrape.'),
    external_labels: labelMap(
      'Labels that name this installation to others: on alerts and federated series.',
    ).default({}),
    ...inherited,
    ...limits,
    ...unsupportedKeys({ query_log_file: 'a log file of queries' }),
  },
  top: {
    scrape_configs: scrapeConfigs,
    series_limit: numberOr(
      2_000_000,
      { min: 0, max: 1_000_000_000 },
      'Series in memory that one source (a scrape job, or a receiver) may bring; of what is beyond it, new series are not kept, and the Sources page says which label explodes. 0 means no limit.',
    ),
    host_agent: z
      .strictObject({
        enabled: flagOr(true, 'Watches the machine that Shipwatch runs on.'),
        interval: durationOr('5s', 'Time from reading to reading.'),
        process_count: numberOr(
          10,
          { min: 0, max: 100 },
          'How many of the busiest process names get series of their own.',
        ),
      })
      .prefault({})
      .meta({ description: 'The agent for the machine itself, under the names of node_exporter.' }),
    logs: z
      .strictObject({
        files: z.array(logFiles).default([]).meta({ description: 'Log files to follow.' }),
      })
      .prefault({})
      .meta({ description: 'Where logs come from beside the push receivers.' }),
    otlp,
    statsd: statsdSettings,
    ha_tracker: haTracker,
    ...prepareShape,
    scrape_config_files: z.array(z.string().min(1)).default([]).meta({
      description:
        'Files with scrape_configs of their own; * as in a shell. Read at start and reload.',
      typeText: 'list',
    }),
    ...unsupportedKeys({
      remote_write: 'sending samples on',
      remote_read: 'reading samples of others',
    }),
  },
} satisfies SettingsPart

/** Collecting's settings, checked. */
export type CollectSettings = SettingsOf<typeof collectSettings>
/** One scrape job, checked. */
export type ScrapeConfig = CollectSettings['scrape_configs'][number]
/** One group of followed log files, checked. */
export type LogFilesConfig = CollectSettings['logs']['files'][number]
/** Of several senders of the same which to take, checked. */
export type HaSettings = CollectSettings['ha_tracker']
