/** An address that leads nowhere, and a page that failed to draw. */

import { PageHead } from '../kit/Card.tsx'
import { Empty, Fault } from '../kit/Feedback.tsx'
import { Link } from '../route/router.tsx'
import { useWords } from '../word/word.tsx'

/** Nothing is at this address. */
export function MissingPage() {
  const words = useWords()
  return (
    <>
      <PageHead verdict={words.missing.title} />
      <Empty title={location.pathname}>
        <Link to="/">{words.missing.home}</Link>
      </Empty>
    </>
  )
}

/** A page that could not be loaded or drawn. */
export function FailedPage(props: { error: unknown }) {
  const words = useWords()
  return <Fault what={words.missing.failed} error={props.error} onRetry={() => location.reload()} />
}
