/** What a command is: its name, its options as described data, and what it does. */

/** Where a command writes. */
export interface Output {
  out(text: string): void
  err(text: string): void
}

/** One option, as `--name VALUE` or `--name`. */
export interface OptionSpec {
  type: 'string' | 'boolean'
  /** May be given several times. */
  isMultiple?: boolean
  /** What the value is called in the help, such as `FILE`. */
  valueName?: string
  description: string
}

/** The options and words of one call. */
export interface CommandArguments {
  words: string[]
  text(name: string): string | undefined
  texts(name: string): string[]
  has(name: string): boolean
}

/** Exit codes of every command; `advice` is for checks that found nothing wrong but something to better. */
export const exitCodes = { fine: 0, failed: 1, wrongUsage: 2, advice: 3 } as const

/** One command; `name` may be two words, such as `check config`. */
export interface Command {
  name: string
  summary: string
  /** The words after the name, such as `<expression>`. */
  operands?: string
  /** Longer text for `--help`, with examples. */
  details?: string
  options: Record<string, OptionSpec>
  /** Answers the exit code. Throw `UsageError` for wrong usage; other errors become exit code 1. */
  run(args: CommandArguments, output: Output): Promise<number>
}

/** Wrong usage: shown with the command's help line, exit code 2. */
export class UsageError extends Error {}

/** Options of every command that talks to a running server. */
export const clientOptions: Record<string, OptionSpec> = {
  url: {
    type: 'string',
    valueName: 'URL',
    description: 'Server to ask. Default http://127.0.0.1:9595, or SHIPWATCH_URL.',
  },
  token: {
    type: 'string',
    valueName: 'TOKEN',
    description:
      'Access token. Default SHIPWATCH_TOKEN, else the file local.token of the data directory.',
  },
  'data-dir': {
    type: 'string',
    valueName: 'DIR',
    description: 'Data directory whose local.token to use. Default ./data.',
  },
  output: { type: 'string', valueName: 'FORM', description: 'table (default) or json.' },
}
