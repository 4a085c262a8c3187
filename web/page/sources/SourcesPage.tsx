/** Sources: where does data come from, is it healthy, and how to connect more. */

import { useState } from 'react'
import type { SourceView } from '../../../src/api/api.ts'
import type { Health } from '../../../src/model/health.ts'
import { useSources } from '../../data/queries.ts'
import { Card, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { Segments } from '../../kit/Field.tsx'
import { Age, useFormat, Value } from '../../kit/format.tsx'
import { Labels } from '../../kit/Labels.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { recordByCurl } from '../deliveries/DeliveriesPage.tsx'
import { usePageTitle } from '../page-title.ts'

const kinds = ['host', 'scrape', 'receiver', 'file'] as const

/** The page. */
export default function SourcesPage() {
  const words = useWords()
  usePageTitle(words.place.sources)
  const reading = useSources()
  const sources = reading.data?.sources ?? []
  const bad = sources.filter((one) => one.health === 'critical' || one.health === 'warning')
  const unknown = sources.filter((one) => one.health === 'unknown')
  const health: Health = bad.length > 0 ? 'critical' : sources.length === 0 ? 'unknown' : 'ok'
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
                    <SourceTable kind={kind} rows={rows} />
                  </Card>
                )
              })}
              {sources.length === 0 ? (
                <Card>
                  <Empty title={words.sources.none}>{words.sources.noneHint}</Empty>
                </Card>
              ) : null}
              <Drops drops={data.drops} />
            </>
          )}
        </Shown>
        <Connect />
      </div>
    </>
  )
}

function SourceTable(props: { kind: SourceView['kind']; rows: readonly SourceView[] }) {
  const words = useWords()
  const format = useFormat()
  const hasLines = props.kind === 'file' || props.kind === 'receiver'
  const columns: Column<SourceView>[] = [
    {
      key: 'health',
      head: words.sources.state,
      width: '120px',
      sortBy: (row) => ['critical', 'warning', 'unknown', 'info', 'ok'].indexOf(row.health),
      cell: (row) => (
        <StateBadge
          health={row.health}
          word={
            row.health === 'ok'
              ? words.sources.up
              : row.health === 'critical'
                ? words.sources.down
                : row.health === 'unknown'
                  ? words.sources.waiting
                  : words.health[row.health]
          }
        />
      ),
    },
    {
      key: 'name',
      head: words.sources.name,
      sortBy: (row) => row.name,
      cell: (row) => (
        <div>
          <span className="strong">{row.name}</span>
          {row.address === '' || row.address === row.name ? null : (
            <div className="mid mono">{row.address}</div>
          )}
          {row.lastError === '' ? null : <div className="field-fault">{row.lastError}</div>}
        </div>
      ),
    },
    {
      key: 'labels',
      head: words.sources.labels,
      isMinor: true,
      width: '30%',
      cell: (row) => <Labels labels={row.labels} />,
    },
    {
      key: 'count',
      head: hasLines ? words.sources.linesOrSamples : words.sources.samples,
      align: 'end',
      width: '120px',
      cell: (row) => (
        <span
          className="no-wrap"
          title={`${format.count(row.sampleCount)} / ${format.count(row.lineCount)}`}
        >
          <Value value={Math.max(row.sampleCount, row.lineCount)} unit="count" />
        </span>
      ),
    },
    {
      key: 'interval',
      head: words.sources.interval,
      align: 'end',
      isMinor: true,
      width: '90px',
      cell: (row) =>
        row.intervalMs === undefined ? (
          <span className="quiet">–</span>
        ) : (
          <span className="no-wrap">{format.span(row.intervalMs)}</span>
        ),
    },
    {
      key: 'took',
      head: words.sources.took,
      align: 'end',
      isMinor: true,
      width: '90px',
      cell: (row) => (
        <Value
          value={row.lastDurationMs === undefined ? undefined : row.lastDurationMs / 1000}
          unit="seconds"
        />
      ),
    },
    {
      key: 'last',
      head: words.sources.last,
      align: 'end',
      width: '110px',
      sortBy: (row) => -(row.lastTimeMs ?? 0),
      cell: (row) => <Age timeMs={row.lastTimeMs} />,
    },
  ]
  return (
    <Table
      label={words.sources.kinds[props.kind]}
      columns={columns}
      rows={props.rows}
      rowKey={(row) => row.id}
      initialSort={{ key: 'health', isDescending: false }}
    />
  )
}

function Drops(props: { drops: readonly { source: string; reason: string; count: number }[] }) {
  const words = useWords()
  const format = useFormat()
  const drops = props.drops.filter((drop) => drop.count > 0)
  if (drops.length === 0) {
    return (
      <Card title={words.sources.drops}>
        <p className="mid">{words.sources.noDrops}</p>
      </Card>
    )
  }
  return (
    <Card title={words.sources.drops} isFlush>
      <Table
        label={words.sources.drops}
        rows={drops}
        rowKey={(row) => `${row.source} ${row.reason}`}
        columns={[
          { key: 'reason', head: words.sources.reason, cell: (row) => <code>{row.reason}</code> },
          { key: 'source', head: words.sources.name, cell: (row) => row.source },
          {
            key: 'count',
            head: words.sources.rows,
            align: 'end',
            sortBy: (row) => row.count,
            cell: (row) => format.count(row.count),
          },
        ]}
      />
    </Card>
  )
}

const ways = ['prometheus', 'remote-write', 'node', 'loki', 'file', 'deployment'] as const
type Way = (typeof ways)[number]

/** Ways to connect more, each with what to copy, holding this server's own address. */
function Connect() {
  const words = useWords()
  const [way, setWay] = useState<Way>('prometheus')
  return (
    <Card title={words.sources.connect}>
      <div className="stack">
        <div>
          <Segments
            label={words.sources.connect}
            value={way}
            onChange={setWay}
            options={ways.map((one) => ({ value: one, label: words.sources.ways[one].name }))}
          />
        </div>
        <p className="mid">{words.sources.ways[way].text}</p>
        {wayTexts(way, location.origin, location.host).map((text) => (
          <CopyBlock key={text} label={words.sources.ways[way].name} text={text} />
        ))}
        <p className="quiet">
          {words.sources.tokenHint} <Link to="/settings">{words.place.settings}</Link>
        </p>
      </div>
    </Card>
  )
}

function wayTexts(way: Way, origin: string, host: string): string[] {
  switch (way) {
    case 'prometheus':
      return [
        "scrape_configs:\n  - job_name: shop\n    scrape_interval: 15s\n    static_configs:\n      - targets: ['checkout:8080']",
      ]
    case 'remote-write':
      return [
        `remote_write:\n  - url: ${origin}/api/v1/write\n    # only needed when this server is not on the same machine:\n    # authorization:\n    #   credentials: <ingest token>`,
      ]
    case 'node':
      return [
        'apt-get install -y prometheus-node-exporter',
        "scrape_configs:\n  - job_name: node\n    static_configs:\n      - targets: ['other-host:9100']",
      ]
    case 'loki':
      return [
        `curl -H 'Content-Type: application/json' ${origin}/loki/api/v1/push \\\n  -d '{"streams":[{"stream":{"service":"checkout"},"values":[["'$(date +%s%N)'","level=info msg=hello"]]}]}'`,
        `# promtail.yml\nclients:\n  - url: ${origin}/loki/api/v1/push\nscrape_configs:\n  - job_name: files\n    static_configs:\n      - targets: [localhost]\n        labels: { service: checkout, __path__: /var/log/checkout/*.log }`,
      ]
    case 'file':
      return [
        'logs:\n  files:\n    - paths: [/var/log/checkout/*.log]\n      labels: { service: checkout }',
      ]
    case 'deployment':
      return [
        `shipwatch deployment record --service checkout --version v2${host.startsWith('127.') || host.startsWith('localhost') ? '' : ` --url ${origin}`}`,
        recordByCurl(origin),
      ]
  }
}
