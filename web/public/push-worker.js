/**
 * The service worker that shows pushes, also while no page is open. It keeps nothing and answers no
 * requests of pages; the message is what the server encrypted for this browser.
 */

self.addEventListener('push', (event) => {
  let said = {}
  try {
    said = event.data?.json() ?? {}
  } catch {
    // A browser wants something to be shown for each push, readable or not.
    said = { title: 'Shipwatch', body: event.data?.text() ?? '' }
  }
  const actions = (said.actions ?? [])
    .slice(0, 2)
    .map(({ kind, title }) => ({ action: kind, title }))
  const shown = self.registration.showNotification(said.title || 'Shipwatch', {
    body: said.body ?? '',
    // A later message about the same trouble takes the place of the earlier one, with a sound again.
    ...(said.tag ? { tag: said.tag, renotify: true } : {}),
    requireInteraction: said.status === 'firing',
    icon: '/mark.svg',
    actions,
    data: { url: said.url ?? '/', actions: said.actions ?? [] },
  })
  event.waitUntil(shown)
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { url, actions } = event.notification.data
  const chosen = actions.find(({ kind }) => kind === event.action)
  event.waitUntil(self.clients.openWindow(chosen?.url ?? url))
})

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
