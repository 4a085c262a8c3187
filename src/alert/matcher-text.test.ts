import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMatcher } from '../model/matcher.ts'
import { parseMatchers } from './matcher-text.ts'

test('matchers are read in both grammars', () => {
  const check = (text: string, ...expected: string[]) =>
    assert.deepEqual(parseMatchers(text).map(formatMatcher), expected, text)
  check('severity="critical"', 'severity="critical"')
  check('severity = critical', 'severity="critical"')
  check('{a=b, c!="d",}', 'a="b"', 'c!="d"')
  check('{}')
  check('a=~"x|y"', 'a=~"x|y"')
  check('a!~x.*', 'a!~"x.*"')
  check('"odd name"="v"', '"odd name"="v"')
  check('größe=🙂', '"größe"="🙂"')
  check('a="q\\"uote, and\\nline"', 'a="q\\"uote, and\\nline"')
  check('a=""', 'a=""')
  // only the older grammar takes these
  check('a=', 'a=""')
  check('a=two words', 'a="two words"')
  check('a=b=c', 'a="b=c"')
  check('a=~(x|y){2}', 'a=~"(x|y){2}"')
  check('{a=b', 'a="b"')
  check('a=b}', 'a="b"')
})

test('a backslash that begins no escape is itself, so that patterns need not be written twice', () => {
  const readValue = (text: string) => parseMatchers(text)[0]?.value
  assert.equal(readValue(String.raw`a=~"10\\.0\\.\\d+"`), String.raw`10\.0\.\d+`)
  assert.equal(readValue(String.raw`a=~"10\.0\.\d+"`), String.raw`10\.0\.\d+`)
  assert.equal(readValue(String.raw`a=~10\.\d+`), String.raw`10\.\d+`)
  assert.equal(readValue(String.raw`a="x\ny\"z\\"`), 'x\ny"z\\')
  assert.equal(readValue(String.raw`a=x\ny`), 'x\ny')
})

test('what only the UTF-8 grammar takes is read by it, though others stand beside it', () => {
  const shown = parseMatchers(String.raw`"a.b"="c", d=~"e\\.f"`).map(formatMatcher)
  assert.deepEqual(shown, ['"a.b"="c"', String.raw`d=~"e\\.f"`])
})

test('what is no matcher is refused by name', () => {
  const check = (text: string, expected: RegExp) =>
    assert.throws(() => parseMatchers(text), expected)
  check('a', /bad matcher format: a/)
  check('', /bad matcher format/)
  check('=b', /bad matcher format/)
  check('a="b', /unescaped double quote/)
  check('a=~"("', /missing closing/)
})
