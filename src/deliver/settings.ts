/** Settings of deliveries. The section `services` belongs to incidents and is read here too. */

import {
  durationOr,
  flagOr,
  numberOr,
  type SettingsOf,
  type SettingsPart,
  z,
} from '../config/schema.ts'
import { servicesSetting } from '../incident/incident.ts'

/** The folder's part of the configuration. */
export const deliverSettings = {
  global: {},
  top: {
    services: servicesSetting,
    delivery: z
      .object({
        automatic_rollback: flagOr(
          true,
          'Set to false to stop all automatic rollbacks, whatever the services allow.',
        ),
        rollback_confidence_min: numberOr(
          0.8,
          { min: 0.5, max: 1, isWhole: false },
          'How sure the cause must be before a deployment is rolled back automatically.',
        ),
        rollback_age_max: durationOr(
          '1h',
          'A deployment older than this is not rolled back automatically.',
        ),
        check_interval: durationOr(
          '5s',
          'How often the signals are compared while a recovery is verified.',
        ),
        watch: durationOr('1h', 'How long a deployment is watched before it counts as healthy.'),
        watch_interval: durationOr(
          '30s',
          'How often the signals of a watched deployment are compared with those before it.',
        ),
      })
      .strict()
      .prefault({})
      .meta({ description: 'How deployments are watched, rolled back and verified.' }),
  },
} satisfies SettingsPart

/** Settings as deliveries see them, without the incidents' own. */
export type DeliverSettings = SettingsOf<typeof deliverSettings>
