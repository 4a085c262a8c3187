/** Search and act: pages, services, incidents, alerts, rules, metrics, and what the shell can do. */

import { type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react'
import { setLive, useLink } from '../data/live.ts'
import { setPreferences, usePreferences } from '../data/preferences.ts'
import {
  useAlerts,
  useIncidents,
  useLabelValues,
  useNow,
  useRules,
  useSession,
  useSignOut,
} from '../data/queries.ts'
import {
  AlertIcon,
  DeliveryIcon,
  MetricsIcon,
  RulesIcon,
  SearchIcon,
  SettingsIcon,
} from '../kit/icons.ts'
import { Dialog } from '../kit/Overlay.tsx'
import { StateMark } from '../kit/State.tsx'
import { useAddress } from '../route/router.tsx'
import { useWords } from '../word/word.tsx'
import { places } from './places.ts'

interface Entry {
  key: string
  kind: string
  label: string
  mark: ReactNode
  run: () => void
}

const shownCountMax = 12

/** The command bar. */
export default function CommandBar(props: { onClose: () => void }) {
  const words = useWords()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const listId = useId()
  const list = useRef<HTMLDivElement>(null)
  const entries = useEntries()
  const found = useMemo(() => findEntries(entries, text), [entries, text])
  const chosen = Math.min(at, found.length - 1)
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' })
  }, [chosen])
  const run = (entry: Entry | undefined): void => {
    if (!entry) return
    props.onClose()
    entry.run()
  }
  return (
    <Dialog isOpen onClose={props.onClose} title={words.command.title} isTitleHidden size="wide">
      <div className="command">
        <div className="command-input">
          <SearchIcon size={18} aria-hidden />
          <input
            autoFocus
            data-autofocus
            role="combobox"
            aria-expanded
            aria-controls={listId}
            aria-activedescendant={found[chosen] ? `${listId}-${chosen}` : undefined}
            aria-label={words.command.title}
            placeholder={words.command.placeholder}
            value={text}
            spellCheck={false}
            onChange={(event) => {
              setText(event.target.value)
              setAt(0)
            }}
            onKeyDown={(event) => {
              if (event.key === 'ArrowDown') setAt(Math.min(chosen + 1, found.length - 1))
              else if (event.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0))
              else if (event.key === 'Enter') run(found[chosen])
              else return
              event.preventDefault()
            }}
          />
        </div>
        <div
          ref={list}
          id={listId}
          role="listbox"
          aria-label={words.command.title}
          className="command-list"
        >
          {found.map((entry, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's, by the combobox pattern
            <div
              key={entry.key}
              id={`${listId}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === chosen}
              className="command-entry"
              onClick={() => run(entry)}
            >
              {entry.mark}
              <span className="cut grow">{entry.label}</span>
              <span className="quiet">{entry.kind}</span>
            </div>
          ))}
        </div>
        {found.length === 0 ? <p className="command-none">{words.command.none({ text })}</p> : null}
      </div>
    </Dialog>
  )
}

function findEntries(entries: readonly Entry[], text: string): Entry[] {
  const parts = text
    .toLowerCase()
    .split(/\s+/)
    .filter((part) => part !== '')
  const scored: { entry: Entry; score: number }[] = []
  for (const entry of entries) {
    const label = entry.label.toLowerCase()
    const whole = `${label} ${entry.kind.toLowerCase()}`
    if (!parts.every((part) => whole.includes(part))) continue
    const first = parts[0]
    scored.push({ entry, score: first === undefined || label.startsWith(first) ? 0 : 1 })
  }
  return scored
    .sort((a, b) => a.score - b.score)
    .slice(0, shownCountMax)
    .map((one) => one.entry)
}

function useEntries(): Entry[] {
  const words = useWords()
  const address = useAddress()
  const commands = useCommands()
  const now = useNow().data
  const incidents = useIncidents('all', 50).data?.incidents
  const alerts = useAlerts().data?.alerts
  const groups = useRules().data
  const metrics = useLabelValues('__name__').data
  return useMemo(() => {
    const { kind } = words.command
    const out: Entry[] = places.map((place) => ({
      key: `place-${place.key}`,
      kind: kind.page,
      label: words.place[place.key],
      mark: <place.icon size={16} stroke={1.6} />,
      run: () => address.go(place.path),
    }))
    for (const incident of incidents ?? []) {
      out.push({
        key: `incident-${incident.id}`,
        kind: kind.incident,
        label: `#${incident.number} ${incident.title}`,
        mark: <StateMark health={incident.state === 'resolved' ? 'ok' : incident.health} />,
        run: () => address.go(`/incidents/${incident.id}`),
      })
    }
    for (const alert of alerts ?? []) {
      out.push({
        key: `alert-${alert.fingerprint}`,
        kind: kind.alert,
        label: `${alert.name} ${alert.labels['service'] ?? alert.labels['instance'] ?? ''}`,
        mark: <AlertIcon size={16} stroke={1.6} />,
        run: () => address.go('/alerts', { alert: alert.fingerprint, state: alert.state }),
      })
    }
    for (const service of now?.services ?? []) {
      out.push({
        key: `service-${service.name}-${service.environment}`,
        kind: kind.service,
        label: service.name,
        mark: <DeliveryIcon size={16} stroke={1.6} />,
        run: () => address.go('/deliveries', { service: service.name }),
      })
    }
    out.push(...commands)
    for (const rule of groups?.flatMap((group) => group.rules) ?? []) {
      out.push({
        key: `rule-${rule.name}-${rule.query}`,
        kind: kind.rule,
        label: rule.name,
        mark: <RulesIcon size={16} stroke={1.6} />,
        run: () => address.go('/rules', { filter: rule.name }),
      })
    }
    for (const metric of metrics ?? []) {
      out.push({
        key: `metric-${metric}`,
        kind: kind.metric,
        label: metric,
        mark: <MetricsIcon size={16} stroke={1.6} />,
        run: () => address.go('/metrics', { q: metric }),
      })
    }
    return out
  }, [words, address, now, incidents, alerts, groups, metrics, commands])
}

function useCommands(): Entry[] {
  const words = useWords()
  const link = useLink()
  const { appearance } = usePreferences()
  const session = useSession().data
  const signOut = useSignOut()
  const icon = <SettingsIcon size={16} stroke={1.6} />
  const kind = words.command.kind.command
  return useMemo(() => {
    const make = (key: string, label: string, run: () => void): Entry => ({
      key,
      kind,
      label,
      mark: icon,
      run,
    })
    const out = [
      make('live', link.isLive ? words.command.liveOff : words.command.liveOn, () =>
        setLive(!link.isLive),
      ),
      ...(['auto', 'light', 'dark'] as const)
        .filter((one) => one !== appearance)
        .map((one) =>
          make(
            `appearance-${one}`,
            words.command.appearance({ name: words.settings.appearances[one] }),
            () => setPreferences({ appearance: one }),
          ),
        ),
      make('language', words.command.language, () =>
        setPreferences({ language: words.language.tag === 'en' ? 'zh-CN' : 'en' }),
      ),
    ]
    if (session?.isAuthRequired)
      out.push(make('sign-out', words.settings.signOut, () => signOut.run()))
    return out
  }, [words, link.isLive, appearance, session, signOut.run, kind])
}
