/** Live tails: picks the lines of arriving batches that a log query selects. */

import { compileSearch } from '../../base/regexp.ts'
import { type LogBatch, type LogRecord, logLevels } from '../../model/log-line.ts'
import { matchesAll } from '../../model/matcher.ts'
import type { LogQuery } from './parse.ts'

/** A function from a batch to the records that `query` selects. */
export function makeLogPicker(query: LogQuery): (batch: LogBatch) => LogRecord[] {
  const tests = query.filters.map(({ operator, value }) => {
    if (operator === '|=') return (line: string) => line.includes(value)
    if (operator === '!=') return (line: string) => !line.includes(value)
    const search = compileSearch(value)
    return operator === '|~'
      ? (line: string) => search.test(line)
      : (line: string) => !search.test(line)
  })
  return (batch) => {
    const isWanted = batch.streams.map((labels) => matchesAll(query.matchers, labels))
    const records: LogRecord[] = []
    for (let row = 0; row < batch.count; row++) {
      const stream = batch.stream[row]!
      const line = batch.line[row]!
      if (!isWanted[stream] || !tests.every((test) => test(line))) continue
      records.push({
        labels: batch.streams[stream]!,
        timeNs: batch.timeNs[row]!,
        level: logLevels[batch.level[row]!] ?? 'unknown',
        line,
        metadata: batch.metadata?.[row],
      })
    }
    return records
  }
}
