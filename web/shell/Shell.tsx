/** The frame of every page: rail, bar, keys, the bar that says when the server does not reply. */

import { lazy, Suspense, useEffect, useState } from 'react'
import { useNowTimeMs } from '../data/clock.ts'
import { openStream, setLive, useLink } from '../data/live.ts'
import { setPreferences, usePreferences } from '../data/preferences.ts'
import { useNow, useSession } from '../data/queries.ts'
import { Button } from '../kit/Button.tsx'
import { Fault } from '../kit/Feedback.tsx'
import { useFormat } from '../kit/format.tsx'
import { KeysIcon, PauseIcon, PlayIcon, RailIcon, SearchIcon } from '../kit/icons.ts'
import { Link, Outlet, useAddress, useIsLeaving } from '../route/router.tsx'
import { useWords, withPageWords } from '../word/word.tsx'
import { Announcer } from './announce.tsx'
import { type Binding, focusFilter, stepRow, useKeys } from './keys.ts'
import { placeGroups, places } from './places.ts'
import { RangePicker, useRangeKeys } from './RangePicker.tsx'

const CommandBar = lazy(withPageWords(() => import('./CommandBar.tsx')))
const KeysOverlay = lazy(() => import('./KeysOverlay.tsx'))

/** The frame with the page inside; asks for a session first. */
export function Shell() {
  const address = useAddress()
  if (address.path === '/sign-in') return <Outlet />
  return <GuardedShell />
}

function GuardedShell() {
  const session = useSession()
  const link = useLink()
  const address = useAddress()
  const isOut =
    link.isSignedOut || (session.data?.isAuthRequired === true && !session.data.isSignedIn)
  useEffect(() => {
    if (!isOut) return
    const next = `${location.pathname}${location.search}`
    address.go('/sign-in', next === '/' ? {} : { next })
  }, [isOut, address.go])
  const isIn = session.data !== undefined && !isOut
  useEffect(() => {
    if (isIn) openStream()
  }, [isIn])
  if (isOut) return null
  if (session.data === undefined) {
    if (!session.error) return null
    return (
      <main className="lonely">
        <Fault error={session.error} onRetry={session.refetch} />
      </main>
    )
  }
  return <Frame />
}

function Frame() {
  const words = useWords()
  const { isRailFolded } = usePreferences()
  const [open, setOpen] = useState<'none' | 'command' | 'keys'>('none')
  useShellKeys(setOpen)
  return (
    <div className="shell" data-folded={isRailFolded || undefined}>
      <a className="skip" href="#main">
        {words.shell.skip}
      </a>
      <Rail />
      <div className="shell-main">
        <Bar onSearch={() => setOpen('command')} onKeys={() => setOpen('keys')} />
        <StaleBar />
        <main id="main" className="page" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Situation />
      <Suspense fallback={null}>
        {open === 'command' ? <CommandBar onClose={() => setOpen('none')} /> : null}
        {open === 'keys' ? <KeysOverlay onClose={() => setOpen('none')} /> : null}
      </Suspense>
    </div>
  )
}

function useShellKeys(setOpen: (open: 'none' | 'command' | 'keys') => void): void {
  const words = useWords()
  const address = useAddress()
  const link = useLink()
  const bindings: Binding[] = [
    { keys: 'mod+k', label: words.key.command, run: () => setOpen('command') },
    { keys: '?', label: words.key.keys, run: () => setOpen('keys') },
    { keys: '/', label: words.key.filter, run: focusFilter },
    { keys: 'j', label: words.key.next, run: () => stepRow(1) },
    { keys: 'k', label: words.key.previous, run: () => stepRow(-1) },
    { keys: '.', label: words.key.live, run: () => setLive(!link.isLive) },
    ...places.map((place) => ({
      keys: `g ${place.chord}`,
      label: words.place[place.key],
      run: () => address.go(place.path),
    })),
  ]
  useKeys(bindings)
  useRangeKeys()
}

function Rail() {
  const words = useWords()
  const now = useNow().data
  const { isRailFolded } = usePreferences()
  // One incident or delivery brings its own range, which other pages should not inherit.
  const isFresh = /^\/(incidents|deliveries)\/./.test(useAddress().path)
  const counts: Partial<Record<string, number>> = {
    incidents: now?.incidents.filter((incident) => incident.state !== 'resolved').length,
    alerts: now?.alertCounts.firing,
    sources: now?.sources.down,
  }
  return (
    <nav className="rail" aria-label={words.shell.rail}>
      <Link to="/" className="brand" label={`Shipwatch: ${words.place.now}`}>
        <img src="/mark.svg" width={24} height={24} alt="" />
        <span className="rail-text brand-name">Shipwatch</span>
      </Link>
      {placeGroups.map((group) => (
        <div key={group.key} className="rail-group">
          <p className="rail-title rail-text" id={`rail-${group.key}`}>
            {words.shell.group[group.key]}
          </p>
          <ul aria-labelledby={`rail-${group.key}`}>
            {group.places.map((place) => (
              <li key={place.key}>
                <Link
                  to={place.path}
                  className="rail-link"
                  isExact={place.path === '/'}
                  isFresh={isFresh}
                  title={words.place[place.key]}
                >
                  <place.icon size={18} stroke={1.6} aria-hidden />
                  <span className="rail-text">{words.place[place.key]}</span>
                  {counts[place.key] ? (
                    <span className="rail-count">{counts[place.key]}</span>
                  ) : null}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <div className="rail-foot">
        <span className="rail-text quiet rail-version">{now?.version}</span>
        <Button
          weight="quiet"
          label={isRailFolded ? words.shell.unfold : words.shell.fold}
          icon={<RailIcon size={18} stroke={1.6} />}
          onClick={() => setPreferences({ isRailFolded: !isRailFolded })}
        />
      </div>
    </nav>
  )
}

function Bar(props: { onSearch: () => void; onKeys: () => void }) {
  const words = useWords()
  const link = useLink()
  const isLeaving = useIsLeaving()
  const isMac = /mac|iphone|ipad/i.test(navigator.platform)
  return (
    <div className="bar">
      <button type="button" className="search-button" onClick={props.onSearch}>
        <SearchIcon size={15} aria-hidden />
        <span className="search-button-text">{words.shell.search}</span>
        <kbd className="key">{isMac ? '⌘' : 'Ctrl'} K</kbd>
      </button>
      <span className="bar-busy" data-busy={isLeaving || undefined} />
      <div className="bar-right">
        <RangePicker />
        <Button
          weight="quiet"
          isPressed={link.isLive}
          title={link.isLive ? words.shell.liveOn : words.shell.liveOff}
          icon={
            link.isLive ? <PlayIcon size={13} aria-hidden /> : <PauseIcon size={13} aria-hidden />
          }
          onClick={() => setLive(!link.isLive)}
        >
          {words.shell.live}
        </Button>
        <Button
          weight="quiet"
          label={words.key.keys}
          icon={<KeysIcon size={18} stroke={1.6} />}
          onClick={props.onKeys}
        />
      </div>
    </div>
  )
}

/** Says how old the page is while the server does not reply. */
function StaleBar() {
  const words = useWords()
  const format = useFormat()
  const link = useLink()
  const nowTimeMs = useNowTimeMs()
  if (!link.isSilent) return null
  const span = format.span(Math.max(0, nowTimeMs - link.lastAnswerTimeMs))
  return (
    <div className="stale" role="status">
      {words.shell.stale({ span })}
    </div>
  )
}

/** Tells screen readers when something begins or ends to need a person. */
function Situation() {
  const words = useWords()
  const now = useNow().data
  if (!now) return null
  const count = now.incidents.filter((incident) => incident.state !== 'resolved').length
  return (
    <Announcer text={words.shell.situation({ incidents: count, alerts: now.alertCounts.firing })} />
  )
}
