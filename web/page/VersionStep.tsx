/** "v1 → v2": from which version to which. */

import type { Deployment } from '../../src/model/deployment.ts'
import { useWords } from '../word/word.tsx'

/** The step of a deployment, also for those who hear it. */
export function VersionStep(props: {
  deployment: Pick<Deployment, 'version' | 'previousVersion'>
}) {
  const words = useWords()
  const { version, previousVersion } = props.deployment
  if (previousVersion === '') return <span className="strong cut">{version}</span>
  return (
    <span className="version-step">
      <span className="mid cut">{previousVersion}</span>
      <span className="quiet" role="img" aria-label={words.delivery.to}>
        →
      </span>
      <span className="strong cut">{version}</span>
    </span>
  )
}
