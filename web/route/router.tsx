/**
 * The address is the state: range, filters, selected row and open panel live in the URL, as plain
 * readable parameters. Wraps the router, which nobody else imports.
 */

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  RouterProvider,
  Outlet,
  Link as RouterLink,
  useLocation,
  useNavigate,
  useParams,
  useRouterState,
  useSearch,
} from '@tanstack/react-router'
import type { FunctionComponent as ComponentType, ReactNode } from 'react'
import { useCallback, useMemo } from 'react'

export { Outlet }

/** Parameters of the address. */
export type Search = Record<string, string>

/** A page: its address pattern (`/incidents/$id`) and where its code is. */
export interface PageEntry {
  path: string
  load: () => Promise<{ default: ComponentType }>
}

/** Parameters that follow the reader from page to page: the one range of time. */
const keptSearch = ['from', 'to'] as const

/** The router for a list of pages inside a shell. */
export function makeRouter(o: {
  shell: ComponentType
  missing: ComponentType
  failed: ComponentType<{ error: unknown }>
  pages: readonly PageEntry[]
}) {
  const root = createRootRoute({ component: o.shell, notFoundComponent: o.missing })
  const routes = o.pages.map((page) =>
    createRoute({
      getParentRoute: () => root,
      path: page.path,
      component: lazyRouteComponent(page.load),
    }),
  )
  return createRouter({
    routeTree: root.addChildren(routes),
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch,
    defaultPreload: 'intent',
    defaultErrorComponent: o.failed,
    scrollRestoration: true,
  })
}

/** Shows the page of the address. */
export function Pages(props: { router: ReturnType<typeof makeRouter> }) {
  return <RouterProvider router={props.router} />
}

function stringifySearch(search: Record<string, unknown>): string {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== '') out.set(name, String(value))
  }
  const text = out.toString()
  return text === '' ? '' : `?${text}`
}

/** Where the reader is, and ways to go elsewhere. */
export interface Address {
  path: string
  params: Readonly<Record<string, string>>
  search: Readonly<Search>
  /** Changes parameters of this page; `undefined` removes one. `isStep` makes a step for "back". */
  set: (change: Record<string, string | undefined>, isStep?: boolean) => void
  /** Goes to another page, keeping the range. */
  go: (path: string, search?: Search) => void
}

/** The address of the page. */
export function useAddress(): Address {
  const navigate = useNavigate()
  const search = useSearch({ strict: false }) as Search
  const params = useParams({ strict: false }) as Record<string, string>
  const path = useLocation({ select: (location) => location.pathname })
  const set = useCallback(
    (change: Record<string, string | undefined>, isStep = false) => {
      void navigate({
        to: '.',
        search: ((old: Search) => clean({ ...old, ...change })) as never,
        replace: !isStep,
        resetScroll: false,
      })
    },
    [navigate],
  )
  const go = useCallback(
    (to: string, next: Search = {}) => {
      void navigate({ to, search: ((old: Search) => ({ ...kept(old), ...next })) as never })
    },
    [navigate],
  )
  return useMemo(() => ({ path, params, search, set, go }), [path, params, search, set, go])
}

/** Whether a page's code is being fetched. */
export function useIsLeaving(): boolean {
  return useRouterState({ select: (state) => state.status === 'pending' })
}

/** A link inside the UI; it keeps the range unless told otherwise. */
export function Link(props: {
  to: string
  search?: Search
  className?: string
  title?: string
  label?: string
  isExact?: boolean
  /** Leaves the range of this page behind. */
  isFresh?: boolean
  onClick?: () => void
  children: ReactNode
}) {
  const { to, search = {}, label, isExact, isFresh, children, ...rest } = props
  return (
    <RouterLink
      to={to}
      search={((old: Search) => ({ ...(isFresh ? {} : kept(old)), ...search })) as never}
      activeOptions={{ exact: isExact ?? false, includeSearch: false }}
      activeProps={{ 'data-active': 'true', 'aria-current': 'page' } as object}
      {...(label ? { 'aria-label': label } : {})}
      {...rest}
    >
      {children}
    </RouterLink>
  )
}

function kept(search: Search): Search {
  const out: Search = {}
  for (const name of keptSearch) {
    const value = search[name]
    if (value !== undefined) out[name] = value
  }
  return out
}

function clean(search: Record<string, string | undefined>): Search {
  const out: Search = {}
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== '') out[name] = value
  }
  return out
}
