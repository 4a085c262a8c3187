#!/usr/bin/env node
/** The program: hands its arguments to the command line and leaves with its exit code. */

import { runCli } from './cli/cli.ts'

// A reader that has gone (`… | head`) or a full disk behind a redirection: what was to be printed is
// lost, which must not end what runs.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

process.exitCode = await runCli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})
