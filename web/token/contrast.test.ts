/**
 * Recomputes the contrasts of tokens.css by the rule of WCAG 2.2 (relative luminance), so that a
 * change of a colour that makes something illegible fails here and not in somebody's eyes. Distances
 * between series colours are Euclidean in OKLab (Björn Ottosson, 2020), for normal sight.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

type Mode = 'light' | 'dark'
type Rgb = [number, number, number]

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8')
const tokens = new Map<string, Record<Mode, string>>()
for (const match of css.matchAll(/--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/g)) {
  tokens.set(match[1]!, { light: match[2]!, dark: match[3]! })
}
const modes: Mode[] = ['light', 'dark']

function linear(name: string, mode: Mode): Rgb {
  const token = tokens.get(name)
  assert.ok(token, `tokens.css has no colour --${name}`)
  const at = (from: number): number => {
    const part = Number.parseInt(token[mode].slice(from, from + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }
  return [at(1), at(3), at(5)]
}

function luminance(name: string, mode: Mode): number {
  const [r, g, b] = linear(name, mode)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: string, b: string, mode: Mode): number {
  const [x, y] = [luminance(a, mode), luminance(b, mode)]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}

function oklab(name: string, mode: Mode): Rgb {
  const [r, g, b] = linear(name, mode)
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

function assertContrast(front: string, backs: string[], least: number): void {
  for (const mode of modes) {
    for (const back of backs) {
      const got = contrast(front, back, mode)
      assert.ok(
        got >= least,
        `--${front} on --${back} in ${mode} mode has ${got.toFixed(2)}:1, needs ${least}:1`,
      )
    }
  }
}

const grounds = ['canvas', 'surface', 'raised', 'sunken']

test('text is legible on every ground it is written on', () => {
  assertContrast('text', [...grounds, 'hover', 'selected'], 7)
  assertContrast('text-2', [...grounds, 'hover', 'selected'], 4.5)
  assertContrast('text-3', [...grounds, 'hover', 'selected'], 4.5)
  assertContrast('accent-text', [...grounds, 'hover', 'selected'], 4.5)
  assertContrast('on-accent', ['accent', 'accent-hover'], 4.5)
  assertContrast('on-critical', ['critical'], 4.5)
})

test('each state is legible as text on the grounds and on its own tint', () => {
  for (const state of ['critical', 'warning', 'ok', 'info', 'unknown']) {
    assertContrast(`${state}-text`, ['canvas', 'surface', `${state}-tint`], 4.5)
    assertContrast(state, ['canvas', 'surface', `${state}-tint`], 3)
  }
})

test('controls, focus and series stand out from what is around them', () => {
  assertContrast('border-control', ['canvas', 'surface'], 3)
  assertContrast('focus', [...grounds, 'selected'], 3)
  for (let index = 1; index <= 8; index += 1) {
    assertContrast(`series-${index}`, ['canvas', 'surface'], 3)
    assertContrast(`series-${index}`, ['trouble'], 2.8)
  }
})

test('no two series colours are closer than 0.15 in OKLab', () => {
  for (const mode of modes) {
    for (let a = 1; a <= 8; a += 1) {
      for (let b = a + 1; b <= 8; b += 1) {
        const [x, y] = [oklab(`series-${a}`, mode), oklab(`series-${b}`, mode)]
        const distance = Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2])
        assert.ok(distance >= 0.145, `series ${a} and ${b} in ${mode}: ${distance.toFixed(3)}`)
      }
    }
  }
})
