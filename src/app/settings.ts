/**
 * The whole configuration: every folder's settings joined into one schema. The keys of Prometheus and
 * Alertmanager stand at the top level under their own names, beside ours.
 */

import { alertSettings } from '../alert/settings.ts'
import { collectSettings } from '../collect/settings.ts'
import { z } from '../config/schema.ts'
import { deliverSettings } from '../deliver/settings.ts'
import { detectSettings } from '../detect/settings.ts'
import { incidentSettings } from '../incident/settings.ts'
import { notifySettings } from '../notify/settings.ts'
import { oncallSettings } from '../oncall/settings.ts'
import { querySettings } from '../query/settings.ts'
import { serverSettings } from '../server/settings.ts'
import { storeSettings } from '../store/settings.ts'

/** A section of prometheus.yml that means nothing here; told with what to do instead. */
function foreign(advice: string) {
  return z
    .unknown()
    .refine((value) => value === undefined, { error: advice })
    .optional()
    .meta({ description: `Refused: ${advice}.`, typeText: 'refused' })
}

/** The schema of shipwatch.yml. */
export const configSchema = z.strictObject({
  global: z
    .strictObject({
      ...collectSettings.global,
      ...storeSettings.global,
      ...querySettings.global,
      ...detectSettings.global,
      ...alertSettings.global,
      ...oncallSettings.global,
      ...notifySettings.global,
      ...incidentSettings.global,
      ...deliverSettings.global,
      ...serverSettings.global,
    })
    .prefault({})
    .meta({
      description:
        "Defaults that other sections fall back to, under Prometheus's and Alertmanager's names.",
    }),
  ...serverSettings.top,
  ...storeSettings.top,
  ...collectSettings.top,
  ...querySettings.top,
  ...detectSettings.top,
  ...alertSettings.top,
  ...oncallSettings.top,
  ...notifySettings.top,
  ...incidentSettings.top,
  ...deliverSettings.top,
  alerting: foreign(
    'Shipwatch notifies by itself: bring "route" and "receivers" of alertmanager.yml here and remove this section',
  ),
  storage: foreign('Shipwatch stores in its own way: see "store", and remove this section'),
  tracing: z
    .unknown()
    .optional()
    .meta({ description: 'Taken and not used: Shipwatch sends no traces.', typeText: 'ignored' }),
  runtime: foreign('Shipwatch is no Go program: remove this section'),
})

/** The configuration in force. */
export type Config = z.output<typeof configSchema>
