/** The store's part of the configuration. */

import { bytesOr, durationOr, type SettingsOf, type SettingsPart, z } from '../config/schema.ts'

const store = z
  .strictObject({
    retention: durationOr(
      '15d',
      'How long samples and log lines are kept; whole days are removed.',
    ),
    memory_window: durationOr(
      '2h',
      'How much of the newest data is kept in memory, where rules and recent queries read it.',
    ),
    memory_size_max: bytesOr(
      '512MiB',
      'Limit of the samples in memory; beyond it the window gets shorter.',
    ),
    read_cache_size_max: bytesOr(
      '256MiB',
      'Limit of the older samples that are kept in memory after a query read them from the engine.',
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
    flush_interval: durationOr('5m', 'How often the journal is brought into the engine.'),
  })
  .meta({ description: 'Where and how long samples, log lines and records are kept.' })

/** Described settings of `store/`. */
export const storeSettings = {
  global: {},
  top: { store: store.prefault({}) },
} satisfies SettingsPart

/** The store's settings as read. */
export type StoreSettings = SettingsOf<typeof storeSettings>
