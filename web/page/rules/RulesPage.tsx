/** Rules: what do we watch for, and does it work? Beside them the objectives and the files. */

import { Allowed } from '../Allowed.tsx'
import type { RuleList } from '../../../src/api/rules.ts'
import { useRuleList } from '../../data/rules.ts'
import { PageHead } from '../../kit/Card.tsx'
import { Shown } from '../../kit/Feedback.tsx'
import { Segments } from '../../kit/Field.tsx'
import { EditIcon } from '../../kit/icons.ts'
import { Link, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'
import { usePageTitle } from '../page-title.ts'
import { ObjectiveList } from './ObjectiveList.tsx'
import { RuleFiles } from './RuleFiles.tsx'
import { isBlind } from './rule-health.ts'
import { RuleTables } from './RuleTables.tsx'
import './rules.css'

const views = ['rules', 'objectives', 'files'] as const
type View = (typeof views)[number]

/** The page. */
export default function RulesPage() {
  const words = useWords()
  usePageTitle(words.place.rules)
  const address = useAddress()
  const reading = useRuleList()
  const view = views.find((one) => one === address.search['view']) ?? 'rules'
  const figures = reading.data ? figuresOf(reading.data) : undefined
  const health = figures && (figures.broken > 0 ? 'critical' : figures.blind > 0 ? 'warning' : 'ok')
  return (
    <>
      <PageHead
        health={health}
        healthWord={health && words.health[health]}
        verdict={figures ? words.rules.verdict(figures) : words.place.rules}
        actions={
          <Allowed to="administer">
            <Link to="/rules/edit" className="link-button">
              <EditIcon size={15} /> {words.rules.write}
            </Link>
          </Allowed>
        }
      />
      <div className="filter-bar">
        <Segments<View>
          label={words.rules.view}
          value={view}
          options={views.map((one) => ({ value: one, label: words.rules.views[one] }))}
          onChange={(next) => address.set({ view: next === 'rules' ? undefined : next })}
        />
      </div>
      {view === 'objectives' ? (
        <ObjectiveList />
      ) : (
        <Shown reading={reading} what={words.rules.failed} rowCount={8}>
          {(list) =>
            view === 'files' ? <RuleFiles canEdit={list.canEdit} /> : <RuleTables list={list} />
          }
        </Shown>
      )}
    </>
  )
}

function figuresOf({ groups }: RuleList) {
  const rules = groups.flatMap((group) => group.rules)
  return {
    count: rules.length,
    broken: rules.filter((rule) => rule.health === 'err').length,
    blind: rules.filter(isBlind).length,
    waiting: rules.filter((rule) => rule.health === 'unknown').length,
    missed: groups.filter((group) => group.missedCount > 0).length,
  }
}
