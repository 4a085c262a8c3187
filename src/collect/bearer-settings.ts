/** The old keys for a bearer token, as configurations of long ago have them beside `authorization`. */

import { secret, text, type z } from '../config/schema.ts'
import type { HttpSettings } from '../config/http-settings.ts'

/** The old keys. */
export const bearerShape = {
  bearer_token: secret('Old form of authorization: the credentials.').optional(),
  bearer_token_file: text('Old form of authorization: the file that holds the credentials.')
    .min(1)
    .optional(),
}

/** The values of the old keys, checked. */
export interface BearerSettings {
  bearer_token?: z.output<typeof bearerShape.bearer_token>
  bearer_token_file?: z.output<typeof bearerShape.bearer_token_file>
}

/** Adds what is wrong when they stand beside other credentials. */
export function refuseMixedBearer(
  config: HttpSettings & BearerSettings,
  context: z.core.$RefinementCtx,
): void {
  const keys = [
    'basic_auth',
    'authorization',
    'oauth2',
    'bearer_token',
    'bearer_token_file',
  ] as const
  const given = keys.filter((key) => config[key] !== undefined)
  const last = given.at(-1)
  if (given.length < 2 || !last?.startsWith('bearer_token')) return
  context.addIssue({
    code: 'custom',
    path: [last],
    message: `at most one of ${keys.join(', ')} must be configured`,
  })
}
