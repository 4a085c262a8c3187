/**
 * The programs beside Node that tests and benchmarks run: the one list, and finding them on the PATH.
 * Plain JavaScript for any Node >= 18, because `setup.mjs` reads it before anything is installed.
 * `npm start` needs none of them.
 */

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * `commands`: any one of them is enough; `debianPackage` brings the first, with its `debianLibraries`.
 * `purpose`: `test` is brought by `--programs`, `bench` by `--programs=bench`.
 */
export const programs = [
  {
    commands: ['chromium'],
    debianPackage: 'chromium',
    purpose: 'test',
    neededBy: 'test/web: the pages in a browser',
  },
  {
    commands: ['prometheus'],
    debianPackage: 'prometheus',
    purpose: 'test',
    neededBy: 'src/collect: a real Prometheus writes into us; bench: the peer',
  },
  {
    commands: ['vmagent'],
    debianPackage: 'victoria-metrics',
    purpose: 'test',
    neededBy: 'src/collect: a real vmagent writes into us',
  },
  {
    commands: ['prometheus-node-exporter', 'node_exporter'],
    debianPackage: 'prometheus-node-exporter',
    purpose: 'test',
    neededBy: 'src/collect: a real exporter is scraped and compared with the host agent',
  },
  {
    commands: ['collectd'],
    debianPackage: 'collectd-core',
    // What its plug-in write_prometheus is linked with, and its package only recommends.
    debianLibraries: ['libmicrohttpd12', 'libprotobuf-c1'],
    purpose: 'test',
    neededBy: 'src/collect: a real collectd is scraped, as text and as protobuf',
  },
  {
    commands: ['amtool'],
    debianPackage: 'prometheus-alertmanager',
    purpose: 'test',
    neededBy: 'test/alertmanager*.test.ts: its amtool talks to us, and judges configurations',
  },
  {
    commands: ['clickhouse-server'],
    debianPackage: 'clickhouse-server',
    purpose: 'test',
    neededBy: 'test/clickhouse.test.ts: a ClickHouse server by URL, an old one',
  },
  {
    commands: ['prometheus-alertmanager'],
    debianPackage: 'prometheus-alertmanager',
    purpose: 'bench',
    neededBy: 'bench: the peer that notifies',
  },
  {
    commands: ['victoria-metrics'],
    debianPackage: 'victoria-metrics',
    purpose: 'bench',
    neededBy: 'bench: the second peer',
  },
]

/** The path of the first of the commands that is installed, or undefined. */
export function findProgram(commands) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/sbin']
  for (const command of commands) {
    for (const folder of folders) {
      if (folder === '') continue
      const path = join(folder, command)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {
        // Not in this folder; the next one may have it.
      }
    }
  }
  return undefined
}

/** The programs for `purpose` that are missing; `bench` includes what the tests use. */
export function findMissingPrograms(purpose) {
  return programs.filter(
    (program) =>
      (program.purpose === 'test' || program.purpose === purpose) &&
      findProgram(program.commands) === undefined,
  )
}
