/** What was not kept since the start, why, and what to do about it. */

import type { SourceList } from '../../../src/api/api.ts'
import { Card } from '../../kit/Card.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Table } from '../../kit/Table.tsx'
import { useWords } from '../../word/word.tsx'

type Drop = SourceList['drops'][number]

/** The card. */
export function Drops(props: { drops: readonly Drop[] }) {
  const words = useWords()
  const drops = props.drops.filter((drop) => drop.count > 0)
  if (drops.length === 0) {
    return (
      <Card title={words.sources.drops}>
        <p className="mid">{words.sources.noDrops}</p>
      </Card>
    )
  }
  return (
    <Card title={words.sources.drops} isFlush>
      <DropTable drops={drops} hasSource />
    </Card>
  )
}

/** The rows by reason. */
export function DropTable(props: { drops: readonly Drop[]; hasSource?: boolean }) {
  const words = useWords()
  const format = useFormat()
  const fixes: Readonly<Record<string, string>> = words.sources.fix
  return (
    <Table
      label={words.sources.drops}
      rows={props.drops}
      rowKey={(row) => `${row.source} ${row.reason}`}
      initialSort={{ key: 'count', isDescending: true }}
      columns={[
        {
          key: 'reason',
          head: words.sources.reason,
          cell: (row) => (
            <div>
              <code>{row.reason}</code>
              <div className="mid">
                {Object.hasOwn(fixes, row.reason) ? fixes[row.reason] : words.sources.otherFix}
              </div>
            </div>
          ),
        },
        ...(props.hasSource
          ? [
              {
                key: 'source',
                head: words.sources.name,
                width: '30%',
                cell: (row: Drop) => <span className="wrap">{row.source}</span>,
              },
            ]
          : []),
        {
          key: 'count',
          head: words.sources.rows,
          align: 'end',
          width: '90px',
          sortBy: (row) => row.count,
          cell: (row) => format.count(row.count),
        },
      ]}
    />
  )
}
