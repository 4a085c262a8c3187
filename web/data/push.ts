/** Pushes to this browser: whether it can take them, whether it does, and agreeing to it. */

import { useQuery } from '@tanstack/react-query'
import type { PushKey } from '../../src/api/api.ts'
import { call } from './client.ts'
import { useAct } from './queries.ts'

/** How this browser stands to pushes; `impossible` where the address is not https, or it has none. */
export type PushState = 'impossible' | 'denied' | 'off' | 'on'

const workerPath = '/push-worker.js'

/** How this browser stands to pushes. */
export function usePushState() {
  return useQuery({ queryKey: ['push'], queryFn: readState })
}

/** Agrees to pushes, with a name for this browser and that of its person; the user who is signed in unless given. */
export function useAgreeToPushes() {
  return useAct(agree, ['push'])
}

/** Ends pushes to this browser. */
export function useEndPushes() {
  return useAct(end, ['push'])
}

async function readState(): Promise<PushState> {
  const canPush = 'serviceWorker' in navigator && 'PushManager' in window
  if (!canPush || !window.isSecureContext) return 'impossible'
  if (Notification.permission === 'denied') return 'denied'
  const registration = await navigator.serviceWorker.getRegistration(workerPath)
  const subscription = await registration?.pushManager.getSubscription()
  return subscription ? 'on' : 'off'
}

async function agree(device: { label: string; owner: string }): Promise<void> {
  if ((await Notification.requestPermission()) !== 'granted') return
  await navigator.serviceWorker.register(workerPath)
  const registration = await navigator.serviceWorker.ready
  const { publicKey } = await call<PushKey>('GET', '/push/key')
  const subscription = await registration.pushManager.subscribe({
    userVisibleOnly: true,
    applicationServerKey: publicKey,
  })
  const { endpoint, keys } = subscription.toJSON()
  try {
    const { label, owner } = device
    const body = {
      endpoint,
      keys: { p256dh: keys?.['p256dh'], auth: keys?.['auth'] },
      label,
      ...(owner === '' ? {} : { owner }),
    }
    await call<unknown>('POST', '/push/subscriptions', { body })
  } catch (thrown) {
    // Both sides know of it, or neither does.
    await subscription.unsubscribe()
    throw thrown
  }
}

async function end(): Promise<void> {
  const registration = await navigator.serviceWorker.getRegistration(workerPath)
  const subscription = await registration?.pushManager.getSubscription()
  if (!subscription) return
  const body = { endpoint: subscription.endpoint }
  await subscription.unsubscribe()
  await call<unknown>('POST', '/push/subscriptions/remove', { body })
}
