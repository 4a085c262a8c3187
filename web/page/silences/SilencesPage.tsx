/** Silences: what people chose not to hear of, now and later; by hand, or by windows of maintenance. */

import { Allowed } from '../Allowed.tsx'
import type { SilenceView } from '../../../src/api/api.ts'
import { useMaintenance } from '../../data/maintenance.ts'
import { useSilences } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, Columns, PageHead } from '../../kit/Card.tsx'
import { Shown } from '../../kit/Feedback.tsx'
import { Switch, TextField } from '../../kit/Field.tsx'
import { AddIcon, SearchIcon, SilenceIcon } from '../../kit/icons.ts'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { MaintenanceDialog } from './MaintenanceDialog.tsx'
import { MaintenanceTable } from './MaintenanceTable.tsx'
import { SilenceDialog } from './SilenceDialog.tsx'
import { SilenceTable } from './SilenceTable.tsx'

/** The page. */
export default function SilencesPage() {
  const words = useWords()
  usePageTitle(words.place.silences)
  const address = useAddress()
  const silences = useSilences()
  const windows = useMaintenance()
  const filter = (address.search['filter'] ?? '').toLowerCase()
  const hasEnded = address.search['ended'] === 'yes'
  const dialog = address.search['new']
  const active = silences.data?.silences.filter((one) => one.state === 'active') ?? []
  const open = windows.data?.windows.filter((one) => one.state === 'active') ?? []
  const held = [...active, ...open].reduce((sum, one) => sum + one.heldCount, 0)
  const close = (): void => address.set({ new: undefined })
  return (
    <>
      <PageHead
        health={silences.data && windows.data ? (held > 0 ? 'info' : 'ok') : undefined}
        verdict={
          silences.data && windows.data
            ? words.silence.verdict({ silences: active.length, windows: open.length, held })
            : words.place.silences
        }
        actions={
          <>
            <Allowed to="administer">
              <Button
                icon={<AddIcon size={15} />}
                onClick={() => address.set({ new: 'window' }, true)}
              >
                {words.maintenance.open}
              </Button>
            </Allowed>
            <Allowed to="respond">
              <Button
                icon={<SilenceIcon size={15} />}
                onClick={() => address.set({ new: 'silence' }, true)}
              >
                {words.silence.open}
              </Button>
            </Allowed>
          </>
        }
      />
      <div className="filter-bar">
        <TextField
          label={words.silence.filter}
          isLabelHidden
          type="search"
          icon={<SearchIcon size={15} />}
          placeholder={words.silence.filter}
          value={address.search['filter'] ?? ''}
          onChange={(value) => address.set({ filter: value })}
        />
        <Switch
          label={words.silence.withEnded}
          isOn={hasEnded}
          onChange={(isOn) => address.set({ ended: isOn ? 'yes' : undefined })}
        />
      </div>
      <Columns>
        <Shown reading={silences} what={words.silence.failed} rowCount={4}>
          {(list) => (
            <Card isFlush title={words.silence.silences} count={active.length}>
              <SilenceTable
                silences={list.silences
                  .filter((one) => hasEnded || one.state !== 'expired')
                  .filter((one) => textOfSilence(one).includes(filter))}
                onMake={() => address.set({ new: 'silence' }, true)}
              />
            </Card>
          )}
        </Shown>
        <Shown reading={windows} what={words.maintenance.failed} rowCount={4}>
          {(list) => (
            <Card isFlush title={words.maintenance.windows} count={open.length}>
              <MaintenanceTable
                windows={list.windows
                  .filter((one) => hasEnded || one.state !== 'ended')
                  .filter((one) => JSON.stringify(one).toLowerCase().includes(filter))}
                onMake={() => address.set({ new: 'window' }, true)}
              />
            </Card>
          )}
        </Shown>
      </Columns>
      {dialog === 'silence' ? <SilenceDialog onClose={close} /> : null}
      {dialog === 'window' ? <MaintenanceDialog window={undefined} onClose={close} /> : null}
    </>
  )
}

function textOfSilence(silence: SilenceView): string {
  const texts = [silence.id, silence.comment, silence.createdBy]
  for (const { name, operator, value } of silence.matchers) texts.push(name + operator + value)
  return texts.join(' ').toLowerCase()
}
