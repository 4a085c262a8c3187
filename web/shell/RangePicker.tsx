/** The one range of time of the page: pick, step, widen, narrow. It lives in the address. */

import { useState } from 'react'
import { currentTimeMs } from '../data/clock.ts'
import {
  moveRange,
  offeredSpans,
  parseSpan,
  readRange,
  scaleRange,
  type TimeRange,
  writeRange,
} from '../data/range.ts'
import { useMovingRange } from '../data/queries.ts'
import { Button } from '../kit/Button.tsx'
import { TextField } from '../kit/Field.tsx'
import { useFormat } from '../kit/format.tsx'
import { DownIcon, LeftIcon, NarrowIcon, RightIcon, WidenIcon } from '../kit/icons.ts'
import { Dialog, Menu } from '../kit/Overlay.tsx'
import { useAddress } from '../route/router.tsx'
import { useWords } from '../word/word.tsx'
import { parseDateTime } from './date-time.ts'
import { useKeys } from './keys.ts'

/** The range of the page and ways to change it. */
export function useRange(initial = '1h') {
  const address = useAddress()
  const range = useMovingRange(readRange(address.search, currentTimeMs(), initial))
  const setRange = (next: TimeRange): void => address.set(writeRange(next), true)
  return { range, setRange }
}

/** Keys that move the range. */
export function useRangeKeys(): void {
  const words = useWords()
  const { range, setRange } = useRange()
  const width = range.toTimeMs - range.fromTimeMs
  useKeys([
    {
      keys: '[',
      label: words.range.earlier,
      run: () => setRange(moveRange(range, -0.5, currentTimeMs())),
    },
    {
      keys: ']',
      label: words.range.later,
      run: () => setRange(moveRange(range, 0.5, currentTimeMs())),
    },
    {
      keys: '-',
      label: words.range.wider,
      run: () => setRange(scaleRange(range, 2, currentTimeMs())),
    },
    {
      keys: '=',
      label: words.range.narrower,
      run: () => setRange(scaleRange(range, 0.5, currentTimeMs())),
    },
    {
      keys: '0',
      label: words.range.now,
      run: () => {
        const nowTimeMs = currentTimeMs()
        const lastMs = Math.round(width / 1000) * 1000
        setRange({ fromTimeMs: nowTimeMs - lastMs, toTimeMs: nowTimeMs, lastMs })
      },
    },
  ])
}

/** The picker in the bar. */
export function RangePicker() {
  const words = useWords()
  const format = useFormat()
  const { range, setRange } = useRange()
  const [isOpen, setOpen] = useState(false)
  const text =
    range.lastMs === undefined
      ? `${format.dateTime(range.fromTimeMs).slice(5, 16)} – ${format.near(range.toTimeMs, range.fromTimeMs).slice(0, 11)}`
      : words.range.last({ span: format.span(range.lastMs) })
  const move = (part: number): void => setRange(moveRange(range, part, currentTimeMs()))
  const scale = (factor: number): void => setRange(scaleRange(range, factor, currentTimeMs()))
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a border and a legend
    <div className="range" role="group" aria-label={words.range.title}>
      <Button
        weight="quiet"
        label={words.range.earlier}
        icon={<LeftIcon size={16} />}
        onClick={() => move(-0.5)}
      />
      <Menu
        button={{
          weight: 'quiet',
          icon: <DownIcon size={14} aria-hidden />,
          children: text,
          title: words.range.zone({ zone: format.zone }),
        }}
        title={words.range.zone({ zone: format.zone })}
        items={[
          ...offeredSpans.map((span) => ({
            key: span,
            label: words.range.last({ span: format.span(parseSpan(span) ?? 0) }),
            isChosen: range.lastMs === parseSpan(span),
            onPick: () => {
              const lastMs = parseSpan(span) ?? 0
              const nowTimeMs = currentTimeMs()
              setRange({ fromTimeMs: nowTimeMs - lastMs, toTimeMs: nowTimeMs, lastMs })
            },
          })),
          { key: 'own', label: words.range.own, onPick: () => setOpen(true) },
        ]}
      />
      <Button
        weight="quiet"
        label={words.range.later}
        icon={<RightIcon size={16} />}
        isDisabled={range.lastMs !== undefined}
        onClick={() => move(0.5)}
      />
      <Button
        weight="quiet"
        label={words.range.wider}
        icon={<WidenIcon size={16} stroke={1.6} />}
        onClick={() => scale(2)}
      />
      <Button
        weight="quiet"
        label={words.range.narrower}
        icon={<NarrowIcon size={16} stroke={1.6} />}
        onClick={() => scale(0.5)}
      />
      {isOpen ? <OwnRange range={range} onPick={setRange} onClose={() => setOpen(false)} /> : null}
    </div>
  )
}

/** A range by its two ends, in the reader's zone. */
function OwnRange(props: {
  range: TimeRange
  onPick: (range: TimeRange) => void
  onClose: () => void
}) {
  const words = useWords()
  const format = useFormat()
  const [from, setFrom] = useState(format.dateTime(props.range.fromTimeMs))
  const [to, setTo] = useState(format.dateTime(props.range.toTimeMs))
  const fromTimeMs = parseDateTime(from, format.zone)
  const toTimeMs = parseDateTime(to, format.zone)
  const fault =
    fromTimeMs === undefined || toTimeMs === undefined
      ? words.range.unreadable
      : toTimeMs <= fromTimeMs
        ? words.range.backwards
        : undefined
  const pick = (): void => {
    if (fault || fromTimeMs === undefined || toTimeMs === undefined) return
    props.onPick({ fromTimeMs, toTimeMs, lastMs: undefined })
    props.onClose()
  }
  return (
    <Dialog isOpen onClose={props.onClose} title={words.range.own}>
      <div className="stack">
        <TextField label={words.range.from} value={from} onChange={setFrom} onEnter={pick} isMono />
        <TextField
          label={words.range.to}
          value={to}
          onChange={setTo}
          onEnter={pick}
          isMono
          hint={words.range.zone({ zone: format.zone })}
          fault={fault}
        />
        <div className="dialog-foot">
          <Button onClick={props.onClose}>{words.kit.cancel}</Button>
          <Button weight="main" onClick={pick} isDisabled={fault !== undefined}>
            {words.range.show}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
