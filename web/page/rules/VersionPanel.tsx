/** Older texts of a file, each of which can be taken again. */

import { useOlderRuleText, useRuleFile } from '../../data/rules.ts'
import { Button } from '../../kit/Button.tsx'
import { Card } from '../../kit/Card.tsx'
import { ActFault, Empty, Shown } from '../../kit/Feedback.tsx'
import { Moment, Value } from '../../kit/format.tsx'
import { useWords } from '../../word/word.tsx'

/** The panel. */
export function VersionPanel(props: { name: string; onTake: (text: string) => void }) {
  const words = useWords()
  const reading = useRuleFile(props.name)
  const older = useOlderRuleText(props.name)
  const take = async (id: string): Promise<void> => {
    const found = await older.ask(id)
    if (found) props.onTake(found.text)
  }
  return (
    <Shown reading={reading} what={words.ruleEditor.failed}>
      {({ versions }) => (
        <Card title={words.ruleEditor.panels.versions}>
          {versions.length === 0 ? (
            <Empty title={words.ruleEditor.noVersions} />
          ) : (
            <ul className="plain-list">
              {versions.map((version) => (
                <li key={version.id} className="plain-item">
                  <span className="line-wrap">
                    <Moment timeMs={version.timeMs} />
                    <span className="quiet">
                      <Value value={version.sizeBytes} unit="bytes" />
                    </span>
                  </span>
                  <Button size="small" onClick={() => void take(version.id)}>
                    {words.ruleEditor.take}
                  </Button>
                </li>
              ))}
            </ul>
          )}
          <ActFault error={older.error} />
        </Card>
      )}
    </Shown>
  )
}
