/**
 * The template language: output, variables and scopes, control, definitions, trimming, printf,
 * errors, limits, escaping, hostile names.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTemplate, SafeText, StringMap, TemplateError } from './template.ts'

const data = {
  Value: 12.5,
  Labels: new StringMap([
    ['job', 'app'],
    ['instance', 'a:9100'],
  ]),
  Items: [
    { Name: 'one', Count: 1n },
    { Name: 'two', Count: 2n },
  ],
  Empty: [] as string[],
  Greet: (name: string) => `hello ${name}`,
}

function write(text: string): string {
  const functions = new Map([
    ['args', (...args: unknown[]) => new Map(args.map((arg, at) => [`arg${at}`, arg]))],
  ])
  return parseTemplate(text, { name: 't', functions }).execute(data)
}

test('values print as Go prints them', () => {
  const check = (text: string, expected: string) => assert.equal(write(text), expected, text)
  check('{{ .Value }}', '12.5')
  check(
    '{{ 1e6 }} {{ 123456.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ 7 }}',
    '1e+06 123456 0.0001 1e-05 7',
  )
  check('{{ .Labels }}', 'map[instance:a:9100 job:app]')
  check('{{ .Labels.job }}[{{ .Labels.none }}]', 'app[]')
  check('{{ .Items }}', '[{one 1} {two 2}]')
  check('{{ .Greet "you" }}', 'hello you')
  check('{{ printf "%v" nil }}', '<nil>')
})

test('variables live in their block and can be assigned from inner blocks', () => {
  assert.equal(write('{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}'), '2')
  assert.throws(
    () => write('{{ if true }}{{ $y := 1 }}{{ end }}{{ $y }}'),
    /undefined variable "\$y"/,
  )
  assert.equal(
    write('{{ range $k, $v := .Labels }}{{ $k }}={{ $v }};{{ end }}'),
    'instance=a:9100;job=app;',
  )
})

test('if, with and range choose their branches', () => {
  const check = (text: string, expected: string) => assert.equal(write(text), expected, text)
  check('{{ if eq .Labels.job "x" }}X{{ else if gt .Value 10.0 }}B{{ else }}C{{ end }}', 'B')
  check('{{ with .Labels.none }}A{{ else with .Value }}{{ . }}{{ end }}', '12.5')
  check('{{ range .Empty }}A{{ else }}none{{ end }}', 'none')
  check(
    '{{ range $i, $item := .Items }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $item.Name }}{{ end }}',
    'one',
  )
  check(
    '{{ range .Items }}{{ if eq .Name "one" }}{{ continue }}{{ end }}{{ .Name }}{{ end }}',
    'two',
  )
  check('{{ range 3 }}{{ . }}{{ end }}', '012')
})

test('definitions are called with their own dot', () => {
  assert.equal(
    write('{{ define "u" }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template "u" (args 1 "z") }}'),
    '1-z',
  )
  assert.equal(write('{{ block "b" .Labels }}{{ .job }}{{ end }}'), 'app')
  const base = parseTemplate(
    '{{ define "x" }}base{{ end }}{{ define "y" }}[{{ template "x" }}]{{ end }}',
    { name: 'base' },
  )
  const ours = parseTemplate('{{ define "x" }}ours{{ end }}{{ template "y" }}', {
    name: 'ours',
    base,
  })
  assert.equal(ours.execute(undefined), '[ours]')
})

test('trim marks eat the space beside them and comments leave nothing', () => {
  assert.equal(write('a  {{- 1 -}}  b'), 'a1b')
  assert.equal(write('a {{/* note */ -}}  b'), 'a b')
  assert.equal(write('{{ "{{" }}'), '{{')
})

test('printf follows the verbs, flags and widths of Go', () => {
  const check = (text: string, expected: string) => assert.equal(write(text), expected, text)
  check('{{ printf "%q %5.1f|%-6s|%03d" "a b" 3.14159 "x" 7 }}', '"a b"   3.1|x     |007')
  check('{{ printf "%d" 1.5 }}', '%!d(float64=1.5)')
  check('{{ printf "%s %s" "a" }}', 'a %!s(MISSING)')
  check('{{ printf "%s" "a" "b" }}', 'a%!(EXTRA string=b)')
  check('{{ printf "%+.2f %x %t %% %v" 1.0 255 true "v" }}', '+1.00 ff true % v')
})

test('mistakes are errors with the name and the line', () => {
  const fails = (text: string, expected: RegExp) =>
    assert.throws(
      () => write(text),
      (thrown) => thrown instanceof TemplateError && expected.test(thrown.message),
      text,
    )
  fails('\n{{ if }}', /^template: t:2: missing value for if$/)
  fails('{{ .Foo }}', /can't evaluate field Foo/)
  fails('{{ unknown 1 }}', /function "unknown" not defined/)
  fails('{{ "a', /unterminated quoted string/)
  fails('{{ range .Items }}', /unexpected EOF/)
  fails('{{ end }}', /unexpected \{\{end\}\}/)
  fails('{{ gt .Value 10 }}', /incompatible types for comparison/)
  fails('{{ index .Items 5 }}', /index out of range: 5/)
  fails('{{ break }}', /outside \{\{range\}\}/)
})

test('what a template may cost is bounded', () => {
  assert.throws(
    () => write('{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}'),
    /maximum template depth/,
  )
  assert.throws(
    () => write('{{ range 2000 }}{{ range 2000 }}x{{ end }}{{ end }}'),
    /more than 1000000 steps/,
  )
  assert.throws(
    () => write(`${'('.repeat(10)}${'{{ '}${'('.repeat(500)}1${')'.repeat(500)} }}`),
    /nesting is deeper/,
  )
  assert.equal(write('{{ printf "%999999999d" 1 }}').length, 1_000)
})

test('names of the language below are not reachable', () => {
  assert.throws(() => write('{{ .__proto__ }}'), TemplateError)
  assert.throws(() => write('{{ .constructor }}'), TemplateError)
  assert.equal(write('[{{ .Labels.constructor }}{{ .Labels.__proto__ }}]'), '[]')
})

test('an escaping template escapes what it prints, except safe text', () => {
  const template = parseTemplate('<b title="{{ .text }}">{{ .safe }}</b>', {
    name: 'h',
    escape: 'html',
  })
  assert.equal(
    template.execute({ text: '"><script>', safe: new SafeText('<i>x</i>') }),
    '<b title="&#34;&gt;&lt;script&gt;"><i>x</i></b>',
  )
})

test('printf has the verbs and flags of Go, and shows mistakes as Go does', () => {
  const check = (text: string, expected: string) => assert.equal(write(text), expected, text)
  check('{{ printf "%.0f %.0f %.1f %.2f" 0.5 2.5 0.25 1.005 }}', '0 2 0.2 1.00')
  check(
    '{{ printf "%E %G %+v %5.2f|%08.3f" 123456.789 1e-7 0.5 -0.0 -1.5 }}',
    '1.234568E+05 1E-07 0.5 -0.00|-001.500',
  )
  check(
    '{{ printf "%q %q %+q %.3q %#q" 65 0 "é" "abcdef" "a" }}',
    `'A' '\\x00' "\\u00e9" "abc" \`a\``,
  )
  check(
    '{{ printf "%#x %#o % x %X|%.3d|%-4d|% d" 255 8 "hi" "hi" 7 7 7 }}',
    '0xff 010 68 69 6869|007|7   | 7',
  )
  check(
    '{{ printf "%[2]d %[1]d" 1 2 }} {{ printf "%*d|%-*d|%.*f" 3 7 3 7 1 2.25 }}',
    '2 1   7|7  |2.2',
  )
  check(
    '{{ printf "%d %!" 1 2 }} {{ printf "%,d" 5 }} {{ printf "%d" }}',
    '1 %!!(int=2) %!,(int=5)d %!d(MISSING)',
  )
  check('{{ printf "%5.2f|%d|%s" 7 "x" 1.5 }}', '%!f(int=   07)|%!d(string=x)|%!s(float64=1.5)')
  check(
    '{{ printf "%d" .Labels }}',
    'map[%!d(string=instance):%!d(string=a:9100) %!d(string=job):%!d(string=app)]',
  )
  assert.throws(() => write('{{ printf 5 }}'), /expected string; found 5/)
})

test('what Go refuses is refused, when it is read or when it is written', () => {
  const refuses = (text: string, expected: RegExp) =>
    assert.throws(() => write(text), expected, text)
  refuses('{{ nil }}', /nil is not a command/)
  refuses('{{ and }}', /wrong number of args for and: want at least 1 got 0/)
  refuses('{{ ne 1 2 3 }}', /wrong number of args for ne: want 2 got 3/)
  refuses('{{ slice "abc" 0 1 2 }}', /3-index slice/)
  refuses('{{ 9223372036854775808 }}', /overflows int/)
  refuses('{{ 1e400 }}', /bad number syntax/)
  refuses('{{ $x = 2 }}', /undefined variable/)
  refuses(
    '{{ define "a" }}1{{ end }}{{ define "a" }}2{{ end }}',
    /multiple definition of template "a"/,
  )
  refuses('{{ with .None }}{{ else if true }}b{{ end }}', /unexpected "if"/)
  assert.equal(write('{{ define "a" }} {{ end }}{{ define "a" }}2{{ end }}{{ template "a" }}'), '2')
  assert.equal(write('{{ .Value | }}{{ (index .Items 0).Name }}'), '12.5one')
})

test('a method of what parentheses yield takes arguments', () => {
  assert.equal(write('{{ ($).Greet "you" }}'), 'hello you')
})
