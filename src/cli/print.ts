/** Tables, times, sizes and progress for the terminal. */

import type { Clock } from '../base/clock.ts'
import type { Output } from './command/command.ts'

/** Columns padded to their widest cell; the first row is the head. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, widthOf(cell))
    })
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) =>
          index === row.length - 1 ? cell : cell + ' '.repeat(widths[index]! - widthOf(cell)),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

/** `2026-11-20 14:03:05Z` */
export function formatTime(timeMs: number | undefined): string {
  return timeMs === undefined
    ? '-'
    : `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')}Z`
}

/** `1.4 GiB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  let size = bytes
  for (; size >= 1_000 && unit < units.length - 1; unit++) size /= 1_024
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`
}

/** Shows on one line of a terminal how far something is; nothing where there is no terminal. */
export function makeProgress(
  output: Output,
  clock: Clock,
): (text: string, isLast?: boolean) => void {
  let shownMs = Number.NEGATIVE_INFINITY
  return (text, isLast = false) => {
    if (process.stderr.isTTY !== true) return
    const nowMs = clock.monotonicMs()
    if (!isLast && nowMs - shownMs < 200) return
    shownMs = nowMs
    output.err(`\r${text}\u001b[K${isLast ? '\n' : ''}`)
  }
}

/** Cells that a terminal needs: wide East Asian characters take two. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      )
        ? 2
        : 1
  return width
}
