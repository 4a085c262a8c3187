/** Pages in protobuf: the series of their text, native histograms, exemplars, and bytes that are wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeSeededRandom } from '../../base/random.ts'
import { CodedError } from '../../base/error.ts'
import { labelsFromPairs } from '../../model/labels.ts'
import { ByteTable } from '../byte-table.ts'
import {
  all,
  double,
  exemplar,
  family,
  labelPairs,
  nativeBuckets,
  zigzag,
} from '../testdata/metric-family.ts'
import { field, whole } from '../testdata/write-request.ts'
import { ExpositionReader } from './exposition.ts'
import { ProtobufPageReader, type ProtobufPageOptions } from './protobuf-page.ts'
import { normalizeBounds } from './series-labels.ts'

const counterType = 0
const gaugeType = 1
const summaryType = 2
const untypedType = 3
const histogramType = 4
const gaugeHistogramType = 5

/** Everything that the page gives, one line each. */
function readAll(page: Buffer, options: ProtobufPageOptions = {}): string[] {
  const reader = new ProtobufPageReader(page, options)
  const found: string[] = []
  for (;;) {
    const kind = reader.next()
    if (kind === 'end') return found
    if (kind === 'sample') {
      const time = reader.hasTime ? ` @${reader.timeMs}` : ''
      const about = reader.exemplars.map((one) => ` # ${JSON.stringify(one)}`).join('')
      found.push(`${labelsFromPairs(reader.readLabels())} ${reader.value}${time}${about}`)
    } else if (kind === 'histogram') {
      const about = reader.exemplars.map((one) => ` # ${JSON.stringify(one)}`).join('')
      const shown = JSON.stringify(reader.histogram)
      found.push(`${labelsFromPairs(reader.readLabels())} ${shown}${about}`)
    } else if (kind === 'known') found.push('known')
    else found.push(`${kind} ${reader.metric} ${reader.text}`)
  }
}

const classicBuckets = all(
  field(3, all(whole(1, 2n), double(2, 0.5))),
  field(3, all(whole(1, 5n), double(2, 1), exemplar(3, { labels: { id: 'a' }, value: 0.7 }))),
)

const native = all(
  whole(1, 9n),
  double(2, 12.5),
  zigzag(5, 1),
  double(6, 0.001),
  whole(7, 1n),
  nativeBuckets({ span: 9, delta: 10 }, [[-2, 1]], [2]),
  nativeBuckets(
    { span: 12, delta: 13 },
    [
      [0, 2],
      [3, 1],
    ],
    [1, 3, -3],
  ),
)

test('every type gives the series that its text would', () => {
  const page = all(
    family(
      { name: 'requests_total', type: counterType, help: 'Some\nhelp.' },
      all(labelPairs(1, { code: '200' }), field(3, double(1, 7))),
      all(
        labelPairs(1, { code: '500' }),
        field(3, all(double(1, 2), exemplar(2, { labels: { t: 'x' }, value: 1, timeMs: 1500 }))),
        whole(6, 1_700_000_000_000n),
      ),
    ),
    family({ name: 'heat', type: gaugeType, unit: 'celsius' }, field(2, double(1, -4.5))),
    family({ name: 'zero', type: gaugeType }, field(2, Buffer.alloc(0))),
    family({ name: 'anything', type: untypedType }, field(5, double(1, Number.NaN))),
    family(
      { name: 'size', type: summaryType },
      field(4, all(whole(1, 3n), double(2, 10), field(3, all(double(1, 0.5), double(2, 4))))),
    ),
    family(
      { name: 'took', type: histogramType },
      all(
        labelPairs(1, { 'http.route': '/a', zone: 'é' }),
        field(7, all(whole(1, 6n), double(2, 4.5), classicBuckets)),
      ),
    ),
  )
  assert.deepEqual(readAll(page), [
    'type requests_total counter',
    'help requests_total Some\nhelp.',
    'requests_total{code="200"} 7',
    'requests_total{code="500"} 2 @1700000000000 # {"labels":["t","x"],"value":1,"timeMs":1500}',
    'type heat gauge',
    'unit heat celsius',
    'heat -4.5',
    'type zero gauge',
    'zero 0',
    'type anything unknown',
    'anything NaN',
    'type size summary',
    'size{quantile="0.5"} 4',
    'size_count 3',
    'size_sum 10',
    'type took histogram',
    'took_bucket{"http.route"="/a", le="0.5", zone="é"} 2',
    'took_bucket{"http.route"="/a", le="1.0", zone="é"} 5 # {"labels":["id","a"],"value":0.7}',
    'took_bucket{"http.route"="/a", le="+Inf", zone="é"} 6',
    'took_count{"http.route"="/a", zone="é"} 6',
    'took_sum{"http.route"="/a", zone="é"} 4.5',
  ])
})

test('native histograms are given when they are wanted, and their classic buckets too when asked for', () => {
  const nativeExemplars = all(
    exemplar(16, { labels: { id: 'late' }, value: 3, timeMs: 2000 }),
    exemplar(16, { labels: { id: 'early' }, value: 1, timeMs: 1000 }),
  )
  const page = family(
    { name: 'took', type: histogramType },
    field(7, all(native, classicBuckets, nativeExemplars)),
  )
  const whole = {
    schema: 1,
    count: 9,
    sum: 12.5,
    zeroThreshold: 0.001,
    zeroCount: 1,
    positive: { index: [0, 1, 5], count: [1, 4, 1] },
    negative: { index: [-2], count: [2] },
    customBounds: [],
    resetHint: 'unknown',
  }
  const nativeLine = `took ${JSON.stringify(whole)} # {"labels":["id","early"],"value":1,"timeMs":1000} # {"labels":["id","late"],"value":3,"timeMs":2000}`
  const classicLines = [
    'took_bucket{le="0.5"} 2',
    'took_bucket{le="1.0"} 5 # {"labels":["id","a"],"value":0.7}',
    'took_bucket{le="+Inf"} 9',
    'took_count 9',
    'took_sum 12.5',
  ]
  const typeLine = 'type took histogram'
  assert.deepEqual(readAll(page), [typeLine, ...classicLines])
  assert.deepEqual(readAll(page, { hasNative: true }), [typeLine, nativeLine])
  assert.deepEqual(readAll(page, { hasNative: true, keepsClassic: true }), [
    typeLine,
    nativeLine,
    ...classicLines,
  ])
})

test('one without observations, one of floats and one of a gauge are native too', () => {
  const empty = all(whole(1, 0n), zigzag(5, 3), double(6, 2.9e-39), field(12, whole(2, 0n)))
  const floats = all(
    double(4, 1.5),
    double(8, 0.5),
    field(12, all(zigzag(1, 4), whole(2, 2n))),
    // Packed.
    field(14, all(double(1, 0.25).subarray(1), double(1, 0.75).subarray(1))),
  )
  const page = all(
    family({ name: 'a', type: histogramType }, field(7, empty)),
    family({ name: 'b', type: gaugeHistogramType }, field(7, floats)),
  )
  const [, a, , b] = readAll(page, { hasNative: true })
  assert.match(a!, /^a \{"schema":3,"count":0,.*"positive":\{"index":\[\],"count":\[\]\}/)
  assert.match(
    b!,
    /^b \{"schema":0,"count":1.5,.*"zeroCount":0.5,"positive":\{"index":\[4,5\],"count":\[0.25,0.75\]\}.*"resetHint":"gauge"/,
  )
})

test('series and metadata seen before are recognised by their bytes', () => {
  const make = (value: number, code: string): Buffer =>
    family(
      { name: 'requests_total', type: counterType, help: 'x' },
      all(labelPairs(1, { code: '200' }), field(3, double(1, value))),
      all(labelPairs(1, { code }), field(3, double(1, value))),
    )
  const table = new ByteTable()
  const scrape = (page: Buffer): string[] => {
    const reader = new ProtobufPageReader(page, { table })
    const found: string[] = []
    for (;;) {
      const kind = reader.next()
      if (kind === 'end') return found
      if (kind === 'known')
        found.push(`known ${reader.readKnown()} ${reader.metric} ${reader.text}`)
      else if (kind !== 'sample') reader.rememberMetadata()
      else if (reader.entry >= 0) found.push(`entry ${table.values[reader.entry]} ${reader.value}`)
      else {
        found.push(`new ${labelsFromPairs(reader.readLabels())}`)
        const number = table.count
        reader.remember(table.add(reader.view, reader.seriesStart, reader.seriesEnd, number))
      }
    }
  }
  assert.deepEqual(scrape(make(1, '500')), [
    'new requests_total{code="200"}',
    'new requests_total{code="500"}',
  ])
  assert.deepEqual(scrape(make(2, '404')), [
    'known type requests_total counter',
    'known help requests_total x',
    'entry 2 2',
    'new requests_total{code="404"}',
  ])
  assert.deepEqual(scrape(make(3, '500')).slice(2), ['entry 2 3', 'entry 3 3'])
})

const textOf = fc.string({ unit: fc.constantFrom(...'aZ_:.é"\\\n 世') })
const nameOf = fc.tuple(fc.constantFrom('a', 'b.c', 'é', 'x_y'), textOf).map(([head, tail]) => {
  return `${head}${tail}`
})
const metricOf = fc.record({
  labels: fc.dictionary(nameOf, textOf, { maxKeys: 3 }),
  value: fc.oneof(fc.double(), fc.integer()),
  counts: fc.array(fc.nat(1000), { minLength: 1, maxLength: 5 }),
})
const familyOf = fc.record({
  name: nameOf,
  type: fc.constantFrom(counterType, gaugeType, summaryType, untypedType, histogramType),
  metrics: fc.array(metricOf, { minLength: 1, maxLength: 3 }),
})

function escapeText(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
}

function lineOf(name: string, labels: Record<string, string>, value: number): string {
  const pairs = Object.entries(labels).map(
    ([key, text]) => `${escapeText(key)}=${escapeText(text)}`,
  )
  const shown = String(value).replace('Infinity', 'Inf')
  return `{${[escapeText(name), ...pairs].join(',')}} ${shown}\n`
}

interface MadeMetric {
  labels: Record<string, string>
  value: number
  counts: number[]
}

/** A metric with parts, as text and as protobuf. */
function writeParts(name: string, isHistogram: boolean, metric: MadeMetric): [string, Buffer] {
  const { labels, value, counts } = metric
  const lines: string[] = []
  const parts: Buffer[] = []
  let total = 0
  for (const [place, count] of counts.entries()) {
    total += count
    const bound = (place + 1) / 8
    if (isHistogram) {
      lines.push(lineOf(`${name}_bucket`, { ...labels, le: String(bound) }, total))
      parts.push(field(3, all(whole(1, BigInt(total)), double(2, bound))))
    } else {
      lines.push(lineOf(name, { ...labels, quantile: String(bound) }, count))
      parts.push(field(3, all(double(1, bound), double(2, count))))
    }
  }
  if (isHistogram) lines.push(lineOf(`${name}_bucket`, { ...labels, le: '+Inf' }, total))
  lines.push(lineOf(`${name}_count`, labels, total), lineOf(`${name}_sum`, labels, value))
  const body = all(whole(1, BigInt(total)), double(2, value), ...parts)
  return [lines.join(''), all(labelPairs(1, labels), field(isHistogram ? 7 : 4, body))]
}

function writeMetric(name: string, type: number, metric: MadeMetric): [string, Buffer] {
  const { labels, value } = metric
  if (type === histogramType || type === summaryType) {
    return writeParts(name, type === histogramType, metric)
  }
  const place = type === counterType ? 3 : type === gaugeType ? 2 : 5
  return [lineOf(name, labels, value), all(labelPairs(1, labels), field(place, double(1, value)))]
}

test('any page gives the same samples in protobuf as in text', () => {
  fc.assert(
    fc.property(fc.array(familyOf, { maxLength: 4 }), (families) => {
      let text = ''
      const parts: Buffer[] = []
      for (const { name, type, metrics } of families) {
        const written = metrics.map((metric) => writeMetric(name, type, metric))
        text += written.map(([lines]) => lines).join('')
        parts.push(family({ name, type }, ...written.map(([, bytes]) => bytes)))
      }
      const reader = new ExpositionReader(Buffer.from(text), 'text')
      const expected: string[] = []
      while (reader.next() !== 'end') {
        expected.push(`${labelsFromPairs(normalizeBounds(reader.readLabels()))} ${reader.value}`)
      }
      const found = readAll(Buffer.concat(parts)).filter((line) => !line.startsWith('type '))
      assert.deepEqual(found.sort(), expected.sort())
    }),
    { numRuns: 1000 },
  )
})

test('what is broken is refused, and no bytes throw anything else', () => {
  const refuse = (page: Buffer, pattern: RegExp): void => {
    assert.throws(() => readAll(page, { hasNative: true }), pattern)
  }
  const histogram = (...parts: Buffer[]): Buffer =>
    family({ name: 'h', type: histogramType }, field(7, all(...parts)))
  refuse(Buffer.from([200, 1]), /reaches behind/)
  refuse(
    histogram(nativeBuckets({ span: 12, delta: 13 }, [[0, 3]], [1, 1])),
    /spans need 3 buckets, have 2 buckets/,
  )
  refuse(
    histogram(nativeBuckets({ span: 12, delta: 13 }, [[0, 1]], [1, 1])),
    /spans need 1 buckets, have 2 buckets/,
  )
  refuse(histogram(nativeBuckets({ span: 12, delta: 13 }, [[0, 1]], [2])), /Count field is 0/)
  refuse(histogram(nativeBuckets({ span: 12, delta: 13 }, [[0, 1]], [-1])), /count is negative/)
  refuse(
    histogram(
      nativeBuckets(
        { span: 12, delta: 13 },
        [
          [0, 1],
          [-3, 1],
        ],
        [1, 1],
      ),
    ),
    /offset is negative/,
  )
  const twice = all(labelPairs(1, { a: '1' }), labelPairs(1, { a: '2' }), field(2, double(1, 1)))
  refuse(family({ name: 'x', type: gaugeType }, twice), /a second time/)
  const page = all(
    family({ name: 'a_total', type: counterType, help: 'h' }, field(3, double(1, 1))),
    histogram(native, classicBuckets),
  )
  const random = makeSeededRandom(7)
  for (let turn = 0; turn < 20_000; turn++) {
    const bytes = Buffer.from(page)
    for (let change = 0; change < 3; change++) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    }
    try {
      readAll(bytes.subarray(0, Math.ceil(random() * bytes.length)), { hasNative: true })
    } catch (thrown) {
      assert.ok(thrown instanceof CodedError, String(thrown))
    }
  }
})
