/** The places of the rail, in three groups, with the keys that lead there. */

import {
  AlertIcon,
  DeliveryIcon,
  IncidentIcon,
  LedgerIcon,
  LogsIcon,
  MetricsIcon,
  NowIcon,
  OnCallIcon,
  RoutesIcon,
  RulesIcon,
  SettingsIcon,
  SilenceIcon,
  SourcesIcon,
} from '../kit/icons.ts'

/** One place. Its `key` names its words. */
export interface Place {
  key:
    | 'now'
    | 'incidents'
    | 'alerts'
    | 'deliveries'
    | 'notifications'
    | 'onCall'
    | 'silences'
    | 'metrics'
    | 'logs'
    | 'rules'
    | 'routes'
    | 'sources'
    | 'settings'
  path: string
  icon: typeof NowIcon
  chord: string
}

/** Groups of places. */
export const placeGroups: readonly {
  key: 'watch' | 'explore' | 'keep'
  places: readonly Place[]
}[] = [
  {
    key: 'watch',
    places: [
      { key: 'now', path: '/', icon: NowIcon, chord: 'n' },
      { key: 'incidents', path: '/incidents', icon: IncidentIcon, chord: 'i' },
      { key: 'alerts', path: '/alerts', icon: AlertIcon, chord: 'a' },
      { key: 'onCall', path: '/on-call', icon: OnCallIcon, chord: 'c' },
      { key: 'deliveries', path: '/deliveries', icon: DeliveryIcon, chord: 'd' },
    ],
  },
  {
    key: 'explore',
    places: [
      { key: 'metrics', path: '/metrics', icon: MetricsIcon, chord: 'm' },
      { key: 'logs', path: '/logs', icon: LogsIcon, chord: 'l' },
    ],
  },
  {
    key: 'keep',
    places: [
      { key: 'silences', path: '/silences', icon: SilenceIcon, chord: 'x' },
      { key: 'rules', path: '/rules', icon: RulesIcon, chord: 'r' },
      { key: 'routes', path: '/routes', icon: RoutesIcon, chord: 'u' },
      { key: 'notifications', path: '/notifications', icon: LedgerIcon, chord: 't' },
      { key: 'sources', path: '/sources', icon: SourcesIcon, chord: 'o' },
      { key: 'settings', path: '/settings', icon: SettingsIcon, chord: ',' },
    ],
  },
]

/** All places. */
export const places: readonly Place[] = placeGroups.flatMap((group) => group.places)
