/** Who calls, and what that lets them do: three roles of people, four scopes of tokens. */

/**
 * What a caller may do. `admin` includes everything, `respond` reading and acting on alerts and
 * incidents (taking, ending, silencing), `read` no ingest, `ingest` nothing else.
 */
export type Scope = 'admin' | 'respond' | 'read' | 'ingest' | 'none'

/** What a route needs; `metrics` and `ingest` may be open to this machine. */
export type Access = 'open' | 'read' | 'respond' | 'admin' | 'ingest' | 'metrics'

/** A caller. */
export interface Principal {
  kind: 'session' | 'token' | 'anonymous'
  /** The name in the audit and on decisions. */
  actor: string
  scope: Scope
  /** Equal for the same session or token; empty for anonymous callers. */
  key: string
  /** When the credential ends by itself; for live streams. */
  endTimeMs: number | undefined
}

/** A caller without credentials. */
export const anonymous: Principal = {
  kind: 'anonymous',
  actor: 'anonymous',
  scope: 'none',
  key: '',
  endTimeMs: undefined,
}

/** Whether a scope suffices for a route. Loopback exceptions are decided in auth.ts. */
export function isAllowed(scope: Scope, access: Access): boolean {
  if (access === 'open' || scope === 'admin') return true
  if (access === 'ingest') return scope === 'ingest'
  if (scope === 'respond') return access !== 'admin'
  return (access === 'read' || access === 'metrics') && scope === 'read'
}
