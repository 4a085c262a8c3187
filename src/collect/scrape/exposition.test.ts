/** Exposition pages: numbers, both formats, strict and lenient, errors with line and reason, lines known from before. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteTable } from '../byte-table.ts'
import { type ExpositionFormat, ExpositionReader } from './exposition.ts'
import { parseExposition } from './exposition-page.ts'
import { formatBound, isNumber, parseNumber, parsePlainLine, plainLineEnd } from './number.ts'

const numberOf = (text: string): number | undefined => {
  const bytes = Buffer.from(`x${text}y`)
  const value = parseNumber(bytes, 1, bytes.length - 1)
  return isNumber ? value : undefined
}

test('numbers are read as Go reads them', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      for (const text of [String(value), value.toExponential(), value.toPrecision(15)]) {
        const hasValue = Number.isFinite(Number(text))
        assert.equal(numberOf(text), hasValue ? Number(text) : undefined, text)
      }
    }),
  )
  fc.assert(fc.property(fc.integer(), (value) => assert.equal(numberOf(String(value)), value)))
  for (const [text, value] of [
    ['NaN', Number.NaN],
    ['nan', Number.NaN],
    ['+Inf', Infinity],
    ['-inf', -Infinity],
    ['Infinity', Infinity],
    ['08', 8],
    ['.5', 0.5],
    ['5.', 5],
    ['-.3', -0.3],
    ['-0', -0],
    ['1e-400', 0],
    ['0.1e1', 1],
    ['123456789012345678901234567890', 1.2345678901234568e29],
  ] as const) {
    assert.ok(Object.is(numberOf(text), value), text)
  }
  for (const text of [
    '',
    '.',
    '-',
    '1e',
    '1_2',
    '0x1p-2',
    '0x1',
    '1e999',
    '1 ',
    '+nan',
    'e5',
    '1.2.3',
  ]) {
    assert.equal(numberOf(text), undefined, text)
  }
})

test('a plain number at the end of its line is read as any other, and nothing else is', () => {
  const check = (text: string, isPlain: boolean): void => {
    const bytes = Buffer.from(`x${text}`)
    const value = parsePlainLine(bytes, 1)
    assert.equal(plainLineEnd, isPlain ? text.indexOf('\n') + 2 : 0, JSON.stringify(text))
    if (isPlain) assert.ok(Object.is(value, numberOf(text.slice(0, text.indexOf('\n')))), text)
  }
  fc.assert(
    fc.property(fc.stringMatching(/^(\d{1,15}|\d{0,7}\.\d{1,8}|\d{1,9}\.)$/), (text) => {
      check(`${text}\n`, true)
      check(`${text}\nmore`, true)
      for (const end of ['', ' \n', '\r\n', ' 1\n', 'e1\n', '.1.\n', 'x']) check(text + end, false)
      check(`-${text}\n`, false)
    }),
  )
  for (const text of ['\n', '.\n', 'NaN\n', '+1\n', '1234567890123456\n', '12345678.12345678\n'])
    check(text, false)
})

test('bounds get their float form', () => {
  for (const [text, expected] of [
    ['1', '1.0'],
    ['0.005', '0.005'],
    ['+Inf', '+Inf'],
    ['1e-05', '1e-05'],
    ['1e+06', '1e+06'],
    ['1000000', '1e+06'],
    ['100000', '100000.0'],
    ['2.5e7', '2.5e+07'],
    ['-2', '-2.0'],
    ['1e21', '1e+21'],
    ['0', '0.0'],
    ['0.99', '0.99'],
  ] as const) {
    assert.equal(formatBound(numberOf(text)!), expected)
  }
})

function samplesOf(page: string, format: ExpositionFormat = 'text'): unknown[] {
  const reader = new ExpositionReader(Buffer.from(page), format)
  const rows: unknown[] = []
  for (;;) {
    const kind = reader.next()
    if (kind === 'end') return rows
    if (kind === 'sample') {
      rows.push([reader.readLabels(), reader.value, reader.hasTime ? reader.timeMs : undefined])
    }
  }
}

test('text format: blanks, escapes, timestamps, quoted names', () => {
  assert.deepEqual(
    samplesOf(
      [
        '# a comment',
        '',
        '\t # TYPE\tname2   gauge',
        'plain 1',
        'name {labelname="val2",basename="base\\"v\\\\al\\nue"} 0.23 1234567890',
        'name2{ labelname = "val1" , }-Inf',
        '{"my.metric",a="1"} 3 -5',
        '{"a b","c.d"="x"}\t4',
        'weird{a="}{ ,=#"} 5',
        'proto{__proto__="x"} 6',
        'last{a="\\t"} 7',
      ].join('\n'),
    ),
    [
      [['__name__', 'plain'], 1, undefined],
      [['__name__', 'name', 'labelname', 'val2', 'basename', 'base"v\\al\nue'], 0.23, 1234567890],
      [['__name__', 'name2', 'labelname', 'val1'], -Infinity, undefined],
      [['__name__', 'my.metric', 'a', '1'], 3, -5],
      [['__name__', 'a b', 'c.d', 'x'], 4, undefined],
      [['__name__', 'weird', 'a', '}{ ,=#'], 5, undefined],
      [['__name__', 'proto', '__proto__', 'x'], 6, undefined],
      [['__name__', 'last', 'a', '\\t'], 7, undefined],
    ],
  )
})

test('OpenMetrics: seconds become milliseconds, exemplars are read', () => {
  const page =
    '# TYPE a counter\n# HELP a help\na_total{x="1"} 1 12.5 # {trace_id="é"} 0.5 3\n# UNIT b_s s\nb_s 2\n# EOF\n'
  assert.deepEqual(samplesOf(page, 'openmetrics'), [
    [['__name__', 'a_total', 'x', '1'], 1, 12500],
    [['__name__', 'b_s'], 2, undefined],
  ])
  const { samples, families } = parseExposition(page, 'openmetrics')
  assert.deepEqual(samples[0]?.exemplar?.labels.pairs, ['trace_id', 'é'])
  assert.equal(samples[0]?.exemplar?.timeMs, 3000)
  assert.deepEqual(
    families.map(({ name, type, help, unit }) => [name, type, help, unit]),
    [
      ['a', 'counter', 'help', undefined],
      ['b_s', undefined, undefined, 's'],
    ],
  )
})

test('a scraper lets pass in the text format what Prometheus lets pass', () => {
  const page = 'a{b="1"c="2"} 1\n# HELP x\'y help\n# TYPE "\nd{e="f\ng"} 2\n'
  assert.deepEqual(samplesOf(page), [
    [['__name__', 'a', 'b', '1', 'c', '2'], 1, undefined],
    [['__name__', 'd', 'e', 'f\ng'], 2, undefined],
  ])
  for (const line of ['a{b="1"c="2"} 1\n', "# HELP x'y help\n", 'd{e="f\ng"} 2\n']) {
    assert.throws(() => parseExposition(line, 'text'), /line 1/)
    assert.throws(() => samplesOf(`${line}# EOF\n`, 'openmetrics'), /line 1/)
  }
  assert.throws(() => samplesOf('a{b="1\nc 2\n'), /line 1: a string is not closed/)
})

test('each mistake is named with its line', () => {
  const refuse = (page: string | Uint8Array, format: ExpositionFormat, pattern: RegExp): void => {
    assert.throws(() => parseExposition(page, format), pattern, String(page).slice(0, 80))
  }
  refuse(
    'a 1\nb{c=1} 2\n',
    'text',
    /^CodedError: line 2: expected a label value in double quotes, got "1"/,
  )
  refuse('a{b="x} 1\n', 'text', /line 1: a string is not closed before the end of the line/)
  refuse('a\n', 'text', /line 1: expected a blank or "{" .*, got the end of the line/)
  refuse('a \n', 'text', /line 1: expected a number as value, got nothing/)
  refuse('a 1 1.5\n', 'text', /line 1: expected a timestamp in whole milliseconds, got "1.5"/)
  refuse('a 1 2 3\n', 'text', /expected the end of the line after the timestamp, got "3"/)
  refuse('a 1 2 \n', 'text', /expected the end of the line after the timestamp, got the end/)
  refuse('a 1 \n', 'text', /expected a timestamp behind the blank, got the end of the line/)
  refuse('a 1\n# bye', 'text', /last line must end with a line feed/)
  assert.equal(
    parseExposition('# TYPE a GAUGE\n# TYPE b\na 1\n', 'text').families[0]?.type,
    'gauge',
  )
  refuse('a{b="1"c="2"} 1\n', 'text', /expected "," or "}" after the label, got "c"/)
  refuse('a{b="1",b="2"} 1\n', 'text', /the label "b" is given twice/)
  refuse('{b="1"} 1\n', 'text', /the sample has no metric name/)
  refuse('a{"b","c"="x"} 1\n', 'text', /the metric name is given twice/)
  refuse('é 1\n', 'text', /expected a metric name, got "é"/)
  refuse('a 1', 'text', /last line must end with a line feed/)
  refuse('a{b="\\t"} 1\n', 'text', /the escape sequence "\\t" does not exist/)
  refuse('# TYPE a countre\n', 'text', /line 1: "countre" is not a metric type/)
  refuse('a 1\n# TYPE a gauge\n', 'text', /line 2: the TYPE line of the metric a comes after/)
  refuse('# TYPE a histogram\na_bucket{le="x"} 1\n', 'text', /value of the label le, got "x"/)
  refuse(
    Buffer.from([0x61, 0x7b, 0x62, 0x3d, 0x22, 0xff, 0x22, 0x7d, 0x20, 0x31, 0x0a]),
    'text',
    /not valid UTF-8/,
  )
  refuse('a 1\n', 'openmetrics', /line 2: the page does not end with "# EOF"/)
  refuse('a 1\n# EOF\nb 1\n', 'openmetrics', /line 3: there is data after "# EOF"/)
  refuse('a  1\n# EOF\n', 'openmetrics', /expected a number as value, got nothing/)
  refuse('# TYPE a counter\na_total -1\n# EOF\n', 'openmetrics', /line 2: .*must be a number ≥ 0/)
  refuse('# TYPE a counter\na 1\n# EOF\n', 'openmetrics', /no sample of this name/)
  refuse(
    'a 1\nb 1\na{x="1"} 1\n# EOF\n',
    'openmetrics',
    /line 3: the lines of a do not stand together/,
  )
  refuse(
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n# EOF\n',
    'openmetrics',
    /has no bucket le="\+Inf"/,
  )
})

test('a page read again through the table gives the same samples', () => {
  const name = fc.constantFrom('a', 'ab', 'abc', 'node_cpu_seconds_total')
  const label = fc.tuple(
    fc.constantFrom('x', 'y_1', 'le'),
    fc.string({ unit: 'grapheme', maxLength: 9 }),
  )
  const line = fc.tuple(name, fc.option(label), fc.double({ noNaN: true }), fc.boolean())
  const render = (rows: [string, [string, string] | null, number, boolean][]): string =>
    rows
      .map(([metric, pair, value, hasBlank]) => {
        const escaped = pair?.[1].replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
        const labels = pair === null ? '' : `${hasBlank ? ' ' : ''}{${pair[0]}="${escaped}"}`
        const shown = Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
        return `# HELP ${metric} text\n${metric}${labels} ${shown}\n`
      })
      .join('')
  const read = (page: string, table: ByteTable, byId: string[]): unknown[] => {
    const reader = new ExpositionReader(Buffer.from(page), 'text', { table })
    const rows: unknown[] = []
    for (;;) {
      const kind = reader.next()
      if (kind === 'end') return rows
      if (kind === 'help') reader.rememberMetadata()
      if (kind !== 'sample') continue
      if (reader.entry < 0) {
        byId.push(reader.readLabels().join('\xff'))
        reader.remember(
          table.add(reader.view, reader.seriesStart, reader.seriesEnd, byId.length - 1),
        )
      }
      rows.push([byId[table.values[reader.entry]!], reader.value])
    }
  }
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.array(line, { maxLength: 12 }),
      (one, two) => {
        const table = new ByteTable()
        const byId: string[] = []
        for (const rows of [one, two, one, [...two, ...one]]) {
          const page = render(rows)
          const expected = samplesOf(page).map((row) => {
            const [pairs, value] = row as [string[], number]
            return [pairs.join('\xff'), value]
          })
          assert.deepEqual(read(page, table, byId), expected)
        }
      },
    ),
  )
})

test('no bytes crash the reader: it reads them or names a line', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(
        fc.constantFrom(
          'a',
          '{',
          '}',
          '"',
          '=',
          ',',
          ' ',
          '\n',
          '\\',
          '#',
          '1',
          'le',
          '# TYPE ',
          '# EOF',
          'NaN',
          '\xff',
          '__proto__',
        ),
        { maxLength: 40 },
      )
      .map((parts) => Buffer.from(parts.join(''))),
  )
  fc.assert(
    fc.property(
      noise,
      fc.constantFrom<ExpositionFormat>('text', 'openmetrics'),
      (bytes, format) => {
        try {
          parseExposition(bytes, format)
        } catch (thrown) {
          assert.match(String(thrown), /^CodedError: line \d+: /)
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('a label of a megabyte is one label', () => {
  const page = `a{b="${'x'.repeat(1_000_000)}"} 1\n`
  assert.equal(parseExposition(page, 'text').samples[0]?.labels.get('b').length, 1_000_000)
})
