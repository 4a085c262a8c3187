/** Sources: where does data come from, is it healthy, what is dropped, what explodes, how to connect more. */

import { useMemo } from 'react'
import type { SourceView } from '../../../src/api/api.ts'
import type { Health } from '../../../src/model/health.ts'
import { useInstantQueries, useSources } from '../../data/queries.ts'
import { Card, PageHead } from '../../kit/Card.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { useAddress } from '../../route/router.tsx'
import { useRange } from '../../shell/RangePicker.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { Connect } from './Connect.tsx'
import { DroppedTargets } from './DroppedTargets.tsx'
import { Drops } from './Drops.tsx'
import { SeriesCard } from './SeriesCard.tsx'
import { SourceDrawer } from './SourceDrawer.tsx'
import { SourceTable } from './SourceTable.tsx'
import './sources.css'
import { receiverRates } from './source-queries.ts'

const kinds = ['host', 'scrape', 'receiver', 'file'] as const

/** The page. */
export default function SourcesPage() {
  const words = useWords()
  usePageTitle(words.place.sources)
  const address = useAddress()
  const reading = useSources()
  const sources = reading.data?.sources ?? []
  const rates = useRates(sources)
  const bad = sources.filter((one) => one.health === 'critical' || one.health === 'warning')
  const unknown = sources.filter((one) => one.health === 'unknown')
  const health: Health = bad.length > 0 ? 'critical' : sources.length === 0 ? 'unknown' : 'ok'
  const openId = address.search['source']
  return (
    <>
      <PageHead
        health={reading.data ? health : undefined}
        healthWord={words.health[health]}
        verdict={
          reading.data
            ? words.sources.verdict({
                count: sources.length,
                bad: bad.length,
                unknown: unknown.length,
                name: bad[0]?.name ?? '',
              })
            : words.place.sources
        }
      />
      <div className="column">
        <Shown reading={reading} what={words.sources.failed} rowCount={8}>
          {(data) => (
            <>
              {kinds.map((kind) => {
                const rows = sources.filter((one) => one.kind === kind)
                return rows.length === 0 ? null : (
                  <Card key={kind} title={words.sources.kinds[kind]} count={rows.length} isFlush>
                    <SourceTable
                      kind={kind}
                      rows={rows}
                      rates={rates}
                      openId={openId}
                      onOpen={(source) => address.set({ source: source.id }, true)}
                    />
                  </Card>
                )
              })}
              {sources.length === 0 ? (
                <Card>
                  <Empty title={words.sources.none}>{words.sources.noneHint}</Empty>
                </Card>
              ) : null}
              <SeriesCard series={data.series} />
              <Drops drops={data.drops} />
              <DroppedTargets />
            </>
          )}
        </Shown>
        <Connect />
      </div>
      <SourceDrawer
        source={sources.find((one) => one.id === openId)}
        list={reading.data}
        onClose={() => address.set({ source: undefined })}
      />
    </>
  )
}

/** Rows per second: of a target what its last page had over its interval, of a receiver what it counted. */
function useRates(sources: readonly SourceView[]): ReadonlyMap<string, number> {
  const { range } = useRange()
  const isHeard = sources.some((one) => one.kind === 'receiver' && one.lastTimeMs !== undefined)
  const now = { ...range, lastMs: range.lastMs ?? 3_600_000 }
  const counted = useInstantQueries(isHeard ? [receiverRates] : [], now)[0]?.data?.rows
  return useMemo(() => {
    const rates = new Map<string, number>()
    for (const { id, intervalMs, sampleCount } of sources)
      if (intervalMs !== undefined && intervalMs > 0)
        rates.set(id, sampleCount / (intervalMs / 1000))
    for (const { labels, value } of counted ?? [])
      rates.set(`receiver:${labels['source'] ?? ''}`, Number(value))
    return rates
  }, [sources, counted])
}
