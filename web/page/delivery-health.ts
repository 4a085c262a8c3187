/** How a delivery's state is shown. */

import type { DeploymentState } from '../../src/model/deployment.ts'
import type { Health } from '../../src/model/health.ts'

/** The health that a state of a delivery means. */
export const deliveryHealth: Record<DeploymentState, Health> = {
  watching: 'info',
  healthy: 'ok',
  suspect: 'warning',
  superseded: 'unknown',
  'rolling-back': 'warning',
  'rolled-back': 'info',
  'rollback-failed': 'critical',
}
