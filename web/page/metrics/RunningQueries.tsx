/** The queries that the server answers now, from anybody; each can be stopped. */

import { Allowed } from '../Allowed.tsx'
import type { RunningQueryView } from '../../../src/api/api.ts'
import { useRunningQueries, useStopQuery } from '../../data/explore.ts'
import { Button } from '../../kit/Button.tsx'
import { ActFault, Empty, Shown } from '../../kit/Feedback.tsx'
import { Age } from '../../kit/format.tsx'
import { Drawer } from '../../kit/Overlay.tsx'
import { StateBadge } from '../../kit/State.tsx'
import { useWords } from '../../word/word.tsx'

/** The drawer with the list. */
export function RunningQueries(props: { isOpen: boolean; onClose: () => void }) {
  const words = useWords()
  const reading = useRunningQueries(props.isOpen)
  return (
    <Drawer isOpen={props.isOpen} onClose={props.onClose} title={words.metrics.running}>
      <Shown reading={reading} rowCount={3}>
        {({ queries }) =>
          queries.length === 0 ? (
            <Empty title={words.metrics.noneRuns}>{words.metrics.noneRunsHint}</Empty>
          ) : (
            <ul className="running-list">
              {queries.map((query) => (
                <One key={query.id} query={query} />
              ))}
            </ul>
          )
        }
      </Shown>
    </Drawer>
  )
}

function One(props: { query: RunningQueryView }) {
  const { query } = props
  const words = useWords()
  const act = useStopQuery()
  return (
    <li>
      <code className="clamp">{query.expression}</code>
      <div className="line-wrap">
        <StateBadge
          health={query.isWaiting ? 'unknown' : 'info'}
          word={words.metrics[query.isWaiting ? 'isWaiting' : 'isRunning']}
        />
        <Age timeMs={query.startedTimeMs} />
        <Allowed to="administer">
          <Button size="small" isRunning={act.isRunning} onClick={() => act.run(query.id)}>
            {words.metrics.stop}
          </Button>
        </Allowed>
      </div>
      <ActFault error={act.error} />
    </li>
  )
}
