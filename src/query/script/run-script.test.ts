// Sections: our own scripts; that the runner can fail; reading series.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { makeTestEngine } from '../testdata/engine.ts'
import { runScript } from './run-script.ts'
import { parseSeriesLine } from './series-line.ts'

const folder = new URL('../testdata/', import.meta.url)

for (const file of readdirSync(folder).filter((name) => name.endsWith('.test'))) {
  test(`every case of ${file} holds`, async () => {
    const { engine, store } = makeTestEngine()
    const outcomes = await runScript(readFileSync(new URL(file, folder), 'utf8'), { engine, store })
    assert.ok(outcomes.length > 10)
    for (const { line, expression, failure } of outcomes)
      assert.equal(failure, undefined, `${file}:${line}: ${expression}`)
  })
}

test('the runner notices wrong values, missing and extra series, and wrong annotations', async () => {
  const { engine, store } = makeTestEngine()
  const check = async (body: string, expected: RegExp) => {
    const script = `load 1m\n  m{a="b"} 1 2 3\n  n 5x3\n\neval ${body}\n`
    const [outcome] = await runScript(script, { engine, store })
    assert.match(outcome?.failure ?? 'passed', expected, body)
  }
  await check('instant at 1m m\n m{a="b"} 2', /^passed$/)
  await check('instant at 1m m\n m{a="b"} 2.1', /expected 2.1, got 2/)
  await check('instant at 1m m\n m{a="c"} 2', /unexpected series/)
  await check('instant at 1m m\n m{a="b"} 2\n n 5', /missing series n/)
  await check('instant at 1m n + 1\n 6', /expected a scalar/)
  await check('range from 0 to 2m step 1m m\n m{a="b"} 1 2', /points too many/)
  await check('range from 0 to 3m step 1m m{a="b"} > 1\n m{a="b"} 1 2 3 3', /no point at 0 ms/)
  await check(
    'instant at 2m rate(n[2m])\n expect no_info\n {} 0',
    /unexpected info: PromQL info: metric might/,
  )
  await check('instant at 2m m\n expect warn\n m{a="b"} 3', /no warn/)
  await check('instant at 2m m\n expect fail', /should have failed/)
  await check('instant at 2m m +\n expect fail', /failed otherwise/)
})

test('a line of values may hold gaps, steps, repetitions and histograms', () => {
  const { labels, values } = parseSeriesLine(
    'm{"a b"="c",} _ 1+2x2 _x2 -1x1 stale NaN {{count:1 buckets:[1]}}x1',
  )
  assert.equal(labels.toString(), 'm{"a b"="c"}')
  assert.deepEqual(values.slice(0, 10), [
    undefined,
    1,
    3,
    5,
    undefined,
    undefined,
    -1,
    -1,
    'stale',
    NaN,
  ])
  assert.equal(values.length, 12)
  assert.throws(() => parseSeriesLine('m 1..2'), SyntaxError)
  assert.throws(() => parseSeriesLine('m 1x99999999999'), SyntaxError)
})
