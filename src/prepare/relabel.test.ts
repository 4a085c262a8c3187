/** Relabeling: each action, the expansion of templates, refused configurations. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: relabel templates are written so

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { labelsFromPairs, makeLabels } from '../model/labels.ts'
import { compileRelabel, relabel, relabelConfig } from './relabel.ts'

function check(
  labels: Record<string, string>,
  configs: object[],
  expected: Record<string, string> | undefined,
): void {
  const rules = compileRelabel(configs.map((config) => relabelConfig.parse(config)))
  const result = relabel(makeLabels(labels), rules)
  assert.deepEqual(
    result === undefined ? undefined : { ...result.toObject() },
    expected,
    JSON.stringify(configs),
  )
}

test('replace writes what the expression captured, and only when it matches whole', () => {
  check(
    { a: 'foo' },
    [{ source_labels: ['a'], target_label: 'd', regex: 'f(.*)', replacement: 'ch${1}-ch${1}' }],
    { a: 'foo', d: 'choo-choo' },
  )
  check(
    { a: 'foo', b: 'bar' },
    [{ source_labels: ['a', 'b'], target_label: 'd', regex: 'o;b', replacement: 'x' }],
    { a: 'foo', b: 'bar' },
  )
  check(
    { a: 'foo', b: 'bar' },
    [{ source_labels: ['a', 'b'], target_label: 'd', separator: '-' }],
    { a: 'foo', b: 'bar', d: 'foo-bar' },
  )
  check({ a: 'foo' }, [{ target_label: 'x', replacement: 'set' }], { a: 'foo', x: 'set' })
  check({ a: 'foo' }, [{ target_label: 'a', replacement: '' }], {})
  check(
    { a: 'some-name-value' },
    [
      {
        source_labels: ['a'],
        regex: 'some-([^-]+)-([^,]+)',
        target_label: '${1}',
        replacement: '${2}',
      },
    ],
    { a: 'some-name-value', name: 'value' },
  )
  check({ a: 'x' }, [{ source_labels: ['a'], target_label: 'b', replacement: '$$1 $1x $ ${9}|' }], {
    a: 'x',
    b: '$1  $ |',
  })
  check(
    { a: 'line\nbreak' },
    [{ source_labels: ['a'], regex: 'line.break', target_label: 'b', replacement: 'y' }],
    { a: 'line\nbreak', b: 'y' },
  )
})

test('keep, drop, keepequal and dropequal decide about the whole set', () => {
  check({ a: 'foo' }, [{ source_labels: ['a'], regex: 'fo.', action: 'drop' }], undefined)
  check({ a: 'foo' }, [{ source_labels: ['a'], regex: 'fo', action: 'drop' }], { a: 'foo' })
  check({ a: 'foo' }, [{ source_labels: ['a'], regex: 'no', action: 'keep' }], undefined)
  check({ a: 'foo' }, [{ source_labels: ['a'], regex: 'f|foo', action: 'Keep' }], { a: 'foo' })
  check(
    { a: '1', b: '1' },
    [{ source_labels: ['a'], target_label: 'b', action: 'dropequal' }],
    undefined,
  )
  check(
    { a: '1', b: '2' },
    [{ source_labels: ['a'], target_label: 'b', action: 'keepequal' }],
    undefined,
  )
})

test('labelmap, labeldrop, labelkeep, lowercase and uppercase work on names and values', () => {
  check({ __meta_x: 'v', b: '1' }, [{ regex: '__meta_(.+)', action: 'labelmap' }], {
    __meta_x: 'v',
    b: '1',
    x: 'v',
  })
  check({ a: '1', ab: '2' }, [{ regex: 'a', action: 'labeldrop' }], { ab: '2' })
  check({ a: '1', ab: '2' }, [{ regex: 'a', action: 'labelkeep' }], { a: '1' })
  check(
    { a: 'FoO' },
    [
      { source_labels: ['a'], target_label: 'l', action: 'lowercase' },
      { source_labels: ['a'], target_label: 'u', action: 'uppercase' },
    ],
    { a: 'FoO', l: 'foo', u: 'FOO' },
  )
})

test('hashmod is the last half of the MD5 sum modulo the divisor', () => {
  const sum = createHash('md5').update('foo;bar').digest('hex').slice(16)
  check(
    { a: 'foo', b: 'bar' },
    [{ source_labels: ['a', 'b'], target_label: 'm', modulus: 1000, action: 'hashmod' }],
    { a: 'foo', b: 'bar', m: String(BigInt(`0x${sum}`) % 1000n) },
  )
  // A vector of upstream's relabel_test.go: "baz" with modulus 1000 is 976.
  check(
    { c: 'baz' },
    [{ source_labels: ['c'], target_label: 'd', action: 'hashmod', modulus: 1000 }],
    { c: 'baz', d: '976' },
  )
})

test('a label named __proto__ is plain data', () => {
  const rules = compileRelabel([
    relabelConfig.parse({ source_labels: ['__proto__'], target_label: 'constructor' }),
  ])
  const labels = relabel(labelsFromPairs(['__proto__', 'x']), rules)!
  assert.equal(labels.get('constructor'), 'x')
  assert.equal(labels.get('__proto__'), 'x')
})

test('a rule that cannot work is refused with the field named', () => {
  const refuse = (config: object, pattern: RegExp): void => {
    const result = relabelConfig.safeParse(config)
    assert.equal(result.success, false, JSON.stringify(config))
    assert.match(JSON.stringify(result.error?.issues), pattern)
  }
  refuse({ action: 'hashmod', target_label: 'x' }, /modulus/)
  refuse({ action: 'replace' }, /target_label/)
  refuse({ regex: '(', target_label: 'x' }, /RE2/)
  refuse({ regex: 'x(?=y)', target_label: 'x' }, /RE2/)
  refuse({ action: 'labeldrop', source_labels: ['a'] }, /takes only regex/)
  refuse({ action: 'explode' }, /action/)
  refuse({ target_lable: 'x' }, /target_lable/)
})
