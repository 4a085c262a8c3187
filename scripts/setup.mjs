/**
 * Makes a clone ready: installs packages when the lock file changed, builds the web UI when its
 * sources changed, and with `--programs` brings the programs that the tests run. It says what it does
 * and how long that took, and nothing when there is nothing to do.
 *
 * Plain JavaScript for any Node >= 18 without packages, since it runs before they are there. Works from
 * any folder. What is installed and what is built are known by hashes of their sources
 * (`node_modules/.shipwatch-lock`, `web/dist/.stamp`), so a checkout that touches times alone costs
 * nothing. A lock folder lets one setup work at a time; a lock whose holder is gone is taken over.
 *
 *   node scripts/setup.mjs                    packages and web UI
 *   node scripts/setup.mjs --programs         and the programs for the tests
 *   node scripts/setup.mjs --programs=bench   and those for the benchmarks
 */

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findMissingPrograms } from './programs.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const installStamp = join(root, 'node_modules', '.shipwatch-lock')
const webStamp = join(root, 'web', 'dist', '.stamp')
const pinnedNode = join(root, 'node_modules', '.bin', 'node')
const lockFolder = join(root, '.cache', 'setup.lock')

/** Packages whose install script has to run: the pinned Node and the telemetry engine. */
const scriptedPackages = ['node', 'chdb']
/** A holder renews its lock this often; one not renewed for `lockStaleMs` belongs to nobody. */
const lockRenewMs = 2000
const lockStaleMs = 30_000
/** The oldest npm that reads lock files of version 3. */
const npmMajorMin = 7

/** Ends the setup with a message for the person; no stack, since nothing here is a surprise. */
class SetupFailure extends Error {}

/** Our children, ended with us, and whether the lock is ours. */
const children = new Set()
let isLockHeld = false

const say = (text) => process.stdout.write(`setup: ${text}\n`)

async function setUp(words) {
  const unknown = words.find((word) => !/^--programs(=(test|bench))?$/.test(word))
  if (unknown !== undefined) {
    throw new SetupFailure(`does not know "${unknown}"; write --programs or --programs=bench.`)
  }
  const nodeMajor = Number(process.versions.node.split('.')[0])
  if (nodeMajor < 18) {
    throw new SetupFailure(
      `needs Node 18 or newer to begin with; this is ${process.version}. Install a newer Node.`,
    )
  }
  if (isInstallNeeded() || isWebBuildNeeded()) {
    await withLock(async () => {
      if (isInstallNeeded()) await install()
      if (isWebBuildNeeded()) await buildWeb()
    })
  }
  const purposes = words.map((word) => (word === '--programs=bench' ? 'bench' : 'test'))
  if (purposes.length > 0) await bringPrograms(purposes.includes('bench') ? 'bench' : 'test')
}

// --- packages -------------------------------------------------------------------------------------

function hashOfLockFile() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function isInstallNeeded() {
  const hash = hashOfLockFile()
  if (readIfThere(installStamp) === hash && existsSync(pinnedNode)) return false
  // Somebody ran npm by hand: when what they installed is what the lock file says, accept it.
  if (!existsSync(pinnedNode) || !isInstalledAsLocked()) return true
  writeFileSync(installStamp, hash)
  return false
}

/** Compares npm's own record of what it installed with the lock file; optional ones may be absent. */
function isInstalledAsLocked() {
  const record = readIfThere(join(root, 'node_modules', '.package-lock.json'))
  if (record === undefined) return false
  try {
    const installed = JSON.parse(record).packages
    const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
    return Object.entries(locked).every(
      ([path, entry]) =>
        path === '' ||
        (installed[path] === undefined
          ? entry.optional === true || entry.devOptional === true
          : installed[path].version === entry.version),
    )
  } catch {
    // A record that cannot be read proves nothing: install.
    return false
  }
}

async function install() {
  const npm = findNpm()
  await checkNpm(npm)
  const startMs = performance.now()
  say('installing packages (npm ci) ...')
  const result = await run(npm.command, [
    ...npm.args,
    'ci',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    // The web UI is built by development packages, also where NODE_ENV says production.
    '--include=dev',
    // Platform packages of the pinned Node and of the engine are optional ones.
    '--include=optional',
  ])
  if (result.code !== 0) throw new SetupFailure(explainNpm(result.output))
  const probe = await run(pinnedNode, ['--version'])
  if (probe.code !== 0 || !probe.output.startsWith('v24.')) {
    throw new SetupFailure(
      `the packages are there, but the pinned Node 24 is not: npm did not run install scripts.\n` +
        `  Run them with: npm rebuild ${scriptedPackages.join(' ')} --ignore-scripts=false`,
    )
  }
  writeFileSync(installStamp, hashOfLockFile())
  say(`installed packages in ${formatSpan(startMs)}`)
}

/** The npm that runs us, with the Node that runs it: not the pinned one, which `npm ci` replaces. */
function findNpm() {
  const script = process.env.npm_execpath
  const candidates = [process.env.npm_node_execpath, process.execPath]
  const node = candidates.find(
    (path) => path !== undefined && !path.startsWith(join(root, 'node_modules') + sep),
  )
  if (script !== undefined && /npm-cli\.c?js$/.test(script) && node !== undefined) {
    return { command: node, args: [script] }
  }
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] }
}

async function checkNpm(npm) {
  const result = await run(npm.command, [...npm.args, '--version'])
  const version = /^(\d+)\.\d+\.\d+/m.exec(result.output)
  if (result.code !== 0 || version === null) {
    throw new SetupFailure('cannot run npm. Install npm 7 or newer (it comes with Node).')
  }
  if (Number(version[1]) < npmMajorMin) {
    throw new SetupFailure(
      `npm ${version[0]} cannot read package-lock.json. Install a newer one: npm install -g npm`,
    )
  }
}

/** npm's words with the remedy in front, for the failures that people meet. */
function explainNpm(output) {
  const remedies = [
    [
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network/,
      'cannot reach the package registry. Check the network, the proxy (npm config get proxy) and the registry (npm config get registry), then run the command again.',
    ],
    [
      /EUSAGE|in sync/,
      'package.json and package-lock.json do not agree. Run "npm install" once and commit the lock file.',
    ],
    [/ENOSPC/, 'the disk is full. Free about 2 GB and run the command again.'],
    [
      /EACCES|EPERM|EROFS/,
      `may not write to ${join(root, 'node_modules')}. Correct its owner or permissions.`,
    ],
    [
      /EINTEGRITY/,
      'a package differs from the lock file. Run "npm cache clean --force" and try again.',
    ],
  ]
  const remedy = remedies.find(([pattern]) => pattern.test(output))?.[1] ?? 'npm ci failed.'
  // On wrong usage npm prints its whole manual; the reason stands before it.
  const reason = output.split(/^npm (?:error|ERR!) *\n.*Clean install a project/m)[0]
  return `${remedy}\n${indent(reason)}`
}

// --- web UI ---------------------------------------------------------------------------------------

function isWebBuildNeeded() {
  if (!existsSync(join(root, 'web', 'vite.config.ts'))) return false
  return readIfThere(webStamp) !== hashOfWebSources()
}

/** Everything the bundle is made from: web/, the shapes it shares with the server, the packages. */
function hashOfWebSources() {
  const hash = createHash('sha256').update(hashOfLockFile())
  for (const folder of ['web', 'src/api', 'src/model', 'src/base']) {
    for (const path of listFiles(join(root, folder))) {
      hash.update(relative(root, path)).update('\0').update(readFileSync(path)).update('\0')
    }
  }
  return hash.digest('hex')
}

function listFiles(folder) {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { withFileTypes: true })
  return entries
    .filter((entry) => entry.name !== 'dist' && entry.name !== 'node_modules')
    .filter((entry) => !/\.test\.tsx?$/.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? listFiles(join(folder, entry.name)) : [join(folder, entry.name)],
    )
}

/** Builds beside the old bundle and then changes places, so that a failed build leaves the old one. */
async function buildWeb() {
  const startMs = performance.now()
  say('building the web UI (vite build) ...')
  const hash = hashOfWebSources()
  const target = join(root, 'web', 'dist')
  const next = join(root, '.cache', 'web-dist')
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const config = join('web', 'vite.config.ts')
  const words = ['build', '--config', config, '--outDir', next, '--emptyOutDir']
  const result = await run(pinnedNode, [vite, ...words, '--logLevel', 'warn'])
  if (result.code !== 0) {
    throw new SetupFailure(`the web UI does not build:\n${indent(result.output)}`)
  }
  writeFileSync(join(next, '.stamp'), hash)
  rmSync(target, { recursive: true, force: true })
  renameSync(next, target)
  say(`built the web UI in ${formatSpan(startMs)}`)
}

// --- programs -------------------------------------------------------------------------------------

async function bringPrograms(purpose) {
  let missing = findMissingPrograms(purpose)
  if (missing.length === 0) return
  const command = `apt-get install -y --no-install-recommends ${packagesOf(missing).join(' ')}`
  let reason = ''
  if (canUseApt()) {
    reason = await withLock(() => installDebianPackages(packagesOf(findMissingPrograms(purpose))))
    missing = findMissingPrograms(purpose)
    if (missing.length === 0) return
  }
  const list = missing.map((program) => `  ${program.commands[0]} (${program.neededBy})`).join('\n')
  const remedy = isDebianLike()
    ? `Bring them as root: apt-get update && ${command}`
    : `Install them with your package manager; on Debian: ${command}`
  const text = `these programs are missing:\n${list}\n  ${remedy}${reason}`
  if (process.env.CI === 'true') throw new SetupFailure(text)
  say(`${text}\n  What needs them is skipped and says so.`)
}

function packagesOf(missing) {
  return missing.flatMap((program) => [program.debianPackage, ...(program.debianLibraries ?? [])])
}

function isDebianLike() {
  const release = readIfThere('/etc/os-release') ?? ''
  return /^(ID|ID_LIKE)="?.*\b(debian|ubuntu)\b/m.test(release)
}

function canUseApt() {
  return process.getuid?.() === 0 && isDebianLike() && existsSync('/usr/bin/apt-get')
}

/** Installs without starting services; answers why it failed, or an empty text. */
async function installDebianPackages(packages) {
  if (packages.length === 0) return ''
  const startMs = performance.now()
  say(`installing ${packages.join(', ')} (apt-get) ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const patience = ['-o', 'DPkg::Lock::Timeout=120']
  const update = await run('apt-get', [...patience, '-qq', 'update'], { env })
  const words = ['-qq', 'install', '-y', '--no-install-recommends', ...packages]
  const restore = await keepServicesFromStarting()
  let result
  try {
    result = await run('apt-get', [...patience, ...words], { env })
  } finally {
    restore()
  }
  if (result.code === 0) {
    say(`installed ${packages.join(', ')} in ${formatSpan(startMs)}`)
    return ''
  }
  const reason = indent(update.code === 0 ? result.output : update.output + result.output)
  return reason.trim() === '' ? '' : `\n${reason}`
}

/**
 * Debian starts a service when its package is installed unless /usr/sbin/policy-rc.d answers 101.
 * Puts such a script there for the time of the installation; the answer puts back what was there.
 */
async function keepServicesFromStarting() {
  const policy = '/usr/sbin/policy-rc.d'
  const saved = `${policy}.before-shipwatch`
  const restore = () => {
    process.removeListener('exit', restore)
    rmSync(policy, { force: true })
    if (existsSync(saved)) renameSync(saved, policy)
  }
  const isLeftOver = (readIfThere(policy) ?? '').includes('shipwatch-setup')
  if (isLeftOver) restore()
  if (existsSync(policy)) {
    const probe = await run(policy, ['prometheus', 'start'])
    if (probe.code === 101) return () => undefined
    renameSync(policy, saved)
  }
  writeFileSync(policy, '#!/bin/sh\n# shipwatch-setup: only while it installs\nexit 101\n', {
    mode: 0o755,
  })
  process.on('exit', restore)
  return restore
}

// --- lock, processes, words -----------------------------------------------------------------------

/** Runs `action` while no other setup of this clone works. */
async function withLock(action) {
  if (isLockHeld) return action()
  const owner = join(lockFolder, 'owner')
  mkdirSync(dirname(lockFolder), { recursive: true })
  let isWaitTold = false
  for (;;) {
    try {
      mkdirSync(lockFolder)
      break
    } catch (thrown) {
      if (thrown.code !== 'EEXIST') throw thrown
    }
    const holder = readIfThere(owner)
    if (isLockStale(holder)) takeAwayLock(owner, holder)
    else {
      if (!isWaitTold) say(`another setup (process ${holder ?? 'starting'}) works; waiting ...`)
      isWaitTold = true
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  writeFileSync(owner, String(process.pid))
  const release = () => {
    if (readIfThere(owner) === String(process.pid)) rmSync(lockFolder, { recursive: true })
  }
  const renewal = setInterval(() => {
    const nowSeconds = Date.now() / 1000
    try {
      utimesSync(lockFolder, nowSeconds, nowSeconds)
    } catch {
      // The lock was taken away by hand; the work itself goes on.
    }
  }, lockRenewMs)
  process.on('exit', release)
  isLockHeld = true
  try {
    return await action()
  } finally {
    isLockHeld = false
    clearInterval(renewal)
    process.removeListener('exit', release)
    release()
  }
}

function isLockStale(holder) {
  let ageMs
  try {
    ageMs = Date.now() - statSync(lockFolder).mtimeMs
  } catch {
    // Released between two looks: the next turn takes it.
    return false
  }
  if (ageMs > lockStaleMs) return true
  if (holder === undefined || holder === '') return false
  try {
    process.kill(Number(holder), 0)
    return false
  } catch (thrown) {
    return thrown.code === 'ESRCH'
  }
}

/** Moves the stale lock aside first: of two that see it, one wins, and a newer lock is put back. */
function takeAwayLock(owner, holder) {
  const aside = `${lockFolder}.${process.pid}`
  try {
    renameSync(lockFolder, aside)
    if (readIfThere(join(aside, relative(lockFolder, owner))) !== holder) {
      renameSync(aside, lockFolder)
      return
    }
  } catch {
    // Another one was faster.
    return
  }
  rmSync(aside, { recursive: true, force: true })
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal)
    process.exit(code)
  })
}

/** Runs a program in the root of the clone; answers its exit code and all it printed. */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
    })
    children.add(child)
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      output += chunk
    })
    const end = (code) => {
      children.delete(child)
      resolve({ code, output })
    }
    child.on('error', (thrown) => {
      output += thrown.message
      end(127)
    })
    child.on('close', (code) => end(code ?? 1))
  })
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Absent is an answer here.
    return undefined
  }
}

function indent(text) {
  return text
    .trim()
    .split('\n')
    .slice(-40)
    .map((line) => `    ${line}`)
    .join('\n')
}

function formatSpan(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`
}

try {
  await setUp(process.argv.slice(2))
} catch (thrown) {
  process.stderr.write(`setup: ${thrown instanceof SetupFailure ? thrown.message : thrown.stack}\n`)
  process.exitCode = 1
}
