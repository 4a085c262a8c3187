/** Ways to connect more, each with what to copy, holding this server's own address. */

import { useState } from 'react'
import { Card } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Segments } from '../../kit/Field.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { recordByCurl } from '../deliveries/DeliveriesPage.tsx'

const ways = ['prometheus', 'remote-write', 'node', 'loki', 'file', 'deployment'] as const
type Way = (typeof ways)[number]

/** The card. */
export function Connect() {
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
