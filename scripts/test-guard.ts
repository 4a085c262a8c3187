/**
 * Loaded into every test process: ends a file that does not end by itself and names what keeps it
 * open. The runner's own timeout ends a test, not a process that a forgotten socket keeps alive.
 */

/** The slowest file, the pages in a browser, needs two minutes, and several times that on a busy machine. */
const fileTimeoutMs = 1_200_000

if (process.env['NODE_TEST_CONTEXT'] !== undefined) {
  setTimeout(() => {
    const handles = [...new Set(process.getActiveResourcesInfo())].join(', ')
    process.stderr.write(
      `${process.argv[1]} did not end within ${fileTimeoutMs / 1000} s. Still open: ${handles}.\n` +
        'Close what the tests start (servers, timers, child processes) when they end.\n',
    )
    process.exit(1)
  }, fileTimeoutMs).unref()
}
