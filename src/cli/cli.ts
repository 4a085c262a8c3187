/** The command line: finds the command, parses its options, prints help, turns errors into exit codes. */

import { parseArgs } from 'node:util'
import { CodedError, messageOf } from '../base/error.ts'
import { closeHttp } from '../base/http-client.ts'
import { commands } from './command/all.ts'
import {
  type Command,
  type CommandArguments,
  exitCodes,
  type Output,
  UsageError,
} from './command/command.ts'

export { commands } from './command/all.ts'
export type { Command } from './command/command.ts'

/** Runs one command; answers the exit code: 0 fine, 1 failed, 2 wrong usage. */
export async function runCli(words: readonly string[], output: Output): Promise<number> {
  if (words.length === 0 || words[0] === 'help' || words[0] === '--help' || words[0] === '-h') {
    output.out(helpOfAll())
    return words.length === 0 ? exitCodes.wrongUsage : exitCodes.fine
  }
  if (words[0] === '--version') return runCli(['version'], output)
  const command = findCommand(words)
  if (command === undefined) {
    output.err(
      `There is no command "${words.slice(0, 2).join(' ')}". \`shipwatch --help\` lists the commands.\n`,
    )
    return exitCodes.wrongUsage
  }
  const rest = words.slice(command.name.split(' ').length)
  if (rest.includes('--help') || rest.includes('-h')) {
    output.out(helpOf(command))
    return exitCodes.fine
  }
  try {
    return await command.run(parseArguments(command, rest), output)
  } catch (thrown) {
    return failed(command, thrown, output)
  } finally {
    await closeHttp()
  }
}

function findCommand(words: readonly string[]): Command | undefined {
  return (
    commands.find((command) => command.name === words.slice(0, 2).join(' ')) ??
    commands.find((command) => command.name === words[0])
  )
}

function failed(command: Command, thrown: unknown, output: Output): number {
  if (thrown instanceof UsageError) {
    output.err(`shipwatch ${command.name}: ${thrown.message}\n\n${helpOf(command)}`)
    return exitCodes.wrongUsage
  }
  if (thrown instanceof CodedError)
    output.err(thrown.hint === '' ? `${thrown.message}\n` : `${thrown.message}\n${thrown.hint}\n`)
  else output.err(`shipwatch ${command.name}: ${messageOf(thrown)}\n`)
  return exitCodes.failed
}

function parseArguments(command: Command, words: readonly string[]): CommandArguments {
  const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean }> = {}
  for (const [name, spec] of Object.entries(command.options)) {
    options[name] = { type: spec.type, multiple: spec.isMultiple ?? false }
  }
  try {
    const { values, positionals } = parseArgs({
      args: joinDashed(words, command.options),
      options,
      allowPositionals: true,
      strict: true,
    })
    const extra = positionals[command.operands === undefined ? 0 : Number.POSITIVE_INFINITY]
    if (extra !== undefined) throw new UsageError(`"${extra}" is not expected`)
    return {
      words: positionals,
      text: (name) => values[name] as string | undefined,
      texts: (name) => (values[name] as string[] | undefined) ?? [],
      has: (name) => values[name] === true,
    }
  } catch (thrown) {
    const [said = ''] = messageOf(thrown).split(/\. |\.\n/)
    const ambiguous = /^Option '(--[a-z-]+)' argument is ambiguous/.exec(said)?.[1]
    if (ambiguous === undefined) throw new UsageError(said)
    const how = `write ${ambiguous}=VALUE when the value begins with dashes`
    throw new UsageError(`${ambiguous} has no value before the next option; ${how}`)
  }
}

/**
 * `--start -5m` means `--start=-5m`, and `--token -x9` the token `-x9`: a value may begin with one dash,
 * since no option does.
 */
function joinDashed(words: readonly string[], options: Command['options']): string[] {
  const joined: string[] = []
  for (const word of words) {
    const last = joined.at(-1)
    const wantsValue = last?.startsWith('--') && options[last.slice(2)]?.type === 'string'
    if (wantsValue && /^-[^-]/.test(word)) joined[joined.length - 1] = `${last}=${word}`
    else joined.push(word)
  }
  return joined
}

function helpOfAll(): string {
  const width = Math.max(...commands.map((command) => command.name.length))
  const rows = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`)
  return `Shipwatch watches what you ship: it collects, detects, alerts, finds the release that caused the
trouble, takes it back and proves the recovery.

Usage: shipwatch <command> [options]

Commands:
${rows.join('\n')}

\`shipwatch <command> --help\` tells a command's options.
Exit codes: 0 fine, 1 the command or check failed, 2 wrong usage.
`
}

/** The help of one command. */
function helpOf(command: Command): string {
  const rows = Object.entries(command.options).map(([name, spec]) => {
    const flag = spec.type === 'string' ? `--${name} ${spec.valueName ?? 'VALUE'}` : `--${name}`
    return { flag, description: spec.description }
  })
  const width = Math.max(0, ...rows.map((row) => row.flag.length))
  const options = rows.map((row) => `  ${row.flag.padEnd(width)}  ${row.description}\n`).join('')
  const usage = [
    'shipwatch',
    command.name,
    command.operands ?? '',
    rows.length > 0 ? '[options]' : '',
  ]
  return `${command.summary}

Usage: ${usage.filter((word) => word !== '').join(' ')}
${command.details === undefined ? '' : `\n${command.details}\n`}${rows.length === 0 ? '' : `\nOptions:\n${options}`}`
}
