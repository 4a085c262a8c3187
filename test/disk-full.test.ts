/** Below the minimum of free space the product takes no data, and does everything else. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually, startServe } from './support/serve.ts'

test('below the minimum of free space ingest is asked to come back, and the rest goes on', async () => {
  const served = await startServe({ config: 'store:\n  disk_free_min: 0\n' })
  try {
    const ask = (path: string, body?: string): Promise<Response> =>
      fetch(served.base + path, {
        headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'text/plain' },
        ...(body === undefined ? {} : { method: 'POST', body }),
      })
    const push = (): Promise<Response> => ask('/api/v1/import/prometheus', 'm 1\n')
    assert.equal((await push()).status, 204)

    // No disk has that much, so that any is too full.
    const fill = async (minimum: string): Promise<void> => {
      writeFileSync(join(served.dataDir, 'shipwatch.yml'), `store:\n  disk_free_min: ${minimum}\n`)
      assert.equal((await ask('/-/reload', '')).status, 200)
    }
    await fill('900PiB')
    const refused = await eventually('a refusal', async () => {
      const reply = await push()
      return reply.status === 204 ? undefined : reply
    })
    assert.equal(refused.status, 503)
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
    assert.match(await refused.text(), /takes no more data: the disk has .* store\.disk_free_min/)
    assert.equal((await ask('/-/ready')).status, 200)
    const answer = (await (await ask('/api/v1/query?query=m')).json()) as {
      data: { result: unknown[] }
    }
    assert.equal(answer.data.result.length, 1)
    const now = (await (await ask('/api/shipwatch/v1/now')).json()) as Record<string, unknown>
    assert.equal(now['health'], 'critical')
    assert.match(String(now['storeRefusal']), /store\.disk_free_min/)
    const silence = {
      matchers: [{ name: 'a', value: 'b', isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 60_000).toISOString(),
      createdBy: 'test',
      comment: 'records go on',
    }
    const saved = await fetch(`${served.base}/api/v2/silences`, {
      method: 'POST',
      headers: { authorization: `Bearer ${served.token()}`, 'content-type': 'application/json' },
      body: JSON.stringify(silence),
    })
    assert.equal(saved.status, 200, await saved.text())

    await fill('0')
    await eventually('data is taken again', async () =>
      (await push()).status === 204 ? true : undefined,
    )
    const after = (await (await ask('/api/shipwatch/v1/now')).json()) as Record<string, unknown>
    assert.equal(after['storeRefusal'], undefined)
  } finally {
    await served.stop()
  }
})
