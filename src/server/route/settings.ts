/** `/settings`: what this server is and how it is configured, without secrets. */

import type { FastifyInstance } from 'fastify'
import { apiRoot, type SettingsView } from '../../api/api.ts'
import type { RouteContext } from './route.ts'

/** Adds the route of settings. Tokens are shown to administrators only. */
export function addSettingRoutes(app: FastifyInstance, context: RouteContext): void {
  const { parts, auth } = context
  app.get(
    `${apiRoot}/settings`,
    { config: { access: 'read' } },
    async (request): Promise<SettingsView> => {
      const { file, yaml, lastReload } = parts.configView()
      const isAdmin = request.principal.scope === 'admin'
      return {
        version: parts.version,
        startedTimeMs: parts.startedTimeMs,
        dataDir: parts.dataDir,
        configFile: file,
        configYaml: yaml,
        lastReload,
        tokens: isAdmin ? await parts.records.access.listTokens() : [],
        hasPassword: await auth.hasPassword(),
        store: parts.store.stats(),
      }
    },
  )
}
