/** `POST /backup`: everything that was acknowledged so far, as one tar file, streamed. */

import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { apiRoot } from '../../api/api.ts'
import { plainBodyBytesMax } from '../request.ts'
import type { RouteContext } from './route.ts'

/** Adds the route of backups. */
export function addBackupRoute(app: FastifyInstance, context: RouteContext): void {
  const { parts } = context
  const options = {
    bodyLimit: plainBodyBytesMax,
    config: { access: 'admin' as const, isStream: true },
  }
  app.post(`${apiRoot}/backup`, options, async (request, reply) => {
    const backup = await parts.store.openBackup(parts.version)
    const { sizeBytes, fileCount, engine } = backup
    context.audit(request, 'backup', { sizeBytes, fileCount })
    parts.log.info({ sizeBytes, fileCount }, 'a backup is being sent')
    const body = Readable.from(backup.read())
    // Ends, fails, or the client went away: the links are given back.
    body.once('close', () => backup.close())
    const day = new Date(parts.clock.nowTimeMs()).toISOString().slice(0, 19).replace(/[-:]/g, '')
    return reply
      .type('application/x-tar')
      .header('content-length', sizeBytes)
      .header('content-disposition', `attachment; filename="shipwatch-${day}Z.tar"`)
      .header('x-shipwatch-engine', engine)
      .send(body)
  })
}
