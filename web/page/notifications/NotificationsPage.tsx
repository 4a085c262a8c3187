/** The ledger: every attempt to tell somebody with the answer, what reached nobody, and who can be told. */

import { useMemo } from 'react'
import { useDeadLetters, useLedger } from '../../data/routing.ts'
import { parseSpan } from '../../data/range.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Segments } from '../../kit/Field.tsx'
import { useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { AttemptDrawer, AttemptTable } from './Attempts.tsx'
import { DeadLetters } from './DeadLetters.tsx'
import { foldAttempts } from './fold-attempts.ts'
import { isSearching, LedgerSearch, outcomes, searchNames } from './LedgerSearch.tsx'
import { Receivers } from './Receivers.tsx'
import './notifications.css'

const views = ['attempts', 'letters', 'receivers'] as const
type View = (typeof views)[number]

const example = `route:
  receiver: team
receivers:
  - name: team
    webhook_configs:
      - url: https://example.org/hook`

/** The page. */
export default function NotificationsPage() {
  const words = useWords()
  usePageTitle(words.place.notifications)
  const address = useAddress()
  const { search } = address
  const view = views.find((one) => one === search['view']) ?? 'attempts'
  const reading = useLedger({
    receiver: search['receiver'],
    channel: search['channel'],
    outcome: outcomes.find((one) => one === search['outcome']),
    incidentId: search['incident'],
    pageId: search['page'],
    label: /^[^=]+=/.test(search['label'] ?? '') ? search['label'] : undefined,
    text: search['filter'],
    withinMs: parseSpan(search['within'] ?? ''),
  })
  const rows = reading.data ?? []
  const isEach = search['each'] === 'yes'
  const folded = useMemo(() => foldAttempts(reading.data ?? []), [reading.data])
  const chosen = rows.find(({ id }) => id === search['attempt'])
  const letters = useDeadLetters().data?.deadLetters ?? []
  const counts = { letters: letters.filter((one) => one.state === 'open').length }
  const failed = rows.filter((one) => one.outcome === 'failed').length
  const delivered = rows.filter((one) => one.outcome === 'delivered').length
  return (
    <>
      <PageHead
        health={rows.length > 0 ? (failed > 0 ? 'critical' : 'ok') : undefined}
        verdict={
          reading.data
            ? words.ledger.verdict({
                count: rows.length,
                delivered,
                failed,
                hasOlder: reading.hasOlder,
              })
            : words.place.notifications
        }
      />
      <div className="filter-bar">
        <Segments<View>
          label={words.ledger.view}
          value={view}
          options={views.map((one) => ({
            value: one,
            label: words.ledger.views[one],
            ...(one === 'letters' && counts.letters > 0 ? { count: counts.letters } : {}),
          }))}
          onChange={(next) => address.set({ view: next === 'attempts' ? undefined : next })}
        />
      </div>
      {view === 'letters' ? (
        <DeadLetters />
      ) : view === 'receivers' ? (
        <Receivers />
      ) : (
        <>
          <LedgerSearch />
          <Shown reading={reading} what={words.ledger.failed} rowCount={8}>
            {() => (
              <Card isFlush label={words.ledger.views.attempts}>
                {rows.length > 0 ? (
                  <>
                    <AttemptTable
                      rows={isEach ? rows : folded.map(({ latest }) => latest)}
                      selected={search['attempt']}
                      onOpen={(id) => address.set({ attempt: id }, true)}
                    />
                    {reading.hasOlder ? (
                      <div className="card-note">
                        <Button isRunning={reading.isFetching} onClick={reading.readOlder}>
                          {words.ledger.older}
                        </Button>
                      </div>
                    ) : null}
                  </>
                ) : isSearching(search) ? (
                  <Empty
                    title={words.ledger.noMatch}
                    action={
                      <Button
                        onClick={() =>
                          address.set(
                            Object.fromEntries(searchNames.map((name) => [name, undefined])),
                          )
                        }
                      >
                        {words.kit.clearFilter}
                      </Button>
                    }
                  />
                ) : (
                  <Empty title={words.ledger.none}>
                    <div className="stack">
                      <p>{words.ledger.noneHint}</p>
                      <CopyBlock label={words.place.notifications} text={example} />
                    </div>
                  </Empty>
                )}
              </Card>
            )}
          </Shown>
          <AttemptDrawer
            attempt={chosen}
            earlier={folded.find(({ latest }) => latest === chosen)?.earlier ?? []}
            onClose={() => address.set({ attempt: undefined })}
          />
        </>
      )}
    </>
  )
}
