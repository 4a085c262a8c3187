/** Log lines, streams and volumes from the engine. */

import type { Clock } from '../../base/clock.ts'
import { CodedError } from '../../base/error.ts'
import type { LogFilter, LogSelection } from '../../model/flow.ts'
import type { Labels } from '../../model/labels.ts'
import { logLevels } from '../../model/log-line.ts'
import { type Matcher, matchesAll } from '../../model/matcher.ts'
import { storeErrors } from '../errors.ts'
import type { NumberedLine, VolumeTable } from '../head/log-head.ts'
import type { Engine } from './engine.ts'
import { conditionsOf } from './engine-querier.ts'
import { labelsFromColumns } from './label-columns.ts'
import { inNumbers, quoteSql } from './sql-text.ts'
import { dayNs } from './tables.ts'

/** How often an old server is asked whether it is done. */
const mutationPollMs = 500
/** Streams that one query may touch. */
const streamCountMax = 100_000

/** Which streams: the part of a log selection that does not look at lines. */
export interface StreamScope {
  matchers: readonly Matcher[]
  startTimeNs: bigint
  endTimeNs: bigint
  signal?: AbortSignal
}

/** Lines of the engine. `sequenceEnd` in every question: lines from there on are asked of memory. */
export class EngineLogs {
  readonly #engine: Engine
  readonly #clock: Clock

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine
    this.#clock = clock
  }

  /** Lines in the selection's direction, at most its limit. */
  async select(selection: LogSelection, sequenceEnd: number | undefined): Promise<NumberedLine[]> {
    const streams = await this.streams(selection)
    if (streams.size === 0) return []
    const order = selection.direction === 'forward' ? 'ASC' : 'DESC'
    const blocks = await this.#engine.query(
      `SELECT stream, time, sequence, level, line, names, texts FROM line WHERE ${conditionsFor(selection, { streams, sequenceEnd })} ORDER BY time ${order}, sequence ${order} LIMIT ${selection.limit}`,
      selection.signal,
    )
    const lines: NumberedLine[] = []
    for (const block of blocks) {
      const [stream, time, sequence, level, line, names, texts] = block.columns as [
        BigUint64Array,
        BigInt64Array,
        BigInt64Array,
        Uint8Array,
        string[],
        string[][],
        string[][],
      ]
      for (let row = 0; row < block.rowCount; row++) {
        const metadata = labelsFromColumns(names[row]!, texts[row]!)
        lines.push({
          sequence: Number(sequence[row]!),
          record: {
            labels: streams.get(stream[row]!)!,
            timeNs: time[row]!,
            level: logLevels[level[row]!]!,
            line: line[row]!,
            metadata: metadata.size === 0 ? undefined : metadata,
          },
        })
      }
    }
    return lines
  }

  /** Lines per bucket and level, added to `table`. */
  async addVolume(
    selection: LogSelection,
    stepMs: number,
    into: { table: VolumeTable; sequenceEnd: number | undefined },
  ): Promise<void> {
    const { startTimeNs, signal } = selection
    const streams = await this.streams(selection)
    if (streams.size === 0) return
    const conditions = conditionsFor(selection, { streams, sequenceEnd: into.sequenceEnd })
    const blocks = await this.#engine.query(
      `SELECT toInt64(intDiv(time - ${startTimeNs}, ${BigInt(stepMs) * 1_000_000n})) AS bucket, level, count() AS lines FROM line WHERE ${conditions} GROUP BY bucket, level`,
      signal,
    )
    for (const block of blocks) {
      const [bucket, level, lines] = block.columns as [BigInt64Array, Uint8Array, BigUint64Array]
      for (let row = 0; row < block.rowCount; row++) {
        into.table.addBucket(Number(bucket[row]!), level[row]!, Number(lines[row]!))
      }
    }
  }

  /**
   * Deletes the lines of streams within a range, or only counts them, and streams that have none left on a
   * day. Resolves when the tables are written anew.
   */
  async erase(
    scope: StreamScope,
    isDryRun: boolean,
  ): Promise<{ streamCount: number; lineCount: number }> {
    const streams = await this.streams(scope)
    if (streams.size === 0) return { streamCount: 0, lineCount: 0 }
    const ours = inNumbers('stream', streams.keys())
    const within = `${ours} AND time >= ${scope.startTimeNs} AND time < ${scope.endTimeNs}`
    const blocks = await this.#engine.query(
      `SELECT toUInt64(uniqExact(stream)), toUInt64(count()) FROM line WHERE ${within}`,
    )
    const [streamCount, lineCount] = (blocks[0]?.columns ?? [[0n], [0n]]).map((column) =>
      Number((column as BigUint64Array)[0]),
    ) as [number, number]
    if (isDryRun || lineCount === 0) return { streamCount, lineCount }
    await this.#mutate(`ALTER TABLE line DELETE WHERE ${within}`)
    await this.#mutate(
      `ALTER TABLE stream DELETE WHERE ${ours} AND (stream, toInt64(day)) NOT IN (SELECT DISTINCT stream, intDiv(time, ${dayNs}) FROM line WHERE ${ours})`,
    )
    return { streamCount, lineCount }
  }

  /** Rewrites parts, and waits for it, also where servers do not know how to. */
  async #mutate(sql: string): Promise<void> {
    try {
      await this.#engine.command(`${sql} SETTINGS mutations_sync = 2`)
      return
    } catch (thrown) {
      if (!(thrown instanceof CodedError) || thrown.code !== 'STORE_ENGINE_QUERY_FAILED')
        throw thrown
    }
    await this.#engine.command(sql)
    for (;;) {
      const blocks = await this.#engine.query(
        'SELECT toUInt64(count()) FROM system.mutations WHERE database = currentDatabase() AND NOT is_done',
      )
      if ((blocks[0]?.columns[0] as BigUint64Array | undefined)?.[0] === 0n) return
      await this.#clock.sleep(mutationPollMs)
    }
  }

  /** Streams with lines on the days of the range. */
  async streams(scope: StreamScope): Promise<Map<bigint, Labels>> {
    const { matchers, startTimeNs, endTimeNs, signal } = scope
    const conditions = [`day >= ${dayOf(startTimeNs)}`, `day <= ${dayOf(endTimeNs)}`]
    for (const matcher of matchers) {
      // A stream has no metric column: its name, if any, is a label like the others.
      if (matcher.name !== '__name__') conditions.push(...conditionsOf(matcher))
    }
    const blocks = await this.#engine.query(
      `SELECT stream, any(names), any(texts) FROM stream WHERE ${conditions.join(' AND ')} GROUP BY stream LIMIT ${streamCountMax + 1}`,
      signal,
    )
    const found = new Map<bigint, Labels>()
    let rowCount = 0
    for (const block of blocks) {
      const [stream, names, texts] = block.columns as [BigUint64Array, string[][], string[][]]
      rowCount += block.rowCount
      for (let row = 0; row < block.rowCount; row++) {
        const labels = labelsFromColumns(names[row]!, texts[row]!)
        if (matchesAll(matchers, labels)) found.set(stream[row]!, labels)
      }
    }
    if (rowCount > streamCountMax) throw storeErrors.TOO_MANY_SERIES({ limit: streamCountMax })
    return found
  }
}

function conditionsFor(
  selection: LogSelection,
  scope: { streams: ReadonlyMap<bigint, Labels>; sequenceEnd: number | undefined },
): string {
  const conditions = [
    inNumbers('stream', scope.streams.keys()),
    `time >= ${selection.startTimeNs}`,
    `time < ${selection.endTimeNs}`,
    ...selection.filters.map(filterSql),
  ]
  if (scope.sequenceEnd !== undefined) conditions.push(`sequence < ${scope.sequenceEnd}`)
  if (selection.levels !== undefined) {
    conditions.push(
      inNumbers(
        'level',
        selection.levels.map((level) => logLevels.indexOf(level)),
      ),
    )
  }
  return conditions.join(' AND ')
}

/** The engine's expressions are RE2 too, but there a dot matches newlines unless told otherwise. */
function filterSql(filter: LogFilter): string {
  const { operator, value } = filter
  if (operator === '|=') return `position(line, ${quoteSql(value)}) > 0`
  if (operator === '!=') return `position(line, ${quoteSql(value)}) = 0`
  const match = `match(line, ${quoteSql(`(?-s)${value}`)})`
  return operator === '|~' ? match : `NOT ${match}`
}

function dayOf(timeNs: bigint): bigint {
  return timeNs / dayNs - (timeNs < 0n ? 1n : 0n)
}
