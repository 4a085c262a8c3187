/** One alert: what it says, why, since when, what it looks like, and who was told. */

import { Allowed } from '../Allowed.tsx'
import type { AlertView } from '../../../src/api/api.ts'
import type { PageView } from '../../../src/api/on-call.ts'
import { TimeChart } from '../../chart/TimeChart.tsx'
import { guessUnit } from '../../chart/unit.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { commonLabels, seriesName } from '../../data/prometheus.ts'
import { useDeployments, useRangeQuery } from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Facts } from '../../kit/Card.tsx'
import { CopyButton } from '../../kit/Copy.tsx'
import { Fault, Skeleton } from '../../kit/Feedback.tsx'
import { Age, Moment, useFormat } from '../../kit/format.tsx'
import { SilenceIcon } from '../../kit/icons.ts'
import { Labels } from '../../kit/Labels.tsx'
import { Tag } from '../../kit/State.tsx'
import { Link } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { AlertBadge, severityOfAlert } from '../AlertBadge.tsx'
import { splitComparison } from './comparison.ts'
import { PagePanel } from './PagePanel.tsx'

/** The details. */
export function AlertDetails(props: {
  alert: AlertView
  page: PageView | undefined
  onSilence: () => void
  /** A label was picked to filter by. */
  onPick: (name: string, value: string) => void
}) {
  const { alert } = props
  const words = useWords()
  const { summary, description, runbook_url: runbook, ...others } = alert.annotations
  const severity = severityOfAlert(alert)
  const ways = (
    <Ways alert={alert} page={props.page} runbook={runbook} onSilence={props.onSilence} />
  )
  return (
    <div className="stack-wide">
      <div className="stack">
        <div className="line-wrap">
          <AlertBadge alert={alert} />
          {severity === '' ? null : <Tag>{severity}</Tag>}
          <span className="quiet">
            {alert.state === 'resolved' ? (
              <Age timeMs={alert.endTimeMs} />
            ) : (
              <Age timeMs={alert.firedTimeMs ?? alert.activeTimeMs} />
            )}
          </span>
          <span className="line-end">
            <CopyButton
              text={`${location.origin}/alerts?alert=${alert.fingerprint}`}
              label={words.alert.link}
            />
          </span>
        </div>
        {summary ? <p className="strong">{summary}</p> : null}
        {description && description !== summary ? <p className="mid">{description}</p> : null}
        {alert.held ? <HeldBy held={alert.held} /> : null}
      </div>
      {props.page === undefined ? ways : <PagePanel page={props.page} ways={ways} />}
      <AlertChart alert={alert} />
      {alert.expression === '' ? null : (
        <div className="stack">
          <div className="line">
            <h3 className="field-label">{words.alert.expression}</h3>
            <span className="line-end">
              <Link to="/metrics" search={{ q: alert.expression }}>
                {words.alert.openQuery}
              </Link>
            </span>
          </div>
          <div className="code-text">{alert.expression}</div>
        </div>
      )}
      <Facts
        items={[
          [words.alert.active, <Moment key="a" timeMs={alert.activeTimeMs} />],
          [words.alert.fired, <Moment key="f" timeMs={alert.firedTimeMs} />],
          ...(alert.state === 'resolved'
            ? [
                [words.alert.ended, <Moment key="e" timeMs={alert.endTimeMs} />] as [
                  React.ReactNode,
                  React.ReactNode,
                ],
              ]
            : []),
          [words.alert.value, <AlertValue key="v" alert={alert} />],
          [
            words.alert.receivers,
            alert.receivers.length === 0 ? (
              <span key="n" className="quiet">
                {words.alert.noReceiver}
              </span>
            ) : (
              <span key="r" className="line-wrap">
                {alert.receivers.map((receiver) => (
                  <Tag key={receiver}>{receiver}</Tag>
                ))}
              </span>
            ),
          ],
          [
            words.alert.labels,
            <Labels
              key="l"
              labels={alert.labels}
              onPick={props.onPick}
              pickLabel={(label) => words.alert.pickLabel({ label })}
            />,
          ],
          ...Object.entries(others).map(([name, value]): [React.ReactNode, React.ReactNode] => [
            name,
            isAddress(value) ? <AddressLink key="u" address={value} /> : value,
          ]),
        ]}
      />
    </div>
  )
}

/** Where one goes from an alert, what helps most first. */
function Ways(props: {
  alert: AlertView
  page: PageView | undefined
  runbook: string | undefined
  onSilence: () => void
}) {
  const { alert, page, runbook = '' } = props
  const words = useWords()
  return (
    <div className="line-wrap alert-ways">
      {isAddress(runbook) ? (
        <a className="link-button" href={runbook} rel="noreferrer noopener" target="_blank">
          {words.alert.runbook}
        </a>
      ) : null}
      {alert.incidentId ? (
        <Link to={`/incidents/${alert.incidentId}`} className="link-button">
          {words.alert.openIncident}
        </Link>
      ) : null}
      {alert.state === 'resolved' ? null : (
        <Allowed to="respond">
          <Button icon={<SilenceIcon size={15} />} onClick={props.onSilence}>
            {words.silence.ofAlert}
          </Button>
        </Allowed>
      )}
      <Link
        to="/notifications"
        className="link-button"
        search={page ? { page: page.id } : { label: `alertname=${alert.name}` }}
      >
        {words.alert.whoWasTold}
      </Link>
      <Link to="/rules" className="link-button" search={{ filter: alert.name }}>
        {words.alert.openRule}
      </Link>
    </div>
  )
}

/** Why nobody is told, and the way to what holds it. */
function HeldBy(props: { held: NonNullable<AlertView['held']> }) {
  const { reason, by } = props.held
  const words = useWords()
  // Silences and alerts have ids, which say nothing to people.
  const isNamed = reason !== 'silenced' && reason !== 'inhibited'
  return (
    <p>
      {words.alert.heldBy({
        reason: words.alert.heldReasons[reason],
        by: isNamed ? by.join(', ') : '',
      })}{' '}
      {reason === 'silenced' ? (
        <Link to="/silences" search={{ filter: by[0] ?? '' }}>
          {words.alert.bySilence}
        </Link>
      ) : reason === 'inhibited' ? (
        <Link to="/alerts" search={{ state: 'firing', alert: by[0] ?? '' }}>
          {words.alert.byAlert}
        </Link>
      ) : reason === 'maintenance' ? (
        <Link to="/silences" search={{ filter: by[0] ?? '' }}>
          {words.alert.byWindow}
        </Link>
      ) : null}
    </p>
  )
}

function isAddress(text: string): boolean {
  return /^https?:\/\/\S+$/.test(text)
}

function AddressLink(props: { address: string }) {
  return (
    <a href={props.address} rel="noreferrer noopener" target="_blank">
      {props.address}
    </a>
  )
}

function AlertValue(props: { alert: AlertView }) {
  const format = useFormat()
  const { query } = splitComparison(props.alert.expression)
  return <>{format.value(props.alert.value, guessUnit(query))}</>
}

/** The rule's own signal around the alert, with its threshold. */
function AlertChart(props: { alert: AlertView }) {
  const { alert } = props
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const { query, threshold } = splitComparison(alert.expression)
  const toTimeMs =
    alert.state === 'resolved'
      ? Math.min((alert.endTimeMs ?? nowTimeMs) + 600_000, nowTimeMs)
      : nowTimeMs
  const lastMs =
    alert.state === 'resolved'
      ? undefined
      : Math.max(
          3_600_000,
          Math.ceil((nowTimeMs - alert.activeTimeMs + 1_200_000) / 600_000) * 600_000,
        )
  const fromTimeMs = lastMs === undefined ? alert.activeTimeMs - 1_800_000 : toTimeMs - lastMs
  const range = { fromTimeMs, toTimeMs, lastMs }
  const reading = useRangeQuery(query, range)
  const deployments = useDeployments({ range, service: alert.labels['service'] }).data?.deployments
  if (query === '') return null
  if (reading.error && !reading.data)
    return <Fault error={reading.error} onRetry={reading.refetch} />
  if (!reading.data) return <Skeleton heightPx={200} />
  const matching = reading.data.series.filter((one) => isSameSubject(one.labels, alert.labels))
  const shown = matching.length > 0 ? matching : reading.data.series
  const common = commonLabels(shown.map((one) => one.labels))
  const unit = guessUnit(query)
  return (
    <TimeChart
      title={words.alert.signal}
      unit={unit}
      timesMs={reading.data.timesMs}
      series={shown.map((one) => ({
        key: seriesName(one.labels),
        // A single series needs no labels to be told apart.
        name:
          shown.length === 1
            ? (one.labels['__name__'] ?? alert.name)
            : seriesName(one.labels, common),
        values: one.values,
      }))}
      range={range}
      heightPx={180}
      marks={{
        deliveries: (deployments ?? []).map((one) => ({
          timeMs: one.startTimeMs,
          label: one.version,
        })),
        spans: [
          {
            fromTimeMs: alert.activeTimeMs,
            toTimeMs: alert.state === 'resolved' ? (alert.endTimeMs ?? nowTimeMs) : nowTimeMs,
          },
        ],
        thresholds:
          threshold === undefined
            ? []
            : [
                {
                  value: threshold,
                  label: words.chart.limit({ value: format.value(threshold, unit) }),
                },
              ],
      }}
    />
  )
}

/** Whether a series of the rule's query is what the alert is about: no label of it says otherwise. */
function isSameSubject(series: Record<string, string>, alert: Record<string, string>): boolean {
  return Object.entries(series).every(
    ([name, value]) => name === '__name__' || alert[name] === undefined || alert[name] === value,
  )
}
