/** What the Metrics page shows before anything is asked: questions for what is really here, and all metrics. */

import { useMemo, useState } from 'react'
import { useLabelValues, useMetadata } from '../../data/queries.ts'
import { Card } from '../../kit/Card.tsx'
import { Empty, Fault, Skeleton } from '../../kit/Feedback.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

/** What a first visit shows: questions that this server can answer now, made of metrics that it really has. */
export function Start(props: { onPick: (query: string) => void }) {
  const words = useWords()
  const names = useLabelValues('__name__')
  const metadata = useMetadata().data
  const [filter, setFilter] = useState('')
  const have = useMemo(() => new Set(names.data ?? []), [names.data])
  const examples = (
    [
      [
        'node_cpu_seconds_total',
        '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))',
        'cpu',
      ],
      ['node_memory_MemAvailable_bytes', 'node_memory_MemAvailable_bytes', 'memory'],
      [
        'node_network_receive_bytes_total',
        'sum by (device) (rate(node_network_receive_bytes_total[1m]))',
        'network',
      ],
      [
        'http_requests_total',
        'sum by (service, version) (rate(http_requests_total[1m]))',
        'requests',
      ],
      [
        'http_requests_total',
        'sum by (service) (rate(http_requests_total{status=~"5.."}[1m])) / sum by (service) (rate(http_requests_total[1m]))',
        'errors',
      ],
      ['log_lines_total', 'sum by (level) (rate(log_lines_total[1m]))', 'logs'],
      ['up', 'up', 'up'],
    ] as const
  ).filter(([metric]) => have.has(metric))
  if (names.data?.length === 0) {
    return (
      <Card>
        <Empty
          title={words.metrics.nothingYet}
          action={<Link to="/sources">{words.place.sources}</Link>}
        >
          {words.metrics.nothingYetHint}
        </Empty>
      </Card>
    )
  }
  const found = (names.data ?? []).filter((name) =>
    name.toLowerCase().includes(filter.toLowerCase()),
  )
  return (
    <>
      {examples.length > 0 ? (
        <Card title={words.metrics.examples}>
          <div className="example-list">
            {examples.map(([, query, key]) => (
              <button
                key={key}
                type="button"
                className="example"
                onClick={() => props.onPick(query)}
              >
                <span>{words.metrics.example[key]}</span>
                <code>{query}</code>
              </button>
            ))}
          </div>
        </Card>
      ) : null}
      <Card title={words.metrics.all} count={names.data?.length}>
        <div className="filter-bar">
          <div className="field">
            <input
              type="search"
              className="input"
              aria-label={words.metrics.filter}
              placeholder={words.metrics.filter}
              value={filter}
              onChange={(event) => setFilter(event.target.value)}
            />
          </div>
        </div>
        {names.data === undefined ? (
          names.error ? (
            <Fault error={names.error} onRetry={names.refetch} />
          ) : (
            <Skeleton rowCount={6} />
          )
        ) : (
          <div className="example-list">
            {found.slice(0, 60).map((name) => (
              <button
                key={name}
                type="button"
                className="example"
                onClick={() => props.onPick(name)}
              >
                <code>{name}</code>
                <span className="quiet">{metadata?.[name]?.[0]?.help ?? ''}</span>
              </button>
            ))}
            {found.length > 60 ? (
              <p className="quiet">{words.metrics.more({ count: found.length - 60 })}</p>
            ) : null}
            {found.length === 0 ? <p className="mid">{words.metrics.noMatch({ filter })}</p> : null}
          </div>
        )}
      </Card>
    </>
  )
}
