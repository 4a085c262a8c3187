/**
 * What reading a page line by line looks like to the scrape loop, whatever the format: a cursor whose
 * fields are the current series. The bytes `view[seriesStart, seriesEnd)` name the series; a table of
 * them tells those seen before, so that their labels are not read again.
 */

import type { Histogram } from '../../model/histogram.ts'

/** One observation that a page gives beside a sample. */
export interface PageExemplar {
  /** `[name, value, …]` */
  labels: string[]
  value: number
  timeMs: number | undefined
}

/** What a line of metadata is about. */
export type MetadataKind = 'type' | 'help' | 'unit'

/** What `next` found; `known` is metadata seen before. */
export type PageItem = 'sample' | 'histogram' | MetadataKind | 'known' | 'end'

/** A cursor over one page. */
export interface PageReader {
  /** Place of the current entry, from 1, for messages. */
  readonly line: number
  readonly view: DataView
  readonly seriesStart: number
  readonly seriesEnd: number
  /** Entry of the series or metadata in the table, or -1. */
  readonly entry: number
  readonly value: number
  readonly hasTime: boolean
  readonly timeMs: number
  /** Of a `histogram`. */
  readonly histogram: Histogram | undefined
  readonly exemplars: readonly PageExemplar[]
  /** Of metadata. */
  readonly metric: string
  readonly text: string
  /** Moves to the next entry. Throws a coded error that names place and mistake. */
  next(): PageItem
  /** Tells that the current series was put into the table as `entry`. */
  remember(entry: number): void
  /** Puts the current metadata into the table. */
  rememberMetadata(): void
  /** Labels of the current series as `[name, value, …]`. */
  readLabels(): string[]
  /** Reads metadata that is `known` once more. */
  readKnown(): MetadataKind | undefined
}

/** Value in the table that marks metadata. */
export const metadataMark = 0xffff_fffe
