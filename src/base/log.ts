/**
 * Our own log: structured lines on standard error through pino. WARN: nothing lost and we recover;
 * ERROR: data or a notification was lost, or an operator must act.
 */

import { pino } from 'pino'
import { counter } from './metrics.ts'

/** Bytes of lines that wait while standard error cannot be written, such as a file on a full disk. */
const waitingBytesMax = 256 * 1024

const linesDropped = counter({
  name: 'shipwatch_base_log_lines_dropped_total',
  help: 'Own log lines that were not printed because standard error could not be written.',
})

/** What a part gets to log with: facts first, then a sentence. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  child(facts: object): Log
}

/** Opens the process's log. `format` "text" is for people at a terminal, "json" for machines. */
export function openLog(options: { level: string; format: 'text' | 'json' }): Log {
  const base = {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const output = pino.destination({ fd: 2, sync: true, maxLength: waitingBytesMax })
  // Not the end of a process that watches others: the line waits and is tried again with the next.
  output.on('error', () => undefined)
  output.on('drop', () => linesDropped.inc())
  if (options.format === 'json') return pino(base, output)
  return pino(base, { write: (line) => output.write(formatText(line)) })
}

/** One JSON line as `time LEVEL message key=value …`. */
function formatText(line: string): string {
  const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>
  let text = `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}`
  for (const [name, value] of Object.entries(facts)) {
    const shown =
      typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)
    text += ` ${name}=${shown}`
  }
  return `${text}\n`
}

/** A log that says nothing, for tests. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
}
