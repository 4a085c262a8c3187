/** All that is known of one source: state, figures, labels with what relabeling did, drops, series, charts. */

import { lazy, Suspense } from 'react'
import type { SourceList, SourceView } from '../../../src/api/api.ts'
import { useTargets } from '../../data/targets.ts'
import { Facts } from '../../kit/Card.tsx'
import { Skeleton } from '../../kit/Feedback.tsx'
import { Age, useFormat, Value } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { Drawer } from '../../kit/Overlay.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { useWords } from '../../word/word.tsx'
import { Census } from './Census.tsx'
import { DropTable } from './Drops.tsx'
import { RelabelSteps } from './RelabelSteps.tsx'
import { stateWord } from './SourceTable.tsx'
import { countedName } from './source-queries.ts'

const SourceCharts = lazy(() => import('./SourceCharts.tsx'))

/** The drawer; closed without a source. */
export function SourceDrawer(props: {
  source: SourceView | undefined
  list: SourceList | undefined
  onClose: () => void
}) {
  const { source, list } = props
  return (
    <Drawer isOpen={source !== undefined} onClose={props.onClose} title={source?.name ?? ''}>
      {source === undefined || list === undefined ? null : (
        <Details key={source.id} source={source} list={list} />
      )}
    </Drawer>
  )
}

function Details(props: { source: SourceView; list: SourceList }) {
  const { source, list } = props
  const words = useWords()
  const format = useFormat()
  const counted = countedName(source)
  const target = useTargets().data?.activeTargets.find((one) => one.scrapeUrl === source.address)
  const series = list.series.find((one) => one.source === counted)
  const drops = list.drops.filter((one) => one.source === counted && one.count > 0)
  return (
    <div className="stack-wide">
      <div className="stack">
        <div>
          <StateBadge health={source.health} word={stateWord(source, words)} />
        </div>
        {source.lastError === '' ? null : (
          <div>
            <p className="field-fault">{source.lastError}</p>
            <p className="mid">{words.sources.errorHint[source.kind]}</p>
          </div>
        )}
        <Facts
          items={[
            [words.sources.address, <code key="address">{source.address}</code>],
            [
              source.intervalMs === undefined ? words.sources.last : words.sources.lastScrape,
              <Age key="last" timeMs={source.lastTimeMs} />,
            ],
            ...(source.intervalMs === undefined
              ? []
              : ([[words.sources.interval, format.span(source.intervalMs)]] as [string, string][])),
            ...(target === undefined
              ? []
              : ([[words.sources.timeout, target.scrapeTimeout]] as [string, string][])),
            ...(source.lastDurationMs === undefined
              ? []
              : ([
                  [
                    words.sources.took,
                    <Value key="took" value={source.lastDurationMs / 1000} unit="seconds" />,
                  ],
                ] as [string, React.ReactNode][])),
            [
              source.lineCount > 0 ? words.sources.lines : words.sources.samples,
              format.count(Math.max(source.sampleCount, source.lineCount)),
            ],
          ]}
        />
      </div>
      {Object.keys(source.labels).length === 0 ? null : (
        <section className="stack">
          <h3 className="chart-title">{words.sources.labels}</h3>
          <Labels labels={source.labels} />
          {target === undefined ? null : (
            <RelabelSteps pool={target.scrapePool} labels={target.discoveredLabels} />
          )}
        </section>
      )}
      {drops.length === 0 ? null : (
        <section className="stack">
          <h3 className="chart-title">{words.sources.drops}</h3>
          <DropTable drops={drops} />
        </section>
      )}
      {series === undefined || series.seriesCount === 0 ? null : (
        <section className="stack">
          <h3 className="chart-title">{words.sources.series}</h3>
          <Census series={series} />
        </section>
      )}
      <Suspense fallback={<Skeleton heightPx={120} />}>
        <SourceCharts source={source} />
      </Suspense>
    </div>
  )
}
