/** What only some may do: shown to those who may, and to nobody else, rather than refused after the press. */

import type { ReactNode } from 'react'
import { useSession } from '../data/queries.ts'

/** What a control does: `respond` acts on alerts, incidents and silences, `administer` changes the rest. */
type Right = 'respond' | 'administer'

/** Whether whoever is signed in has a right. */
export function useRight(right: Right): boolean {
  const role = useSession().data?.role
  return role === 'admin' || (right === 'respond' && role === 'responder')
}

/** Its children, for those who may. */
export function Allowed(props: { to: Right; children: ReactNode }) {
  return useRight(props.to) ? props.children : null
}
