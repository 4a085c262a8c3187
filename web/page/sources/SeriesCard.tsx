/** How many series each source brings, the fullest first; a row opens to the labels that make them many. */

import type { SourceSeriesView } from '../../../src/api/api.ts'
import { Card } from '../../kit/Card.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Drawer } from '../../kit/Overlay.tsx'
import { Table } from '../../kit/Table.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { Census, SeriesBar } from './Census.tsx'

/** The card with its drawer. */
export function SeriesCard(props: { series: readonly SourceSeriesView[] }) {
  const words = useWords()
  const format = useFormat()
  const address = useAddress()
  const rows = props.series.filter((one) => one.seriesCount > 0 || one.refusedCount > 0)
  const open = rows.find((one) => one.source === address.search['census'])
  if (rows.length === 0) return null
  return (
    <Card title={words.sources.series} isFlush>
      <Table
        label={words.sources.series}
        rows={rows}
        rowKey={(row) => row.source}
        selectedKey={open?.source}
        onOpen={(row) => address.set({ census: row.source }, true)}
        rowHealth={(row) => (row.message === '' ? undefined : 'warning')}
        initialSort={{ key: 'series', isDescending: true }}
        columns={[
          {
            key: 'source',
            head: words.sources.name,
            isMain: true,
            sortBy: (row) => row.source,
            cell: (row) => (
              <div>
                <span className="strong">{row.source}</span>
                {row.message === '' ? null : <div className="field-fault">{row.message}</div>}
              </div>
            ),
          },
          {
            key: 'series',
            head: words.sources.seriesCount,
            align: 'end',
            width: '300px',
            sortBy: (row) => row.seriesCount,
            cell: (row) => <SeriesBar series={row} />,
          },
          {
            key: 'refused',
            head: words.sources.refused,
            align: 'end',
            width: '110px',
            isMinor: true,
            sortBy: (row) => row.refusedCount,
            cell: (row) => format.count(row.refusedCount),
          },
        ]}
      />
      <Drawer
        isOpen={open !== undefined}
        onClose={() => address.set({ census: undefined })}
        title={words.sources.seriesOf({ name: open?.source ?? '' })}
      >
        {open === undefined ? null : <Census series={open} />}
      </Drawer>
    </Card>
  )
}
