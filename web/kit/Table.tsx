/**
 * A table: sorted by its heads, walked with j and k, a row opened with Enter or a click. Rows are
 * links where they lead somewhere, so that they open in a new tab as well.
 */

import { type ReactNode, useMemo, useState } from 'react'
import type { Health } from '../../src/model/health.ts'

/** A column of rows `R`. A column with `sortBy` can be sorted. */
export interface Column<R> {
  key: string
  head: ReactNode
  cell: (row: R) => ReactNode
  sortBy?: (row: R) => number | string
  align?: 'start' | 'end'
  /** CSS width; one column without it takes what is left. */
  width?: string
  /** Left out on narrow screens. */
  isMinor?: boolean
  /** What the row is about. With such a column a narrow screen shows each row as an entry: this across, the rest above. */
  isMain?: boolean
}

/** A table of rows. */
export function Table<R>(props: {
  label: string
  columns: readonly Column<R>[]
  rows: readonly R[]
  rowKey: (row: R) => string
  onOpen?: ((row: R) => void) | undefined
  selectedKey?: string | undefined
  rowHealth?: (row: R) => Health | undefined
  initialSort?: { key: string; isDescending: boolean }
}) {
  const { columns, rows, onOpen } = props
  const [sort, setSort] = useState(props.initialSort)
  const sorted = useMemo(() => {
    const sortBy = columns.find((column) => column.key === sort?.key)?.sortBy
    if (!sort || !sortBy) return rows
    const sign = sort.isDescending ? -1 : 1
    return [...rows].sort((a, b) => sign * compare(sortBy(a), sortBy(b)))
  }, [rows, columns, sort])
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard
    <section className="table-frame" aria-label={props.label} tabIndex={0}>
      <table
        className="table"
        aria-label={props.label}
        data-entries={columns.some((column) => column.isMain) || undefined}
      >
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} column={column} sort={sort} onSort={setSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => {
            const key = props.rowKey(row)
            return (
              <tr
                key={key}
                className="row"
                data-row={onOpen ? key : undefined}
                data-open={onOpen ? true : undefined}
                data-selected={key === props.selectedKey || undefined}
                data-health={props.rowHealth?.(row)}
                tabIndex={onOpen ? 0 : undefined}
                onClick={(event) => {
                  // A link, a button or a selection of text inside the row is not the row.
                  if ((event.target as Element).closest('a, button')) return
                  if (!getSelection()?.isCollapsed) return
                  onOpen?.(row)
                }}
                onKeyDown={(event) => {
                  if (event.key === 'Enter' && event.target === event.currentTarget) onOpen?.(row)
                }}
              >
                {columns.map((column) => (
                  <td
                    key={column.key}
                    data-align={column.align}
                    data-minor={column.isMinor || undefined}
                    data-main={column.isMain || undefined}
                  >
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}

function Head<R>(props: {
  column: Column<R>
  sort: { key: string; isDescending: boolean } | undefined
  onSort: (sort: { key: string; isDescending: boolean }) => void
}) {
  const { column, sort } = props
  const isSorted = sort?.key === column.key
  const order = isSorted ? (sort.isDescending ? 'descending' : 'ascending') : undefined
  return (
    <th
      scope="col"
      data-align={column.align}
      data-minor={column.isMinor || undefined}
      style={column.width ? { width: column.width } : undefined}
      aria-sort={order}
    >
      {column.sortBy ? (
        <button
          type="button"
          className="head-button"
          onClick={() =>
            props.onSort({ key: column.key, isDescending: isSorted ? !sort.isDescending : false })
          }
        >
          {column.head}
          <span aria-hidden className="head-order">
            {order === 'ascending' ? '↑' : order === 'descending' ? '↓' : ''}
          </span>
        </button>
      ) : (
        column.head
      )}
    </th>
  )
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return String(a).localeCompare(String(b), undefined, { numeric: true })
}
