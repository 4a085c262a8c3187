/**
 * `npm run check`: types, lint, format and the form of code and documents, each with its time. All of
 * them run even when one fails; the exit code is 1 when any did.
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = join(root, 'node_modules', '.bin')

/** One thing to check: its name for people and the program that does it. */
interface Check {
  name: string
  command: string
  args: string[]
}

const checks: Check[] = [
  { name: 'types of server and tests', command: join(bin, 'tsc'), args: ['-p', '.'] },
  { name: 'types of web', command: join(bin, 'tsc'), args: ['-p', 'web/tsconfig.json'] },
  {
    name: 'lint and format',
    command: join(bin, 'biome'),
    args: ['check', '--error-on-warnings'],
  },
  {
    name: 'form of code and documents',
    command: process.execPath,
    args: [join('scripts', 'test.ts'), join('test', 'tidy.test'), join('test', 'docs.test')],
  },
]

const failed: string[] = []
for (const check of checks) {
  if (check.name === 'types of web' && !existsSync(join(root, 'web', 'tsconfig.json'))) continue
  const startMs = performance.now()
  const result = spawnSync(check.command, check.args, { cwd: root, stdio: 'inherit' })
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  const isFine = result.status === 0
  if (!isFine) failed.push(check.name)
  process.stdout.write(`${isFine ? '✔' : '✖'} ${check.name}  ${seconds} s\n`)
}
if (failed.length > 0) {
  process.stdout.write(`\nFailed: ${failed.join(', ')}.\n`)
  process.exitCode = 1
} else process.stdout.write('\nAll checks pass.\n')
