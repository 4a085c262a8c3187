#!/usr/bin/env node
/** The program: hands its arguments to the command line and leaves with its exit code. */

import { runCli } from './cli/cli.ts'

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
