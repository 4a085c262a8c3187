/** Routes: if this fires, who is told, when, and why not the others? */

import { useMemo } from 'react'
import type { RouteNode } from '../../../src/api/rules.ts'
import { useAlerts } from '../../data/queries.ts'
import { useRoutePreview, useRouteTree } from '../../data/routing.ts'
import { Card, Columns, PageHead } from '../../kit/Card.tsx'
import { CopyBlock } from '../../kit/Copy.tsx'
import { Empty, Shown } from '../../kit/Feedback.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { useFormat } from '../../kit/format.tsx'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { readLabelText, writeLabelText } from './label-text.ts'
import { RouteAnswer } from './RouteAnswer.tsx'
import { RouteBranch } from './RouteBranch.tsx'
import './routes.css'

const example = `route:
  receiver: team
  routes:
    - matchers: [severity="page"]
      receiver: on-call
receivers:
  - name: team
    email_configs: [{ to: team@example.org }]
  - name: on-call
    webhook_configs: [{ url: https://example.org/hook }]`

/** The page. */
export default function RoutesPage() {
  const words = useWords()
  const format = useFormat()
  usePageTitle(words.place.routes)
  const address = useAddress()
  const text = address.search['labels'] ?? ''
  const read = useMemo(() => readLabelText(text), [text])
  const isAsking = text.trim() !== '' && read.fault === undefined
  const tree = useRouteTree()
  const preview = useRoutePreview(isAsking ? read.labels : undefined)
  const answer = isAsking ? preview.data : undefined
  const nodes = tree.data?.root ? listNodes(tree.data.root) : []
  const figures = {
    routes: nodes.length,
    receivers: new Set(nodes.map(({ receiver }) => receiver)).size,
    paused: nodes.filter(({ pausedBy }) => pausedBy.length > 0).length,
  }
  return (
    <>
      <PageHead
        verdict={
          answer
            ? words.routes.told({ receivers: format.list(answer.receivers) })
            : nodes.length > 0
              ? words.routes.verdict(figures)
              : words.place.routes
        }
        actions={
          <Link to="/notifications" search={{ view: 'receivers' }} className="link-button">
            {words.routes.seeReceivers}
          </Link>
        }
      />
      <Shown reading={tree} what={words.routes.failed} rowCount={6}>
        {({ root }) =>
          root === undefined ? (
            <Card label={words.place.routes}>
              <Empty title={words.routes.none}>
                <div className="stack">
                  <p>{words.routes.noneHint}</p>
                  <CopyBlock label={words.place.routes} text={example} />
                </div>
              </Empty>
            </Card>
          ) : (
            <Columns
              side={<RouteAnswer preview={answer} error={isAsking ? preview.error : undefined} />}
            >
              <Card>
                <LabelFields text={text} fault={read.fault} />
              </Card>
              <Card title={words.routes.tree}>
                <ul className="route-tree">
                  <RouteBranch node={root} verdicts={answer?.verdicts} />
                </ul>
              </Card>
            </Columns>
          )
        }
      </Shown>
    </>
  )
}

function LabelFields(props: { text: string; fault: string | undefined }) {
  const words = useWords()
  const address = useAddress()
  const alerts = (useAlerts().data?.alerts ?? []).filter(({ state }) => state !== 'resolved')
  return (
    <div className="route-ask">
      <TextField
        label={words.routes.labels}
        isMono
        type="search"
        placeholder={words.routes.labelsHint}
        value={props.text}
        fault={
          props.fault === undefined ? undefined : words.routes.labelsFault({ part: props.fault })
        }
        onChange={(value) => address.set({ labels: value })}
      />
      {alerts.length === 0 ? null : (
        <SelectField
          label={words.routes.from}
          value={
            alerts.find(({ labels }) => writeLabelText(labels) === props.text)?.fingerprint ?? ''
          }
          options={[
            { value: '', label: words.routes.choose },
            ...alerts.map(({ fingerprint, name, labels }) => ({
              value: fingerprint,
              label: [name, labels['service'] ?? labels['instance'] ?? ''].join(' ').trim(),
            })),
          ]}
          onChange={(fingerprint) => {
            const found = alerts.find((alert) => alert.fingerprint === fingerprint)
            address.set({ labels: found && writeLabelText(found.labels) })
          }}
        />
      )}
    </div>
  )
}

function listNodes(node: RouteNode): RouteNode[] {
  return [node, ...node.children.flatMap(listNodes)]
}
