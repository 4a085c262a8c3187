/** All pages: one line each. The code of a page is fetched when it is first shown. */

import { FailedPage, MissingPage } from './page/MissingPage.tsx'
import { makeRouter } from './route/router.tsx'
import { Shell } from './shell/Shell.tsx'

/** The router of the UI. */
export const router = makeRouter({
  shell: Shell,
  missing: MissingPage,
  failed: FailedPage,
  pages: [
    { path: '/', load: () => import('./page/now/NowPage.tsx') },
    { path: '/sign-in', load: () => import('./page/sign-in/SignInPage.tsx') },
    { path: '/incidents', load: () => import('./page/incidents/IncidentsPage.tsx') },
    { path: '/incidents/$id', load: () => import('./page/incident/IncidentPage.tsx') },
    { path: '/alerts', load: () => import('./page/alerts/AlertsPage.tsx') },
    { path: '/deliveries', load: () => import('./page/deliveries/DeliveriesPage.tsx') },
    { path: '/deliveries/$id', load: () => import('./page/delivery/DeliveryPage.tsx') },
    { path: '/metrics', load: () => import('./page/metrics/MetricsPage.tsx') },
    // Where the links in alerts lead, Prometheus's and ours.
    { path: '/graph', load: () => import('./page/metrics/MetricsPage.tsx') },
    { path: '/logs', load: () => import('./page/logs/LogsPage.tsx') },
    { path: '/rules', load: () => import('./page/rules/RulesPage.tsx') },
    { path: '/rules/edit', load: () => import('./page/rules/RuleEditorPage.tsx') },
    { path: '/silences', load: () => import('./page/silences/SilencesPage.tsx') },
    { path: '/on-call', load: () => import('./page/on-call/OnCallPage.tsx') },
    { path: '/routes', load: () => import('./page/routes/RoutesPage.tsx') },
    { path: '/notifications', load: () => import('./page/notifications/NotificationsPage.tsx') },
    { path: '/sources', load: () => import('./page/sources/SourcesPage.tsx') },
    { path: '/settings', load: () => import('./page/settings/SettingsPage.tsx') },
  ],
})
