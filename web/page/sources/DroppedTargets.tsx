/** Targets that discovery found and relabeling dropped, with the rule that dropped them. */

import { useTargets } from '../../data/targets.ts'
import { Card } from '../../kit/Card.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { Drawer } from '../../kit/Overlay.tsx'
import { Table } from '../../kit/Table.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { RelabelSteps } from './RelabelSteps.tsx'

const shownCountMax = 100

/** The card; nothing when no target was dropped. */
export function DroppedTargets() {
  const words = useWords()
  const address = useAddress()
  const targets = useTargets().data
  const rows = (targets?.droppedTargets ?? []).map((target, index) => ({ ...target, index }))
  const count = Object.values(targets?.droppedTargetCounts ?? {}).reduce((sum, one) => sum + one, 0)
  const open = rows.find((row) => String(row.index) === address.search['dropped'])
  if (count === 0) return null
  return (
    <Card title={words.sources.droppedTargets} count={count} isFlush>
      {rows.length === 0 ? (
        <p className="mid card-note">{words.sources.droppedHint}</p>
      ) : (
        <Table
          label={words.sources.droppedTargets}
          rows={rows.slice(0, shownCountMax)}
          rowKey={(row) => String(row.index)}
          onOpen={(row) => address.set({ dropped: String(row.index) }, true)}
          columns={[
            {
              key: 'address',
              head: words.sources.address,
              width: '30%',
              cell: (row) => <code>{row.discoveredLabels['__address__'] ?? ''}</code>,
            },
            { key: 'job', head: words.sources.job, width: '20%', cell: (row) => row.scrapePool },
            {
              key: 'labels',
              head: words.sources.labels,
              isMinor: true,
              cell: (row) => <Labels labels={row.discoveredLabels} hide={['__address__', 'job']} />,
            },
          ]}
        />
      )}
      <Drawer
        isOpen={open !== undefined}
        onClose={() => address.set({ dropped: undefined })}
        title={open?.discoveredLabels['__address__'] ?? ''}
      >
        {open === undefined ? null : (
          <RelabelSteps pool={open.scrapePool} labels={open.discoveredLabels} isOpen />
        )}
      </Drawer>
    </Card>
  )
}
