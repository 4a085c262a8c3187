/** Settings: how it looks here, who may call it, the configuration in force, what is stored. */

import { Allowed } from '../Allowed.tsx'
import { useState } from 'react'
import type { SettingsView, TokenView } from '../../../src/api/api.ts'
import { useNowTimeMs } from '../../data/clock.ts'
import { setPreferences, usePreferences } from '../../data/preferences.ts'
import {
  useMakeToken,
  useRevokeToken,
  useSession,
  useSetPassword,
  useSettings,
  useSignOut,
} from '../../data/queries.ts'
import { Button } from '../../kit/Button.tsx'
import { Card, Facts, PageHead } from '../../kit/Card.tsx'
import { CopyBlock, CopyButton } from '../../kit/Copy.tsx'
import { ActFault, Empty, Shown } from '../../kit/Feedback.tsx'
import { SelectField, Switch, TextField } from '../../kit/Field.tsx'
import { Age, Moment, useFormat, Value } from '../../kit/format.tsx'
import { SignOutIcon } from '../../kit/icons.ts'
import { ConfirmButton } from '../../kit/Overlay.tsx'
import { StateBadge, Tag } from '../../kit/State.tsx'
import { type Column, Table } from '../../kit/Table.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { Pushes } from './Pushes.tsx'

const passwordLengthMin = 10

/** The page. */
export default function SettingsPage() {
  const words = useWords()
  usePageTitle(words.place.settings)
  const reading = useSettings()
  const session = useSession().data
  const signOut = useSignOut()
  return (
    <>
      <PageHead
        verdict={
          session?.isAuthRequired === false
            ? words.settings.openVerdict
            : words.settings.verdict({ user: session?.user ?? '', role: session?.role ?? 'none' })
        }
        actions={
          session?.isAuthRequired ? (
            <Button
              icon={<SignOutIcon size={15} stroke={1.6} />}
              isRunning={signOut.isRunning}
              onClick={() => signOut.run()}
            >
              {words.settings.signOut}
            </Button>
          ) : undefined
        }
      />
      <div className="settings">
        <Looks />
        <Allowed to="respond">
          <Pushes user={session?.user ?? ''} />
        </Allowed>
        <Shown reading={reading} what={words.settings.failed} rowCount={8}>
          {(data) => (
            <>
              <Allowed to="administer">
                <Tokens tokens={data.tokens} />
                <Password hasPassword={data.hasPassword} />
              </Allowed>
              <About settings={data} />
              <Configuration settings={data} />
            </>
          )}
        </Shown>
      </div>
    </>
  )
}

function Looks() {
  const words = useWords()
  const choice = usePreferences()
  const { settings } = words
  const zones = [
    'local',
    'UTC',
    ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC'),
  ]
  return (
    <Card title={settings.looks}>
      <div className="stack-wide">
        <div className="tiles">
          <SelectField
            label={settings.language}
            value={choice.language}
            onChange={(language) => setPreferences({ language })}
            options={[
              { value: 'auto', label: settings.auto },
              { value: 'en', label: 'English' },
              { value: 'zh-CN', label: '简体中文' },
            ]}
          />
          <SelectField
            label={settings.appearance}
            value={choice.appearance}
            onChange={(appearance) => setPreferences({ appearance })}
            options={(['auto', 'light', 'dark'] as const).map((value) => ({
              value,
              label: settings.appearances[value],
            }))}
          />
          <SelectField
            label={settings.timeZone}
            value={choice.timeZone}
            onChange={(timeZone) => setPreferences({ timeZone })}
            options={zones.map((value) => ({
              value,
              label:
                value === 'local'
                  ? settings.localZone({ zone: Intl.DateTimeFormat().resolvedOptions().timeZone })
                  : value,
            }))}
          />
          <SelectField
            label={settings.density}
            value={choice.density}
            onChange={(density) => setPreferences({ density })}
            options={(['auto', 'comfortable'] as const).map((value) => ({
              value,
              label: settings.densities[value],
            }))}
          />
        </div>
        <Switch
          label={settings.singleKeys}
          hint={settings.singleKeysHint}
          isOn={choice.hasSingleKeys}
          onChange={(hasSingleKeys) => setPreferences({ hasSingleKeys })}
        />
      </div>
    </Card>
  )
}

function Tokens(props: { tokens: readonly TokenView[] }) {
  const words = useWords()
  const revoke = useRevokeToken()
  const columns: Column<TokenView>[] = [
    {
      key: 'name',
      head: words.settings.tokenName,
      sortBy: (row) => row.name,
      cell: (row) => <span className="strong">{row.name}</span>,
    },
    {
      key: 'scope',
      head: words.settings.scope,
      cell: (row) => <Tag>{words.settings.scopes[row.scope]}</Tag>,
    },
    {
      key: 'made',
      head: words.settings.created,
      isMinor: true,
      cell: (row) => <Moment timeMs={row.createdTimeMs} isNear />,
    },
    {
      key: 'used',
      head: words.settings.lastUsed,
      cell: (row) =>
        row.lastUsedTimeMs === undefined ? (
          <span className="quiet">{words.settings.neverUsed}</span>
        ) : (
          <Age timeMs={row.lastUsedTimeMs} />
        ),
    },
    {
      key: 'revoke',
      head: <span className="hidden-text">{words.settings.revoke}</span>,
      align: 'end',
      cell: (row) => (
        <ConfirmButton
          button={{ children: words.settings.revoke, size: 'small', weight: 'danger' }}
          title={words.settings.revokeTitle({ name: row.name })}
          text={words.settings.revokeText}
          confirm={words.settings.revoke}
          act={{ ...revoke, run: (_reason, o) => revoke.run(row.id, o) }}
        />
      ),
    },
  ]
  return (
    <Card title={words.settings.tokens} count={props.tokens.length || undefined}>
      <div className="stack-wide">
        <NewToken />
        {props.tokens.length === 0 ? (
          <Empty title={words.settings.noTokens}>{words.settings.noTokensHint}</Empty>
        ) : (
          <Table
            label={words.settings.tokens}
            columns={columns}
            rows={props.tokens}
            rowKey={(row) => row.id}
          />
        )}
      </div>
    </Card>
  )
}

function NewToken() {
  const words = useWords()
  const make = useMakeToken()
  const [name, setName] = useState('')
  const [scope, setScope] = useState<TokenView['scope']>('ingest')
  const isReady = name.trim() !== ''
  return (
    <div className="stack">
      <form
        className="token-form"
        onSubmit={(event) => {
          event.preventDefault()
          if (isReady) make.run({ name: name.trim(), scope }, { onDone: () => setName('') })
        }}
      >
        <TextField
          label={words.settings.tokenName}
          value={name}
          onChange={setName}
          placeholder={words.settings.tokenExample}
        />
        <SelectField
          label={words.settings.scope}
          value={scope}
          onChange={setScope}
          options={(['ingest', 'read', 'respond', 'admin'] as const).map((value) => ({
            value,
            label: words.settings.scopes[value],
          }))}
        />
        <Button type="submit" isDisabled={!isReady} isRunning={make.isRunning}>
          {words.settings.createToken}
        </Button>
      </form>
      <ActFault error={make.error} />
      {make.answer ? (
        <div className="secret" role="status">
          <p className="strong">{words.settings.secretOnce({ name: make.answer.view.name })}</p>
          <CopyBlock label={words.settings.secret} text={make.answer.token} />
        </div>
      ) : null}
    </div>
  )
}

function Password(props: { hasPassword: boolean }) {
  const words = useWords()
  const act = useSetPassword()
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [isSaved, setSaved] = useState(false)
  const isShort = password !== '' && password.length < passwordLengthMin
  const isDifferent = again !== '' && again !== password
  const isReady = password.length >= passwordLengthMin && again === password
  return (
    <Card title={words.settings.password}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          if (!isReady) return
          act.run(password, {
            onDone: () => {
              setSaved(true)
              setPassword('')
              setAgain('')
            },
          })
        }}
      >
        <p className="mid">
          {props.hasPassword ? words.settings.passwordSet : words.settings.passwordNone}
        </p>
        <div className="tiles">
          <TextField
            label={words.settings.newPassword}
            type="password"
            autoComplete="new-password"
            value={password}
            onChange={(value) => {
              setSaved(false)
              setPassword(value)
            }}
            fault={isShort ? words.settings.passwordShort({ count: passwordLengthMin }) : undefined}
          />
          <TextField
            label={words.settings.again}
            type="password"
            autoComplete="new-password"
            value={again}
            onChange={setAgain}
            fault={isDifferent ? words.settings.passwordDifferent : undefined}
          />
        </div>
        <ActFault error={act.error} />
        <div className="line">
          <Button type="submit" isRunning={act.isRunning} isDisabled={!isReady}>
            {words.settings.savePassword}
          </Button>
          <span role="status" className="mid">
            {isSaved ? words.settings.passwordSaved : ''}
          </span>
        </div>
      </form>
    </Card>
  )
}

function About(props: { settings: SettingsView }) {
  const { settings } = props
  const words = useWords()
  const format = useFormat()
  const nowTimeMs = useNowTimeMs()
  const { store } = settings
  return (
    <Card title={words.settings.about}>
      <div className="tiles">
        <Facts
          items={[
            [words.settings.version, settings.version],
            [
              words.settings.running,
              <span key="r">{format.span(nowTimeMs - settings.startedTimeMs)}</span>,
            ],
            [words.settings.dataDir, <code key="d">{settings.dataDir}</code>],
            [
              words.settings.configFile,
              settings.configFile === '' ? (
                <span key="n" className="quiet">
                  {words.settings.noFile}
                </span>
              ) : (
                <code key="c">{settings.configFile}</code>
              ),
            ],
          ]}
        />
        <Facts
          items={[
            [words.settings.seriesCount, format.count(store.seriesCount)],
            [words.settings.engine, <Value key="e" value={store.engineBytes} unit="bytes" />],
            [words.settings.journal, <Value key="j" value={store.journalBytes} unit="bytes" />],
            [words.settings.retention, <span key="t">{format.span(store.retentionMs)}</span>],
            [words.settings.oldest, <Moment key="o" timeMs={store.oldestTimeMs} />],
          ]}
        />
      </div>
    </Card>
  )
}

function Configuration(props: { settings: SettingsView }) {
  const { settings } = props
  const words = useWords()
  const { lastReload } = settings
  return (
    <Card title={words.settings.configuration} actions={<CopyButton text={settings.configYaml} />}>
      <div className="stack">
        <div className="line-wrap">
          <StateBadge
            health={lastReload.isSuccess ? 'ok' : 'critical'}
            word={lastReload.isSuccess ? words.settings.loaded : words.settings.loadRefused}
          />
          <Moment timeMs={lastReload.timeMs} isNear />
        </div>
        {lastReload.isSuccess || lastReload.message === '' ? null : (
          <pre className="code-text">{lastReload.message}</pre>
        )}
        <p className="mid">{words.settings.configurationHint}</p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a frame that scrolls must be reachable by keyboard */}
        <section className="yaml" tabIndex={0} aria-label={words.settings.configuration}>
          <pre>{settings.configYaml}</pre>
        </section>
      </div>
    </Card>
  )
}
