/** `shipwatch backup`: saves a running server's data to a file, and checks what was saved. */

import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { apiRoot } from '../../api/api.ts'
import { systemClock } from '../../base/clock.ts'
import { makeClient } from '../client.ts'
import { formatBytes, makeProgress } from '../print.ts'
import {
  type Command,
  type CommandArguments,
  clientOptions,
  exitCodes,
  type Output,
  UsageError,
} from './command.ts'

/** Streams a backup from the server to a file. */
export const backupCommand: Command = {
  name: 'backup',
  summary: 'Save all data of a running server to a file.',
  operands: '<file or directory>',
  details: `The server goes on meanwhile. In a directory the file is named after the time. The backup holds samples,
log lines and records (incidents, silences, tokens, the notification ledger), but neither the configuration
nor rule files. It is checked after it was written. Examples:
  shipwatch backup /mnt/backup
  shipwatch backup monday.tar --url https://shipwatch.example.com --token "$TOKEN"`,
  options: clientOptions,
  run: async (args, output) => {
    const [target, ...more] = args.words
    if (target === undefined || more.length > 0) throw new UsageError('one file or directory')
    const path = pathOf(target)
    const { sizeBytes, isServer } = await receive(args, output, path)
    // Loaded here, as other commands have no need of the store.
    const { checkBackup } = await import('../../store/store.ts')
    const { fileCount } = await checkBackup(path)
    if (args.text('output') === 'json') {
      const engine = isServer ? 'server' : 'included'
      output.out(`${JSON.stringify({ path, sizeBytes, fileCount, engine })}\n`)
    } else output.out(`Saved and checked ${path}: ${formatBytes(sizeBytes)}, ${fileCount} files.\n`)
    if (isServer) {
      output.err(
        'Flushed samples and log lines are on the ClickHouse server and NOT in this file: use BACKUP DATABASE there.\n',
      )
    }
    return exitCodes.fine
  },
}

function pathOf(target: string): string {
  const isDirectory = existsSync(target) && statSync(target).isDirectory()
  const moment = new Date(systemClock.nowTimeMs()).toISOString().slice(0, 19).replace(/[-:]/g, '')
  const path = isDirectory ? join(target, `shipwatch-${moment}Z.tar`) : target
  if (existsSync(path)) throw new UsageError(`${path} exists; it is not overwritten`)
  return path
}

async function receive(
  args: CommandArguments,
  output: Output,
  path: string,
): Promise<{ sizeBytes: number; isServer: boolean }> {
  const reply = await makeClient(args).stream(`${apiRoot}/backup`)
  const sizeBytes = Number(reply.headers['content-length'])
  const show = makeProgress(output, systemClock)
  const beside = `${path}.part`
  const file = await open(beside, 'w', 0o600)
  let doneBytes = 0
  try {
    for await (const piece of reply.body) {
      await file.writeFile(piece)
      doneBytes += piece.length
      show(`${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`, doneBytes === sizeBytes)
    }
    if (doneBytes !== sizeBytes) {
      throw new Error(`the server ended the backup after ${doneBytes} of ${sizeBytes} bytes`)
    }
    await file.sync()
  } catch (thrown) {
    rmSync(beside, { force: true })
    throw thrown
  } finally {
    await file.close()
  }
  renameSync(beside, path)
  return { sizeBytes, isServer: reply.headers['x-shipwatch-engine'] === 'server' }
}
