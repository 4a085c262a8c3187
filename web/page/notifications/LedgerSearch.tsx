/** What the ledger is searched for. The server searches; the address holds it all. */

import { useReceivers } from '../../data/routing.ts'
import { Button } from '../../kit/Button.tsx'
import { SelectField, Switch, TextField } from '../../kit/Field.tsx'
import { SearchIcon } from '../../kit/icons.ts'
import { type Search, useAddress } from '../../route/router.tsx'
import { useWords } from '../../word/word.tsx'

/** How an attempt can end. */
export const outcomes = ['delivered', 'retrying', 'failed', 'held'] as const

/** The parameters of the search. */
export const searchNames = [
  'filter',
  'label',
  'receiver',
  'channel',
  'outcome',
  'within',
  'incident',
  'page',
] as const

const spans = ['all', '1h', '1d', '7d'] as const

/** Whether anything is searched for. */
export function isSearching(search: Readonly<Search>): boolean {
  return searchNames.some((name) => search[name] !== undefined)
}

/** The fields. */
export function LedgerSearch() {
  const words = useWords()
  const address = useAddress()
  const { search } = address
  const receivers = useReceivers().data?.receivers ?? []
  const kinds = [
    ...new Set(receivers.flatMap((one) => one.channels.map(({ kind }) => kind))),
  ].sort()
  const choice = (
    name: 'receiver' | 'channel',
    o: { label: string; all: string; values: readonly string[] },
  ) => {
    const value = search[name] ?? ''
    // What the address asks for is shown, also when the configuration has it no more.
    const values = value === '' || o.values.includes(value) ? o.values : [value, ...o.values]
    return (
      <SelectField
        label={o.label}
        isLabelHidden
        value={value}
        options={[
          { value: '', label: o.all },
          ...values.map((one) => ({ value: one, label: one })),
        ]}
        onChange={(next) => address.set({ [name]: next })}
      />
    )
  }
  return (
    <div className="filter-bar ledger-search">
      <TextField
        label={words.ledger.filter}
        isLabelHidden
        type="search"
        icon={<SearchIcon size={15} />}
        placeholder={words.ledger.filter}
        value={search['filter'] ?? ''}
        onChange={(value) => address.set({ filter: value })}
      />
      <TextField
        label={words.ledger.label}
        isLabelHidden
        isMono
        placeholder={words.ledger.label}
        value={search['label'] ?? ''}
        onChange={(value) => address.set({ label: value })}
      />
      {choice('receiver', {
        label: words.ledger.receiver,
        all: words.ledger.allReceivers,
        values: receivers.map(({ name }) => name),
      })}
      {choice('channel', {
        label: words.ledger.channel,
        all: words.ledger.allChannels,
        values: kinds,
      })}
      <SelectField
        label={words.ledger.outcome}
        isLabelHidden
        value={outcomes.find((one) => one === search['outcome']) ?? ''}
        options={[
          { value: '', label: words.ledger.allOutcomes },
          ...outcomes.map((one) => ({ value: one, label: words.ledger.outcomes[one] })),
        ]}
        onChange={(next) => address.set({ outcome: next })}
      />
      <SelectField
        label={words.ledger.within}
        isLabelHidden
        value={spans.find((one) => one === search['within']) ?? 'all'}
        options={spans.map((one) => ({ value: one, label: words.ledger.withins[one] }))}
        onChange={(next) => address.set({ within: next === 'all' ? undefined : next })}
      />
      <Switch
        label={words.ledger.each}
        isOn={search['each'] === 'yes'}
        onChange={(isOn) => address.set({ each: isOn ? 'yes' : undefined })}
      />
      {search['incident'] ? (
        <Button onClick={() => address.set({ incident: undefined })}>
          {words.ledger.oneIncident}
        </Button>
      ) : null}
      {search['page'] ? (
        <Button onClick={() => address.set({ page: undefined })}>{words.ledger.onePage}</Button>
      ) : null}
    </div>
  )
}
