/** What the suites have in common: options, result, and how counts are printed. */

/** What a suite found. */
export interface MeasureResult {
  suite: string
  passed: number
  total: number
  /** Further numbers by name, such as shares by feature. */
  figures: Record<string, number>
}

/** What every suite gets. */
export interface MeasureOptions {
  /** The folder with the suite's cases. */
  from: string
  /** Where to write the answers in the scorer's form, for suites that have one. */
  out?: string
  /** Names every case that failed, with file and line. */
  listsFailures?: boolean
  print: (line: string) => void
}

/** A table of names with passed and total, aligned. */
export function formatCounts(
  title: string,
  counts: ReadonlyMap<string, { passed: number; total: number }>,
): string[] {
  const width = Math.max(title.length, ...[...counts.keys()].map((name) => name.length))
  const lines = [`${title.padEnd(width)}  passed   total       %`]
  for (const [name, { passed, total }] of counts) {
    const share = total === 0 ? '-' : ((passed / total) * 100).toFixed(1)
    lines.push(
      `${name.padEnd(width)}  ${String(passed).padStart(6)}  ${String(total).padStart(6)}  ${share.padStart(6)}`,
    )
  }
  return lines
}
