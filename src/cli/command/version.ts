/** `shipwatch version` */

import { version } from '../../app/version.ts'
import { type Command, exitCodes } from './command.ts'

/** Prints the version of the program and of its runtime. */
export const versionCommand: Command = {
  name: 'version',
  summary: 'Print the version.',
  options: {},
  run: async (_args, output) => {
    output.out(
      `shipwatch ${version} (node ${process.versions.node}, ${process.platform} ${process.arch})\n`,
    )
    return exitCodes.fine
  },
}
