/** Jobs in files of their own: order, paths, patterns, and each mistake with its place. */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readScrapeConfigFiles } from './scrape-config-files.ts'
import { scrapeConfigs } from './settings.ts'

test('jobs of other files are added, with paths that start at their own folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shipwatch-jobs-'))
  const read = (scrape_config_files: string[]) =>
    readScrapeConfigFiles(
      { scrape_configs: scrapeConfigs.parse([{ job_name: 'main' }]), scrape_config_files },
      folder,
    )
  try {
    await mkdir(join(folder, 'jobs'))
    const write = (name: string, text: string) => writeFile(join(folder, 'jobs', name), text)
    await write(
      'b.yml',
      `scrape_configs:
  - job_name: b
    file_sd_configs: [{files: [targets/*.json]}]
    tls_config: {ca_file: ca.pem}
    oauth2: {client_id: i, client_secret_file: s, token_url: http://a/, tls_config: {ca_file: x}}
    http_headers: {X: {files: [h]}}
`,
    )
    await write('a.yml', 'scrape_configs: [{job_name: a}]\n')
    await write('empty.yml', '')
    const jobs = read(['jobs/*.yml'])
    assert.deepEqual(
      jobs.map((job) => job.job_name),
      ['main', 'a', 'b'],
    )
    const at = (name: string): string => join(folder, 'jobs', name)
    const [, , b] = jobs
    assert.deepEqual(b!.file_sd_configs[0]!.files, [at('targets/*.json')])
    assert.equal(b!.tls_config!.ca_file, at('ca.pem'))
    assert.equal(b!.oauth2!.client_secret_file, at('s'))
    assert.equal(b!.oauth2!.tls_config!.ca_file, at('x'))
    assert.deepEqual(b!.http_headers['X']!.files, [at('h')])
    assert.deepEqual(read(['nothing/*.yml']).length, 1)
    assert.throws(() => read(['missing.yml']), /Cannot read .*missing\.yml/)
    await write('twice.yml', 'scrape_configs:\n  - job_name: c\n  - job_name: main\n')
    assert.throws(
      () => read(['jobs/twice.yml']),
      /twice\.yml:3:5: .*multiple scrape configs with job name "main"; the other is in the main file/,
    )
    await write('wrong.yml', 'scrape_configs: [{job_name: d, scrape_intervall: 1s}]\n')
    assert.throws(() => read(['jobs/wrong.yml']), /wrong\.yml:1:.*scrape_intervall/)
    await write('other.yml', 'global: {}\n')
    assert.throws(() => read(['jobs/other.yml']), /"global" is not a setting here/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
