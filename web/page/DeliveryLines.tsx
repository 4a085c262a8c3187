/** Deliveries as a list of links. */

import type { Deployment } from '../../src/model/deployment.ts'
import { Age } from '../kit/format.tsx'
import { StateMark } from '../kit/State.tsx'
import { Link } from '../route/router.tsx'
import { useWords } from '../word/word.tsx'
import { deliveryHealth } from './delivery-health.ts'
import { VersionStep } from './VersionStep.tsx'

/** The list. */
export function DeliveryLines(props: { deployments: readonly Deployment[] }) {
  const words = useWords()
  return (
    <ul className="lines">
      {props.deployments.map((one) => (
        <li key={one.id}>
          <Link to={`/deliveries/${one.id}`} className="line-link">
            <StateMark
              health={deliveryHealth[one.state]}
              label={words.delivery.states[one.state]}
            />
            <span className="grow">
              <span className="line-title cut">{one.service}</span>
              <span className="line-text">
                <VersionStep deployment={one} />
              </span>
              <span className="line-text">
                {words.delivery.states[one.state]}
                {one.rollbackOf ? ` · ${words.delivery.isRollback}` : ''}
              </span>
            </span>
            <span className="line-side quiet">
              <Age timeMs={one.startTimeMs} />
              <span>{one.environment}</span>
            </span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
