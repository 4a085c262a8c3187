/** A text that a command reads: a file, or standard input when none is named. */

import { readFileSync } from 'node:fs'
import { readConfigFile } from '../config/config.ts'

/** The descriptor of standard input. */
const standardInput = 0

/** The name for messages, and the reading; which throws `CONFIG_FILE_UNREADABLE`. */
export function readNamedText(file: string | undefined): { name: string; read(): string } {
  if (file !== undefined) return { name: file, read: () => readConfigFile(file) }
  return { name: 'standard input', read: () => readFileSync(standardInput, 'utf8') }
}
