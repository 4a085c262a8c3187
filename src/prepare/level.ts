/**
 * Finds the level in a log line, cheaply: no parsing of JSON, a few searches over the head of the
 * line. Known forms: JSON `"level":"…"` (also severity, lvl, numbers of pino and bunyan), logfmt
 * `level=…`, `[ERROR]`, klog and glog (`E0711 12:00:00.000000`), syslog priority `<11>`, Android-like
 * ` E/Tag`, and the first bare word such as `ERROR` near the beginning.
 * Sources: klog/glog line header (kubernetes/klog, Apache-2.0); RFC 5424 section 6.2.1 (severity =
 * priority mod 8); pino's numeric levels (MIT).
 */

import { logLevels, type LogLevel } from '../model/log-line.ts'

/** How much of a line is looked at: levels stand at the head; 1 KiB covers JSON lines with a long message first. */
const lookedLengthMax = 1024
/** Bare words count only near the beginning; "no error" later in a sentence is not a level. */
const bareLengthMax = 80

const indexByWord = new Map<string, number>()
const words: [LogLevel, string][] = [
  ['trace', 'trace trc verbose finest finer t'],
  ['debug', 'debug dbg dbug fine d'],
  ['info', 'info inf information informational notice i n'],
  ['warn', 'warn warning wrn w'],
  ['error', 'error err eror severe e'],
  ['fatal', 'fatal ftl critical crit emerg emergency alert panic dpanic f'],
]
for (const [level, list] of words) {
  for (const word of list.split(' ')) indexByWord.set(word, logLevels.indexOf(level))
}

/** Severity 0..7 of syslog as level indexes. */
const bySyslogSeverity = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'].map(
  (level) => logLevels.indexOf(level as LogLevel),
)

const keyPattern =
  /(?:^|[\s,{;|])"?(?:level|severity|lvl|loglevel|log_level|log\.level|levelname|severity_text|severitytext)"?\s*[=:]\s*"?([A-Za-z]{1,14}|\d{1,3})(?![\w-])/i
const klogPattern = /^([IWEFD])\d{4} \d\d:\d\d:\d\d/
const syslogPattern = /^<(\d{1,3})>/
const bracketPattern =
  /[[(<](trace|debug|info|information|notice|warn|warning|error|err|severe|fatal|critical|crit|alert|emerg|emergency|panic|trc|dbg|inf|wrn|ftl)[\])>]/i
const barePattern =
  /(?:^|[\s|:[])(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|CRITICAL|PANIC|ERR|CRIT|Trace|Debug|Info|Warn|Warning|Error|Fatal|Critical)(?=$|[\s|:,\]-])/
const lowerPattern = /^(?:\S+\s+){0,3}?(trace|debug|info|warn|warning|error|fatal|panic)(?::|\s|$)/
const looseKeys =
  /^(?:level|severity|detected_level|lvl|loglevel|log_level|severity_text|levelname)$/i

/** Index into `logLevels`; 0 (`unknown`) when the line does not say. */
export function findLevel(line: string): number {
  const head = line.length > lookedLengthMax ? line.slice(0, lookedLengthMax) : line
  const first = head.charCodeAt(0)
  if (first === 0x3c) {
    const match = syslogPattern.exec(head)
    if (match !== null && Number(match[1]) <= 191) {
      // The text may say it more exactly than the priority that some relay put on all of it.
      return findNamed(head) || bySyslogSeverity[Number(match[1]) % 8]!
    }
  }
  const klog = klogPattern.exec(head)
  if (klog !== null) return indexByWord.get(klog[1]!.toLowerCase())!
  return findNamed(head)
}

/** The level that a word or number names; 0 when it names none. */
export function parseLevel(text: string): number {
  const number = Number(text)
  if (text !== '' && Number.isInteger(number)) return levelOfNumber(number)
  return indexByWord.get(text.trim().toLowerCase()) ?? 0
}

/** Whether a label or metadata name holds a level. */
export function isLevelName(name: string): boolean {
  return looseKeys.test(name)
}

function findNamed(head: string): number {
  const key = keyPattern.exec(head)
  if (key !== null) {
    const level = parseLevel(key[1]!)
    if (level !== 0) return level
  }
  const near = head.length > bareLengthMax ? head.slice(0, bareLengthMax) : head
  const bracket = bracketPattern.exec(near)
  if (bracket !== null) return indexByWord.get(bracket[1]!.toLowerCase()) ?? 0
  // Inside JSON bare words belong to messages.
  if (head.charCodeAt(0) === 0x7b) return 0
  const bare = barePattern.exec(near) ?? lowerPattern.exec(near)
  return bare === null ? 0 : (indexByWord.get(bare[1]!.toLowerCase()) ?? 0)
}

/** pino and bunyan: 10 trace … 60 fatal. Syslog's 0..7 as a bare number is rarer and ambiguous with small verbosity levels: not guessed. */
function levelOfNumber(number: number): number {
  if (number < 10 || number > 60) return 0
  return Math.floor(number / 10)
}
