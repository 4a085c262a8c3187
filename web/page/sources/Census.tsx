/** A source's series against its limit, and which labels and metrics make them many. */

import type { SourceSeriesView } from '../../../src/api/api.ts'
import { useSourceCensus } from '../../data/targets.ts'
import { Shown } from '../../kit/Feedback.tsx'
import { useFormat } from '../../kit/format.tsx'
import { useWords } from '../../word/word.tsx'
import { LabelBars } from '../LabelBars.tsx'

const shownMetricsMax = 10

/** The census of one source. */
export function Census(props: { series: SourceSeriesView }) {
  const { series } = props
  const words = useWords()
  const format = useFormat()
  const reading = useSourceCensus(series.source)
  return (
    <div className="stack">
      <SeriesBar series={series} />
      {series.message === '' ? null : (
        <div>
          <p className="field-fault">{series.message}</p>
          <p className="mid">{words.sources.limitHint}</p>
        </div>
      )}
      <Shown reading={reading} rowCount={4}>
        {(census) => (
          <>
            <h4 className="mid">{words.sources.byLabel}</h4>
            <LabelBars
              labels={census.labels.map(({ name, valueCount, examples }) => ({
                name,
                valueCount,
                examples: examples.map((value) => ({ value })),
              }))}
            />
            <h4 className="mid">{words.sources.byMetric}</h4>
            <ul className="plain-list">
              {census.metrics.slice(0, shownMetricsMax).map(({ name, seriesCount }) => (
                <li key={name} className="plain-item">
                  <code>{name}</code>
                  <span className="quiet">{format.count(seriesCount)}</span>
                </li>
              ))}
            </ul>
            {census.examinedCount < census.seriesCount ? (
              <p className="quiet">{words.sources.examined({ count: census.examinedCount })}</p>
            ) : null}
          </>
        )}
      </Shown>
    </div>
  )
}

/** How full the source's room is. */
export function SeriesBar(props: { series: SourceSeriesView }) {
  const { seriesCount, seriesCountMax } = props.series
  const words = useWords()
  const format = useFormat()
  if (seriesCountMax === 0)
    return <span className="no-wrap">{words.sources.unlimited({ count: seriesCount })}</span>
  const part = seriesCount / seriesCountMax
  return (
    <span className="plain-count">
      <span className="part-bar" data-full={part >= 0.9 || undefined} aria-hidden>
        <span style={{ width: `${Math.min(1, part) * 100}%` }} />
      </span>
      <span className="no-wrap">
        {words.sources.ofLimit({
          count: format.count(seriesCount),
          limit: format.count(seriesCountMax),
          part: format.value(part, 'ratio'),
        })}
      </span>
    </span>
  )
}
