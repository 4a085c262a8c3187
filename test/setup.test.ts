/**
 * The setup of a clone, run for real in a clone of a few files, with an npm and a Vite that only note
 * that they were called. Sections: packages, lock, web UI, failures, programs.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Notes each call in calls.txt; `npm ci` puts a "Node 24" and a "Vite" in place. */
const fakeNpm = `
const fs = require('node:fs')
const words = process.argv.slice(2)
if (words[0] === '--version') {
  console.log(process.env.FAKE_NPM_VERSION ?? '11.0.0')
  process.exit(0)
}
if (process.env.FAKE_NPM_FAILURE) {
  console.error('npm error ' + process.env.FAKE_NPM_FAILURE)
  process.exit(1)
}
fs.appendFileSync('calls.txt', 'npm ' + words[0] + '\\n')
fs.mkdirSync('node_modules/.bin', { recursive: true })
fs.mkdirSync('node_modules/vite/bin', { recursive: true })
const node = '#!/bin/sh\\n[ "$1" = --version ] && echo v24.0.0 && exit\\nexec "' + process.execPath + '" "$@"\\n'
fs.writeFileSync('node_modules/.bin/node', node, { mode: 0o755 })
fs.writeFileSync('node_modules/vite/bin/vite.js', \`
  const fs = require('node:fs')
  if (fs.readFileSync('web/main.tsx', 'utf8').includes('broken')) throw new Error('no such page')
  fs.appendFileSync('calls.txt', 'vite build\\\\n')
  const target = process.argv[process.argv.indexOf('--outDir') + 1]
  fs.mkdirSync(target, { recursive: true })
  fs.copyFileSync('web/main.tsx', target + '/main.js')
\`)
setTimeout(() => {}, 300)
`

interface Clone {
  folder: string
  calls(): string[]
  write(path: string, text: string): void
  run(o?: RunOptions): Promise<{ code: number | null; output: string }>
}

interface RunOptions {
  words?: string[]
  env?: Record<string, string>
}

function makeClone(): Clone {
  const folder = mkdtempSync(join(tmpdir(), 'shipwatch-setup-'))
  folders.push(folder)
  const scripts = join(import.meta.dirname, '..', 'scripts')
  for (const file of ['setup.mjs', 'programs.mjs']) {
    cpSync(join(scripts, file), join(folder, 'scripts', file))
  }
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  write('package-lock.json', '{"packages":{"node_modules/a":{"version":"1.0.0"}}}')
  write('npm/npm-cli.js', fakeNpm)
  return {
    folder,
    write,
    calls: () => {
      const file = join(folder, 'calls.txt')
      return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
    },
    run: (o = {}) =>
      new Promise((resolve) => {
        // As nobody, so that a test run by root never installs a program.
        const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
        if (process.getuid?.() === 0) chmodSync(folder, 0o777)
        const child = spawn(
          process.execPath,
          [join(folder, 'scripts', 'setup.mjs'), ...(o.words ?? [])],
          {
            ...user,
            cwd: tmpdir(),
            env: {
              PATH: process.env['PATH'] ?? '',
              npm_execpath: join(folder, 'npm', 'npm-cli.js'),
              npm_node_execpath: process.execPath,
              ...o.env,
            },
          },
        )
        let output = ''
        child.stdout.on('data', (chunk) => {
          output += chunk
        })
        child.stderr.on('data', (chunk) => {
          output += chunk
        })
        child.on('close', (code) => resolve({ code, output }))
      }),
  }
}

describe('packages', () => {
  test('are installed once, and again when the lock file changed', async () => {
    const clone = makeClone()
    const first = await clone.run()
    assert.equal(first.code, 0, first.output)
    assert.match(first.output, /installing packages[\s\S]*installed packages in \d+\.\d s/)
    assert.deepEqual(await clone.run(), { code: 0, output: '' })
    assert.deepEqual(clone.calls(), ['npm ci'])
    clone.write('package-lock.json', '{"packages":{"node_modules/a":{"version":"2.0.0"}}}')
    await clone.run()
    assert.deepEqual(clone.calls(), ['npm ci', 'npm ci'])
  })

  test('that somebody installed by hand as locked are accepted', async () => {
    const clone = makeClone()
    await clone.run()
    const lock = '{"packages":{"node_modules/a":{"version":"2.0.0"}, "node_modules/b":'
    clone.write('package-lock.json', `${lock} {"version":"1.0.0","optional":true}}}`)
    clone.write(
      'node_modules/.package-lock.json',
      '{"packages":{"node_modules/a":{"version":"2.0.0"}}}',
    )
    chmodSync(join(clone.folder, 'node_modules', '.shipwatch-lock'), 0o666)
    assert.deepEqual(await clone.run(), { code: 0, output: '' })
    assert.deepEqual(clone.calls(), ['npm ci'])
  })
})

describe('the lock', () => {
  test('lets one of two setups work and the other find nothing to do', async () => {
    const clone = makeClone()
    const [left, right] = await Promise.all([clone.run(), clone.run()])
    assert.equal(left.code, 0, left.output)
    assert.equal(right.code, 0, right.output)
    assert.deepEqual(clone.calls(), ['npm ci'])
    assert.match(left.output + right.output, /another setup/)
  })

  test('of a setup that died is taken over', async () => {
    const clone = makeClone()
    const dead = spawn(process.execPath, ['--version'])
    await new Promise((resolve) => dead.once('exit', resolve))
    clone.write('.cache/setup.lock/owner', String(dead.pid))
    chmodSync(join(clone.folder, '.cache'), 0o777)
    chmodSync(join(clone.folder, '.cache', 'setup.lock'), 0o777)
    const result = await clone.run()
    assert.equal(result.code, 0, result.output)
    assert.deepEqual(clone.calls(), ['npm ci'])
    assert.equal(existsSync(join(clone.folder, '.cache', 'setup.lock')), false)
  })
})

describe('the web UI', () => {
  const makeWebClone = (): Clone => {
    const clone = makeClone()
    clone.write('web/vite.config.ts', '')
    clone.write('web/main.tsx', 'page 1')
    chmodSync(join(clone.folder, 'web'), 0o777)
    return clone
  }
  const bundleOf = (clone: Clone): string =>
    readFileSync(join(clone.folder, 'web', 'dist', 'main.js'), 'utf8')

  test('is built when its sources, or shapes that it shares with the server, changed', async () => {
    const clone = makeWebClone()
    await clone.run()
    assert.equal(bundleOf(clone), 'page 1')
    assert.deepEqual(await clone.run(), { code: 0, output: '' })
    clone.write('web/main.tsx', 'page 2')
    await clone.run()
    assert.equal(bundleOf(clone), 'page 2')
    clone.write('src/api/api.ts', 'shape')
    await clone.run()
    clone.write('web/kit/a.test.ts', 'a test is not a source')
    await clone.run()
    assert.deepEqual(clone.calls(), ['npm ci', 'vite build', 'vite build', 'vite build'])
  })

  test('that does not build is an error, and the bundle before stays', async () => {
    const clone = makeWebClone()
    await clone.run()
    clone.write('web/main.tsx', 'broken')
    const result = await clone.run()
    assert.equal(result.code, 1)
    assert.match(result.output, /the web UI does not build:[\s\S]*no such page/)
    assert.equal(bundleOf(clone), 'page 1')
  })
})

describe('a failure names its remedy', () => {
  const fail = async (env: Record<string, string>, expected: RegExp): Promise<void> => {
    const clone = makeClone()
    const result = await clone.run({ env })
    assert.equal(result.code, 1, result.output)
    assert.match(result.output, expected)
    assert.doesNotMatch(result.output, /at .*setup\.mjs/, 'no stack')
  }

  test('when there is no network', () =>
    fail({ FAKE_NPM_FAILURE: 'code ENOTFOUND' }, /cannot reach the package registry\. Check the/))

  test('when lock file and manifest disagree', () =>
    fail({ FAKE_NPM_FAILURE: 'code EUSAGE' }, /do not agree\. Run "npm install"/))

  test('when npm is too old', () => fail({ FAKE_NPM_VERSION: '6.14.18' }, /npm 6\.14\.18 cannot/))

  test('when it is asked for something it does not know', async () => {
    const result = await makeClone().run({ words: ['--programs=all'] })
    assert.equal(result.code, 1)
    assert.match(result.output, /does not know "--programs=all"; write --programs or/)
  })
})

describe('programs that are missing', () => {
  const makeBareClone = async (): Promise<Clone> => {
    const clone = makeClone()
    const file = join(clone.folder, 'scripts', 'programs.mjs')
    const text = readFileSync(file, 'utf8')
    assert.ok(text.includes("commands: ['chromium']"))
    writeFileSync(file, text.replace("commands: ['chromium']", "commands: ['no-such-browser']"))
    await clone.run()
    return clone
  }

  test('are named with the command that brings them, and nothing fails', async () => {
    const clone = await makeBareClone()
    const result = await clone.run({ words: ['--programs'] })
    assert.equal(result.code, 0, result.output)
    assert.match(result.output, /no-such-browser \(test\/web/)
    assert.match(result.output, /apt-get install -y --no-install-recommends chromium/)
  })

  test('are a failure in continuous integration', async () => {
    const clone = await makeBareClone()
    const result = await clone.run({ words: ['--programs'], env: { CI: 'true' } })
    assert.equal(result.code, 1)
    assert.match(result.output, /no-such-browser/)
  })
})
