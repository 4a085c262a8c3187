/**
 * What must be remembered beside the journal: from when memory can be refilled from it, where the
 * numbering of log lines goes on, and what of the segments the engine has. Written whole or not at all.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import type { MetricMetadata } from '../model/flow.ts'

/** The remembered figures. */
export interface Checkpoint {
  /** The journal on disk has every sample from here on; `-Infinity` while nothing was deleted. */
  coveredTimeMs: number
  /** No log line had this number or a larger one when the checkpoint was written. */
  nextSequence: number
  /** The engine has the log lines of segments up to this one. */
  linesFlushedNumber: number
  /** Of which segments the engine has samples, and before which time; those that it has wholly are left out. */
  flushedSegments: readonly (readonly [number, number])[]
}

/** Line numbers of a directory without a checkpoint begin here, above any that were given earlier. */
const sequencesPerMs = 1_024

/** Reads the checkpoint of a directory, or what holds for a new one. */
export function readCheckpoint(directory: string, nowTimeMs: number, log: Log): Checkpoint {
  const fresh = {
    coveredTimeMs: Number.NEGATIVE_INFINITY,
    nextSequence: nowTimeMs * sequencesPerMs,
    linesFlushedNumber: 0,
    flushedSegments: [],
  }
  const found = readJson(join(directory, 'checkpoint.json'), log) as
    | (Partial<Omit<Checkpoint, 'coveredTimeMs'>> & { coveredTimeMs?: number | null })
    | undefined
  if (found === undefined) return fresh
  return {
    coveredTimeMs: found.coveredTimeMs ?? fresh.coveredTimeMs,
    nextSequence: found.nextSequence ?? fresh.nextSequence,
    linesFlushedNumber: found.linesFlushedNumber ?? 0,
    flushedSegments: found.flushedSegments ?? [],
  }
}

/** The checkpoint as text, to be written or compared. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const coveredTimeMs = Number.isFinite(checkpoint.coveredTimeMs) ? checkpoint.coveredTimeMs : null
  return JSON.stringify({ ...checkpoint, coveredTimeMs })
}

/** Replaces the checkpoint. Throws when the disk does not take it. */
export function writeCheckpoint(directory: string, text: string): void {
  writeFileAtomic(join(directory, 'checkpoint.json'), text)
}

/** Reads what was known of metric families. */
export function readMetadata(directory: string, log: Log): [string, MetricMetadata][] {
  const found = readJson(join(directory, 'metadata.json'), log)
  return Array.isArray(found) ? (found as [string, MetricMetadata][]) : []
}

/** Replaces what is known of metric families. */
export function writeMetadata(directory: string, metadata: Map<string, MetricMetadata>): void {
  writeFileAtomic(join(directory, 'metadata.json'), JSON.stringify([...metadata]))
}

function readJson(path: string, log: Log): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
  try {
    return JSON.parse(text)
  } catch {
    log.warn({ path }, 'A file of the store is not JSON; it is left out and will be replaced.')
    return undefined
  }
}
