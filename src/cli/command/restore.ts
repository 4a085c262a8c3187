/** `shipwatch restore`: makes a data directory from a backup, while no server uses it. */

import { systemClock } from '../../base/clock.ts'
import { formatBytes, formatTime, makeProgress } from '../print.ts'
import { type Command, exitCodes, UsageError } from './command.ts'

/** Checks a backup whole, then unpacks it. */
export const restoreCommand: Command = {
  name: 'restore',
  summary: 'Make a data directory from a backup.',
  operands: '<file>',
  details: `The whole backup is checked before anything is written. The directory must be empty or missing. Example:
  shipwatch restore monday.tar --data-dir data && shipwatch serve --data-dir data`,
  options: {
    'data-dir': {
      type: 'string',
      valueName: 'DIR',
      description: 'New or empty directory for the data. Required.',
    },
  },
  run: async (args, output) => {
    const [backupPath, ...more] = args.words
    const dataDir = args.text('data-dir')
    if (backupPath === undefined || more.length > 0) throw new UsageError('one backup file')
    if (dataDir === undefined) throw new UsageError('--data-dir is required')
    const show = makeProgress(output, systemClock)
    // Loaded here, as other commands have no need of the store.
    const { restoreBackup } = await import('../../store/store.ts')
    const result = await restoreBackup({
      backupPath,
      dataDir,
      onProgress: (step, doneBytes, totalBytes) => {
        const verb = step === 'check' ? 'Checked' : 'Written'
        const text = `${verb} ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`
        show(text, step === 'write' && doneBytes === totalBytes)
      },
    })
    output.out(
      `Restored ${result.fileCount} files, ${formatBytes(result.sizeBytes)}, as of ${formatTime(result.createdTimeMs)} (version ${result.version}), to ${dataDir}.\n`,
    )
    if (result.engine === 'server') {
      output.err(
        'Flushed samples and log lines were on a ClickHouse server and are not in this backup: restore them there.\n',
      )
    }
    return exitCodes.fine
  },
}
