/** `shipwatch serve`: runs the whole product until it is told to stop. */

import type { App } from '../../app/app.ts'
import { CodedError, messageOf } from '../../base/error.ts'
import { openLog } from '../../base/log.ts'
import {
  type Command,
  type CommandArguments,
  exitCodes,
  type Output,
  UsageError,
} from './command.ts'

/** Stops on SIGTERM and SIGINT, reloads on SIGHUP. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'Start Shipwatch.',
  details: `Without --config, ./shipwatch.yml is read when it is there; without any file Shipwatch watches this
machine. SIGHUP reloads the configuration, SIGTERM drains and stops.`,
  options: {
    config: { type: 'string', valueName: 'FILE', description: 'Configuration file.' },
    'data-dir': {
      type: 'string',
      valueName: 'DIR',
      description: 'Where everything is kept. Default ./data.',
    },
    port: {
      type: 'string',
      valueName: 'PORT',
      description: 'Port to listen on, instead of the configured one; 0 takes a free one.',
    },
    host: {
      type: 'string',
      valueName: 'ADDRESS',
      description: 'Address to listen on, instead of the configured one.',
    },
    'no-auth': {
      type: 'boolean',
      description: 'No sign-in and no tokens; only while listening on loopback.',
    },
    'log-level': {
      type: 'string',
      valueName: 'LEVEL',
      description: 'debug, info (default), warn or error.',
    },
    'log-format': { type: 'string', valueName: 'FORM', description: 'text (default) or json.' },
    set: {
      type: 'string',
      isMultiple: true,
      valueName: 'PATH=VALUE',
      description: 'Override one setting, the value as JSON or plain text; may be repeated.',
    },
  },
  run: async (args, output) => {
    const log = openLog({ level: levelOf(args), format: formatOf(args) })
    const port = args.text('port')
    const listen = port === undefined ? {} : { port: portOf(port) }
    let app: App
    try {
      // Loaded here, so that the other commands answer without loading the whole product.
      const { App } = await import('../../app/app.ts')
      app = await App.start({
        configFile: args.text('config'),
        dataDir: args.text('data-dir') ?? 'data',
        overrides: args.texts('set'),
        ...listen,
        ...(args.text('host') === undefined ? {} : { host: args.text('host')! }),
        isAuthRequired: !args.has('no-auth'),
        log,
      })
    } catch (thrown) {
      output.err(
        thrown instanceof CodedError
          ? `${thrown.message}\n${thrown.hint}\n`
          : `${messageOf(thrown)}\n`,
      )
      if (!(thrown instanceof CodedError) && thrown instanceof Error)
        output.err(`${thrown.stack}\n`)
      return exitCodes.failed
    }
    output.out(app.greeting())
    const code = await waitForEnd(app, output)
    // The embedded engine keeps threads of its own; everything is stored by now.
    process.exit(code)
  },
}

function levelOf(args: CommandArguments): string {
  const level = args.text('log-level') ?? 'info'
  if (!['debug', 'info', 'warn', 'error'].includes(level))
    throw new UsageError(`--log-level is debug, info, warn or error, not "${level}"`)
  return level
}

function formatOf(args: CommandArguments): 'text' | 'json' {
  const format = args.text('log-format') ?? 'text'
  if (format === 'text' || format === 'json') return format
  throw new UsageError(`--log-format is text or json, not "${format}"`)
}

function portOf(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`--port is a number from 0 to 65535, not "${text}"`)
  return port
}

function waitForEnd(app: App, output: Output): Promise<number> {
  return new Promise((resolve) => {
    let isStopping = false
    const stop = (signal: string): void => {
      if (isStopping) return
      isStopping = true
      app
        .stop()
        .then(() => resolve(exitCodes.fine))
        .catch((thrown: unknown) => {
          output.err(`Stopping after ${signal} failed: ${messageOf(thrown)}\n`)
          resolve(exitCodes.failed)
        })
    }
    process.on('SIGTERM', () => stop('SIGTERM'))
    process.on('SIGINT', () => stop('SIGINT'))
    process.on('SIGHUP', () => {
      // The outcome is logged and shown in Settings; a refused file changes nothing.
      app.reload().catch(() => undefined)
    })
    app.onQuit(() => stop('quit'))
  })
}
