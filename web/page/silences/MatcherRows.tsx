/** Conditions on labels, one a row: name, comparison, value. */

import type { SilenceMatcher } from '../../../src/model/silence.ts'
import { Button } from '../../kit/Button.tsx'
import { SelectField, TextField } from '../../kit/Field.tsx'
import { AddIcon, CloseIcon } from '../../kit/icons.ts'
import { useWords } from '../../word/word.tsx'

const operators = ['=', '!=', '=~', '!~'] as const

/** A row while it is written. */
export interface MatcherRow extends SilenceMatcher {
  key: number
}

/** Rows for the labels of an alert, its name first: it is what most conditions are about. */
export function rowsOfLabels(labels: Readonly<Record<string, string>>): MatcherRow[] {
  return Object.entries(labels)
    .sort(([a], [b]) => Number(b === 'alertname') - Number(a === 'alertname'))
    .map(([name, value], key) => ({ key, name, operator: '=', value }))
}

/** Rows for conditions that are kept. */
export function rowsOfMatchers(matchers: readonly SilenceMatcher[]): MatcherRow[] {
  return matchers.map((matcher, key) => ({ ...matcher, key }))
}

/** The rows with one more, empty. */
export function withEmptyRow(rows: readonly MatcherRow[]): MatcherRow[] {
  const key = Math.max(-1, ...rows.map((row) => row.key)) + 1
  return [...rows, { key, name: '', operator: '=', value: '' }]
}

/** The conditions of the rows that name a label. */
export function matchersOfRows(rows: readonly MatcherRow[]): SilenceMatcher[] {
  return rows
    .filter((row) => row.name.trim() !== '')
    .map(({ name, operator, value }) => ({ name: name.trim(), operator, value }))
}

/** The rows, and a button for another. */
export function MatcherRows(props: {
  rows: readonly MatcherRow[]
  onChange: (rows: MatcherRow[]) => void
  /** The first of them has the focus when their dialog opens. */
  isFirst?: boolean
}) {
  const { rows, onChange } = props
  const words = useWords()
  const change = (key: number, next: Partial<SilenceMatcher>): void =>
    onChange(rows.map((row) => (row.key === key ? { ...row, ...next } : row)))
  return (
    <>
      <fieldset className="silence-rows" aria-label={words.silence.matchers}>
        {rows.map((row, index) => (
          <div key={row.key} className="silence-row">
            <TextField
              label={words.silence.label}
              isLabelHidden
              isFirst={props.isFirst === true && index === 0}
              isMono
              placeholder={words.silence.label}
              value={row.name}
              onChange={(name) => change(row.key, { name })}
            />
            <SelectField
              label={words.silence.operator}
              isLabelHidden
              value={row.operator}
              options={operators.map((value) => ({ value, label: value }))}
              onChange={(operator) => change(row.key, { operator })}
            />
            <TextField
              label={words.silence.value}
              isLabelHidden
              isMono
              placeholder={words.silence.value}
              value={row.value}
              onChange={(value) => change(row.key, { value })}
            />
            <Button
              weight="quiet"
              label={words.silence.dropMatcher({ name: row.name })}
              icon={<CloseIcon size={15} />}
              onClick={() => onChange(rows.filter((other) => other.key !== row.key))}
            />
          </div>
        ))}
      </fieldset>
      <div>
        <Button
          size="small"
          icon={<AddIcon size={14} />}
          onClick={() => onChange(withEmptyRow(rows))}
        >
          {words.silence.addMatcher}
        </Button>
      </div>
    </>
  )
}
