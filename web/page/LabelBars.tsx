/** Labels of some series with how many values each has; the longest bar is the label that explodes. */

import { useFormat } from '../kit/format.tsx'
import { useWords } from '../word/word.tsx'

/** A label with some of its values. */
export interface LabelBar {
  name: string
  valueCount: number
  examples: readonly { value: string; seriesCount?: number }[]
}

/** The bars with a few values each. */
export function LabelBars(props: { labels: readonly LabelBar[] }) {
  const words = useWords()
  const format = useFormat()
  const most = Math.max(1, ...props.labels.map((label) => label.valueCount))
  return (
    <dl className="label-bars">
      {props.labels.map((label) => (
        <div key={label.name} className="label-bar">
          <dt>
            <code>{label.name}</code>
          </dt>
          <dd>
            <span className="part-bar" aria-hidden>
              <span style={{ width: `${(label.valueCount / most) * 100}%` }} />
            </span>
            <span className="no-wrap">{words.metrics.values({ count: label.valueCount })}</span>
            <span className="labels">
              {label.examples.map(({ value, seriesCount }) => (
                <span key={value} className="chip" title={`${label.name}="${value}"`}>
                  {value === '' ? '""' : value}
                  {seriesCount === undefined ? null : (
                    <span className="chip-count">{format.count(seriesCount)}</span>
                  )}
                </span>
              ))}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  )
}
