/**
 * `npm run docs`: writes docs/reference/ from what the code declares about itself: settings from the
 * described schema, errors and metrics from their tables, commands from theirs. The pages are never
 * edited; test/docs.test.ts makes them again and compares.
 */

import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { configSchema } from '../src/app/settings.ts'
import { listErrors } from '../src/base/error.ts'
import { listMetrics } from '../src/base/metrics.ts'
import { commands } from '../src/cli/cli.ts'
import { describeSettings, type SettingDescription } from '../src/config/schema.ts'

const root = join(import.meta.dirname, '..')
const made = '<!-- Made by `npm run docs` from the code; do not edit. -->'

/** Loads every file that declares errors or metrics, so that the lists are whole. */
export async function loadDeclarations(): Promise<void> {
  const declares = /\berrorTable\(\s*'|\b(?:counter|gauge|histogram)\(\{/
  for (const path of globSync('src/**/*.ts', { cwd: root }).sort()) {
    if (/\.test\.ts$/.test(path)) continue
    if (!declares.test(readFileSync(join(root, path), 'utf8'))) continue
    await import(pathToFileURL(join(root, path)).href)
  }
}

/** Every page of the reference by its path. */
export async function renderReference(): Promise<Map<string, string>> {
  await loadDeclarations()
  return new Map([
    ['docs/reference/settings.md', renderSettings(describeSettings(configSchema))],
    ['docs/reference/errors.md', renderErrors()],
    ['docs/reference/metrics.md', renderMetricsPage()],
    ['docs/reference/cli.md', renderCommands()],
  ])
}

function renderSettings(rows: SettingDescription[]): string {
  const sections = new Map<string, SettingDescription[]>()
  const isRefused = (row: SettingDescription): boolean => /not supported yet/i.test(row.description)
  for (const row of rows) {
    if (isRefused(row)) continue
    const name = /^[^.[]+/.exec(row.path)?.[0] ?? row.path
    sections.set(name, [...(sections.get(name) ?? []), row])
  }
  const parts = [
    '# Settings',
    made,
    'The keys of `shipwatch.yml`. Those of Prometheus and Alertmanager have their own names and ' +
      'meanings. `[]` stands for each element of a list; an empty default means that the key may be ' +
      'left out. A duration is written as `15s`, `5m` or `1h30m`, a size as `512KB` or `64MiB`. ' +
      'A mistake in the file is reported with its line, and the configuration in force stays.',
  ]
  for (const [name, section] of [...sections].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [head, ...rest] = section
    parts.push(`## ${name}`, head!.description)
    if (rest.length === 0) {
      const fallback = head!.defaultText === '' ? '' : ` Default: \`${head!.defaultText}\`.`
      parts.push(`Type: ${head!.type}.${fallback}`)
      continue
    }
    const table = rest.map((row) => [
      `\`${row.path}\``,
      row.type,
      row.defaultText === '' ? '' : `\`${row.defaultText}\``,
      row.description,
    ])
    parts.push(renderTable(['setting', 'type', 'default', 'meaning'], table))
  }
  const names = rows.filter(isRefused).map((row) => `\`${row.path}\``)
  parts.push(
    '## Not supported yet',
    'Known from Prometheus and Alertmanager, and refused with a message instead of being ignored: ' +
      `${names.join(', ')}.`,
  )
  return joinParts(parts)
}

function renderErrors(): string {
  const parts = [
    '# Errors',
    made,
    'Every error has a code that never changes its meaning. `{name}` stands for a fact of the case. ' +
      'Kind: *user*, the input has to change; *operation*, the world around us; *ours*, a defect of ' +
      'Shipwatch. The status is that of an HTTP reply that carries the error.',
  ]
  for (const [folder, rows] of groupBy(listErrors(), (row) => row.code.split('_')[0]!)) {
    parts.push(`## ${folder.toLowerCase()}`)
    for (const row of rows) {
      const retry = row.canRetry ? ', the same call may succeed later' : ''
      const retired = row.retired ? ' **Retired:** no longer thrown.' : ''
      parts.push(
        `### ${row.code}`,
        `> ${escapeTags(row.template.replaceAll('\n', ' '))}`,
        `Kind *${row.kind}*, status ${row.status}${retry}.${retired} ${escapeTags(row.hint)}`,
      )
    }
  }
  return joinParts(parts)
}

function renderMetricsPage(): string {
  const parts = [
    '# Metrics',
    made,
    'What Shipwatch tells about itself on `/metrics`, and stores under `job="shipwatch"`. Beside ' +
      'these stand the usual figures of the process (CPU, memory, event loop, garbage collection), ' +
      'whose names begin with `shipwatch_process_` and `shipwatch_nodejs_`.',
  ]
  for (const [folder, rows] of groupBy(listMetrics(), (row) => row.name.split('_')[1]!)) {
    const table = rows.map((row) => [
      `\`${row.name}\``,
      row.type,
      row.labels.map((label) => `\`${label}\``).join(', '),
      row.help,
    ])
    parts.push(`## ${folder}`, renderTable(['metric', 'type', 'labels', 'meaning'], table))
  }
  return joinParts(parts)
}

function renderCommands(): string {
  const parts = [
    '# Commands',
    made,
    'In a clone: `npm run shipwatch -- <command>`. Exit codes: 0 fine, 1 the check or the work ' +
      'failed, 2 wrong usage. Every command explains itself with `--help`.',
  ]
  for (const command of commands) {
    const usage = [`shipwatch ${command.name}`, command.operands ?? ''].join(' ').trim()
    const options = Object.entries(command.options)
    const has = options.length > 0 ? ' [options]' : ''
    parts.push(`## ${command.name}`, command.summary, `\`\`\`sh\n${usage}${has}\n\`\`\``)
    if (command.details !== undefined) parts.push(`\`\`\`text\n${command.details.trim()}\n\`\`\``)
    const table = options.map(([name, option]) => [
      `\`--${name}${option.valueName === undefined ? '' : ` ${option.valueName}`}\``,
      option.description,
    ])
    if (table.length > 0) parts.push(renderTable(['option', 'meaning'], table))
  }
  return joinParts(parts)
}

function renderTable(heads: string[], rows: string[][]): string {
  const line = (cells: string[]): string =>
    `| ${cells.map((cell) => escapeTags(cell.replaceAll('|', '\\|').replaceAll('\n', ' '))).join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
}

/** A word in angle brackets would be taken for a tag of HTML. */
function escapeTags(text: string): string {
  return text.replace(/<(?=[a-z/])/gi, '\\<')
}

function groupBy<Row>(rows: Row[], keyOf: (row: Row) => string): [string, Row[]][] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row])
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
}

function joinParts(parts: string[]): string {
  return `${parts.join('\n\n')}\n`
}

if (import.meta.main) {
  const pages = await renderReference()
  for (const [path, text] of pages) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    process.stdout.write(`${path}  ${text.split('\n').length} lines\n`)
  }
  // The engine's library may keep threads; everything is written by now.
  process.exit(0)
}
