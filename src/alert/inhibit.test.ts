/** Inhibition by several sources, and labels of routes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, plain, second, settingsOf } from './testdata/bench.ts'

const several = plain(`inhibit_rules:
- sources:
  - {source_matchers: [alertname=PowerLost], equal: [site]}
  - {source_matchers: [alertname=BatteryOn], equal: [site, rack]}
  target_matchers: [alertname=HostDown]
`)

test('with several sources, each must fire with its own equal labels', async (t) => {
  const bench = await new Bench(several).start(t)
  const held = (): string | undefined =>
    bench.desk.list().find(({ labels }) => labels.get('alertname') === 'HostDown')?.held?.reason
  const host = { alertname: 'HostDown', site: 'a', rack: '1' }
  await bench.fire(host)
  assert.equal(held(), undefined)
  await bench.fire({ alertname: 'PowerLost', site: 'a' })
  assert.equal(held(), undefined)
  await bench.fire({ alertname: 'BatteryOn', site: 'a', rack: '2' })
  assert.equal(held(), undefined)
  await bench.fire({ alertname: 'BatteryOn', site: 'a', rack: '1' })
  assert.equal(held(), 'inhibited')
  assert.equal(bench.desk.list()[0]!.held?.by.length, 2)
  await bench.resolve({ alertname: 'PowerLost', site: 'a' })
  assert.equal(held(), undefined)
})

test('several sources do not stand beside a source of the rule itself', () => {
  assert.throws(() => settingsOf(several.replace('  target', '  source_matchers: [a=b]\n  target')))
  assert.throws(() => settingsOf(several.replace('  target', '  equal: [a]\n  target')))
})

test('messages and groups have the labels of their route, inherited and replaced', async (t) => {
  const bench = await new Bench(
    plain(`  labels: {desk: ops, tier: one}
  routes:
  - {matchers: [team=b], receiver: b, labels: {tier: two}}
`),
  ).start(t)
  await bench.fire({ i: '1' }, { i: '2', team: 'b' })
  await bench.clock.advance(2 * second)
  const labels = bench.notifier.sent.map(({ notification }) => notification.routeLabels?.toObject())
  assert.deepEqual(
    labels.map((one) => ({ ...one })),
    [
      { desk: 'ops', tier: 'one' },
      { desk: 'ops', tier: 'two' },
    ],
  )
  assert.equal(bench.desk.groups()[1]!.routeLabels.get('tier'), 'two')
})
