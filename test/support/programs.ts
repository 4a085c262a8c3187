/** Programs beside Node, for tests: found, or the test is skipped with the reason; with CI=true missing is a failure. */

import type { TestContext } from 'node:test'
import { findProgram as findOnPath, programs } from '../../scripts/programs.mjs'

/** The program's path, or `undefined` after the test was marked as skipped. */
export function findProgram(test: TestContext, command: string): string | undefined {
  const program = programs.find((one) => one.commands.includes(command))
  if (program === undefined) throw new Error(`BUG: ${command} is not in scripts/programs.mjs`)
  const path = findOnPath(program.commands)
  if (path !== undefined) return path
  const reason = `${command} is not installed; npm test installs ${program.debianPackage} where it is root on Debian or Ubuntu`
  if (process.env['CI'] === 'true') throw new Error(reason)
  test.skip(reason)
  return undefined
}
