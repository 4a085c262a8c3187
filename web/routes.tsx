/** All pages: one line each. The code of a page is fetched when it is first shown. */

import { FailedPage, MissingPage } from './page/MissingPage.tsx'
import { makeRouter } from './route/router.tsx'
import { Shell } from './shell/Shell.tsx'
import { withPageWords } from './word/word.tsx'

/** The router of the UI. */
export const router = makeRouter({
  shell: Shell,
  missing: MissingPage,
  failed: FailedPage,
  pages: [
    { path: '/', load: () => import('./page/now/NowPage.tsx') },
    { path: '/sign-in', load: () => import('./page/sign-in/SignInPage.tsx') },
    { path: '/incidents', load: withPageWords(() => import('./page/incidents/IncidentsPage.tsx')) },
    {
      path: '/incidents/$id',
      load: withPageWords(() => import('./page/incident/IncidentPage.tsx')),
    },
    { path: '/alerts', load: withPageWords(() => import('./page/alerts/AlertsPage.tsx')) },
    {
      path: '/deliveries',
      load: withPageWords(() => import('./page/deliveries/DeliveriesPage.tsx')),
    },
    {
      path: '/deliveries/$id',
      load: withPageWords(() => import('./page/delivery/DeliveryPage.tsx')),
    },
    { path: '/metrics', load: withPageWords(() => import('./page/metrics/MetricsPage.tsx')) },
    // Where the links in alerts lead, Prometheus's and ours.
    { path: '/graph', load: withPageWords(() => import('./page/metrics/MetricsPage.tsx')) },
    { path: '/logs', load: withPageWords(() => import('./page/logs/LogsPage.tsx')) },
    { path: '/rules', load: withPageWords(() => import('./page/rules/RulesPage.tsx')) },
    { path: '/rules/edit', load: withPageWords(() => import('./page/rules/RuleEditorPage.tsx')) },
    { path: '/silences', load: withPageWords(() => import('./page/silences/SilencesPage.tsx')) },
    { path: '/on-call', load: withPageWords(() => import('./page/on-call/OnCallPage.tsx')) },
    { path: '/routes', load: withPageWords(() => import('./page/routes/RoutesPage.tsx')) },
    {
      path: '/notifications',
      load: withPageWords(() => import('./page/notifications/NotificationsPage.tsx')),
    },
    { path: '/sources', load: withPageWords(() => import('./page/sources/SourcesPage.tsx')) },
    { path: '/settings', load: withPageWords(() => import('./page/settings/SettingsPage.tsx')) },
  ],
})
