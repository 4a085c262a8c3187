/** Calendars over HTTP and overrides: read, kept, read again, and what happens when a server is away. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { MemoryRecords } from '../../test/support/memory-records.ts'
import { eventually } from '../../test/support/serve.ts'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { parseYaml } from '../config/config.ts'
import { z } from '../config/schema.ts'
import { OnCall } from '../oncall/oncall.ts'
import { oncallSettings } from '../oncall/settings.ts'
import { DutyDesk } from './duty-desk.ts'

const calendarOf = (name: string): string =>
  'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20200101T000000Z\r\nDTEND:20400101T000000Z\r\n' +
  `SUMMARY:${name}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`

function make(records: MemoryRecords, url: string) {
  const yaml = `
people:
- {name: ana, contacts: [{name: p, receiver: r}]}
- {name: bo, contacts: [{name: p, receiver: r}]}
schedules: [{name: s, ical_url: '${url}'}]
calendar_refresh_interval: 1s
`
  const settings = z.object(oncallSettings.top).parse(parseYaml(yaml, 'a.yml').value)
  const oncall = new OnCall(settings)
  const parts = { oncall, records, clock: systemClock, log: silentLog, baseDir: '.' }
  return { oncall, duty: new DutyDesk(settings, parts) }
}

const nowOf = (oncall: OnCall): string =>
  oncall.onCallAt('s', Date.now())?.people.join(', ') ?? 'nobody'

test('a calendar is read again and again, and the last good one outlives its server', async () => {
  let answer = { status: 200, text: calendarOf('ana') }
  const server = createServer((_request, response) => {
    response.writeHead(answer.status).end(answer.text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/c.ics`
  const records = new MemoryRecords()
  const { oncall, duty } = make(records, url)
  await duty.start()
  await eventually('the calendar', () => nowOf(oncall) === 'ana' || undefined)
  answer = { status: 200, text: calendarOf('bo') }
  await eventually('the change', () => nowOf(oncall) === 'bo' || undefined)
  for (const wrong of [
    { status: 500, text: '' },
    { status: 200, text: '<html>sign in</html>' },
  ]) {
    answer = wrong
    await eventually('the problem', () => duty.calendars()[0]?.problems[0])
    assert.equal(nowOf(oncall), 'bo')
    answer = { status: 200, text: calendarOf('ana') }
    await eventually('the next calendar', () => nowOf(oncall) === 'ana' || undefined)
    answer = { status: 200, text: calendarOf('bo') }
    await eventually('the one after', () => nowOf(oncall) === 'bo' || undefined)
  }
  duty.stop()
  server.close()
  server.closeAllConnections()
  const later = make(records, url)
  await later.duty.start()
  assert.equal(nowOf(later.oncall), 'bo')
  later.duty.stop()
})

test('overrides are kept, and wrong ones refused', async () => {
  const records = new MemoryRecords()
  const { oncall, duty } = make(records, 'http://127.0.0.1:1/c.ics')
  await duty.start()
  const nowTimeMs = Date.now()
  const request = {
    ...{ schedule: 's', people: ['ana'], replaces: '', startTimeMs: nowTimeMs - 1000 },
    ...{ endTimeMs: nowTimeMs + 60_000, createdBy: 'me', comment: '' },
  }
  const made = await duty.addOverride(request)
  assert.equal(nowOf(oncall), 'ana')
  const wrong: [Partial<typeof request>, string][] = [
    [{ schedule: 'x' }, 'ONCALL_SCHEDULE_UNKNOWN'],
    [{ people: ['x'] }, 'ONCALL_PERSON_UNKNOWN'],
    [{ replaces: 'x' }, 'ONCALL_PERSON_UNKNOWN'],
    [{ endTimeMs: 0 }, 'ONCALL_RANGE_INVALID'],
    [{ endTimeMs: nowTimeMs + 401 * 86_400_000 }, 'ONCALL_RANGE_INVALID'],
  ]
  for (const [change, code] of wrong)
    await assert.rejects(duty.addOverride({ ...request, ...change }), { code })
  duty.stop()
  const later = make(records, 'http://127.0.0.1:1/c.ics')
  await later.duty.start()
  assert.equal(nowOf(later.oncall), 'ana')
  await later.duty.removeOverride(made.id)
  assert.equal(nowOf(later.oncall), 'nobody')
  await assert.rejects(later.duty.removeOverride(made.id), { code: 'ONCALL_OVERRIDE_UNKNOWN' })
  later.duty.stop()
})
