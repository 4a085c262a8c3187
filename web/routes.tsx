/** All pages: one line each. The code of a page is fetched when it is first shown. */

import { FailedPage, MissingPage } from './page/MissingPage.tsx'
import { makeRouter } from './route/router.tsx'
import { Shell } from './shell/Shell.tsx'
import { loadPageWords } from './word/word.tsx'

/** A page that nobody sees first, with its words. */
function withWords<P>(load: () => Promise<P>): () => Promise<P> {
  return async () => (await Promise.all([load(), loadPageWords()]))[0]
}

/** The router of the UI. */
export const router = makeRouter({
  shell: Shell,
  missing: MissingPage,
  failed: FailedPage,
  pages: [
    { path: '/', load: () => import('./page/now/NowPage.tsx') },
    { path: '/sign-in', load: () => import('./page/sign-in/SignInPage.tsx') },
    { path: '/incidents', load: withWords(() => import('./page/incidents/IncidentsPage.tsx')) },
    { path: '/incidents/$id', load: withWords(() => import('./page/incident/IncidentPage.tsx')) },
    { path: '/alerts', load: withWords(() => import('./page/alerts/AlertsPage.tsx')) },
    { path: '/deliveries', load: withWords(() => import('./page/deliveries/DeliveriesPage.tsx')) },
    { path: '/deliveries/$id', load: withWords(() => import('./page/delivery/DeliveryPage.tsx')) },
    { path: '/metrics', load: withWords(() => import('./page/metrics/MetricsPage.tsx')) },
    // Where the links in alerts lead, Prometheus's and ours.
    { path: '/graph', load: withWords(() => import('./page/metrics/MetricsPage.tsx')) },
    { path: '/logs', load: withWords(() => import('./page/logs/LogsPage.tsx')) },
    { path: '/rules', load: withWords(() => import('./page/rules/RulesPage.tsx')) },
    { path: '/rules/edit', load: withWords(() => import('./page/rules/RuleEditorPage.tsx')) },
    { path: '/silences', load: withWords(() => import('./page/silences/SilencesPage.tsx')) },
    { path: '/on-call', load: withWords(() => import('./page/on-call/OnCallPage.tsx')) },
    { path: '/routes', load: withWords(() => import('./page/routes/RoutesPage.tsx')) },
    {
      path: '/notifications',
      load: withWords(() => import('./page/notifications/NotificationsPage.tsx')),
    },
    { path: '/sources', load: withWords(() => import('./page/sources/SourcesPage.tsx')) },
    { path: '/settings', load: withWords(() => import('./page/settings/SettingsPage.tsx')) },
  ],
})
