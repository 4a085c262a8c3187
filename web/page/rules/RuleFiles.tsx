/** The rule files that can be edited here. */

import { Allowed } from '../Allowed.tsx'
import type { RuleFileEntry } from '../../../src/api/rules.ts'
import { useRuleFiles } from '../../data/rules.ts'
import { Card } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Moment, Value } from '../../kit/format.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

/** The setting that opens a folder to editing. */
const editingExample = 'rule_editing:\n  directory: rules'

/** The list, or what it takes to have one. */
export function RuleFiles(props: { canEdit: boolean }) {
  const words = useWords()
  if (props.canEdit) return <FileList />
  return (
    <Card label={words.rules.views.files}>
      <Empty title={words.rules.files.locked}>
        <div className="stack">
          <p>{words.rules.files.lockedHint}</p>
          <CopyBlock label={words.rules.views.files} text={editingExample} />
        </div>
      </Empty>
    </Card>
  )
}

function FileList() {
  const words = useWords()
  const address = useAddress()
  const reading = useRuleFiles()
  const columns: Column<RuleFileEntry>[] = [
    {
      key: 'name',
      head: words.rules.files.name,
      sortBy: (row) => row.name,
      cell: (row) => (
        <Link to="/rules/edit" search={{ file: row.name }}>
          {row.name}
        </Link>
      ),
    },
    {
      key: 'size',
      head: words.rules.files.size,
      align: 'end',
      sortBy: (row) => row.sizeBytes,
      cell: (row) => <Value value={row.sizeBytes} unit="bytes" />,
    },
    {
      key: 'changed',
      head: words.rules.files.changed,
      align: 'end',
      sortBy: (row) => -row.modifiedTimeMs,
      cell: (row) => <Moment timeMs={row.modifiedTimeMs} />,
    },
  ]
  return (
    <Shown reading={reading} what={words.rules.files.failed}>
      {({ files }) => (
        <Card isFlush={files.length > 0} label={words.rules.views.files}>
          {files.length === 0 ? (
            <Empty
              title={words.rules.files.none}
              action={
                <Allowed to="administer">
                  <Link to="/rules/edit" className="link-button">
                    {words.rules.write}
                  </Link>
                </Allowed>
              }
            >
              {words.rules.files.noneHint}
            </Empty>
          ) : (
            <Table
              label={words.rules.views.files}
              columns={columns}
              rows={files}
              rowKey={(row) => row.name}
              onOpen={(row) => address.go('/rules/edit', { file: row.name })}
            />
          )}
        </Card>
      )}
    </Shown>
  )
}
