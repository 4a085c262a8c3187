/** The store's part of the configuration. */

import { parseBytes } from '../base/bytes.ts'
import {
  bytesOr,
  duration,
  durationOr,
  secret,
  type SettingsOf,
  type SettingsPart,
  z,
} from '../config/schema.ts'

/** An amount of disk: a size, or a part of the file system. */
export type Space = { bytes: number } | { share: number }

/** The bytes of a space on a file system of `totalBytes`; `undefined` while that is not known. */
export function spaceBytes(space: Space, totalBytes: number): number | undefined {
  if ('bytes' in space) return space.bytes
  return totalBytes === 0 ? undefined : space.share * totalBytes
}

/** A size such as `20GiB`, or a share such as `80%`. */
const space = z
  .union([z.string(), z.number().int().nonnegative()])
  .transform((value, context): Space => {
    const share = /^(\d{1,2}(?:\.\d+)?)\s*%$/.exec(String(value))
    if (share !== null) return { share: Number(share[1]) / 100 }
    const bytes = typeof value === 'number' ? value : parseBytes(value)
    if (bytes !== undefined) return { bytes }
    context.addIssue({
      code: 'custom',
      message: `"${value}" is neither a size nor a share; write for example 20GiB or 80%`,
    })
    return z.NEVER
  })

const store = z
  .strictObject({
    retention: durationOr(
      '15d',
      'How long samples and log lines are kept; whole days are removed.',
    ),
    telemetry_url: secret(
      'A ClickHouse server that keeps samples and log lines in place of the embedded engine, such as http://user:password@host:8123/shipwatch; the database is made where it is missing. Read at start.',
    )
      .refine((url) => /^https?:$/.test(URL.parse(url.reveal())?.protocol ?? ''), {
        message: 'it is not an address such as http://user:password@host:8123/shipwatch',
      })
      .optional(),
    retention_size: space.default({ bytes: 0 }).meta({
      description:
        'How much the engine and the journal may take; beyond it the oldest days are removed, whole, but never today. 0 is no limit; a share such as 80% is of the file system.',
      typeText: 'size | share',
      defaultText: '0',
    }),
    disk_free_min: space.optional().meta({
      description:
        'Free space below which new data is refused, to be sent again later; as a size or a share such as 5%.',
      typeText: 'size | share',
      defaultText: '1GiB, or 5% of a smaller file system',
    }),
    disk_pressure: z.enum(['refuse', 'drop_oldest']).default('refuse').meta({
      description:
        'What happens below disk_free_min: only refuse new data, or also remove the oldest days until there is room.',
      defaultText: 'refuse',
    }),
    memory_window: durationOr(
      '2h',
      'How much of the newest data is kept in memory, where rules and recent queries read it.',
    ),
    memory_size_max: bytesOr(
      '512MiB',
      'Limit of the samples in memory; beyond it the window gets shorter.',
    ),
    out_of_order_window: duration(
      'How far a sample may be behind the newest of its series; 0 takes samples in order only. A series without newer ones takes any within the retention.',
      'retention',
    ).optional(),
    late_memory_size_max: bytesOr(
      '64MiB',
      'Limit of the late samples that wait in memory for the engine; beyond it they wait in the journal, unreadable until then.',
    ),
    read_cache_size_max: bytesOr(
      '256MiB',
      'Limit of the older samples that are kept in memory, packed, after a query read them from the engine.',
    ),
    log_memory_size_max: bytesOr(
      '64MiB',
      'Limit of the log lines in memory; beyond it they are brought to the engine early.',
    ),
    exemplar_count_max: z.int().min(0).max(10_000_000).default(100_000).meta({
      description:
        'How many exemplars are kept, of all series together; the oldest are overwritten. 0 keeps none.',
    }),
    journal_sync: z
      .union([z.literal('always'), durationOr('1s', 'The interval.')])
      .default(1_000)
      .meta({
        description:
          'When the journal is forced to the disk: an interval, or always before a batch is acknowledged.',
        typeText: 'duration | always',
        defaultText: '1s',
      }),
    journal_segment_size: bytesOr('64MiB', 'Size at which a journal file is closed and flushed.'),
    journal_size_max: bytesOr(
      '2GiB',
      'Limit of the journal; beyond it, because the engine does not take it, new data is refused.',
    ),
    flush_interval: durationOr(
      '5m',
      'How often log lines are brought into the engine, and samples that came late; the others follow hour by hour.',
    ),
  })
  .meta({ description: 'Where and how long samples, log lines and records are kept.' })

/** Described settings of `store/`. */
export const storeSettings = {
  global: {},
  top: { store: store.prefault({}) },
} satisfies SettingsPart

/** The store's settings as read. */
export type StoreSettings = SettingsOf<typeof storeSettings>
