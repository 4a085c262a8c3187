/**
 * Random stories of pages: alerts, people's acts, silences, broken channels, clean restarts and sudden
 * deaths at every write and every message, on a clock that is moved by hand. What must always hold:
 *  a. no page is lost: when nobody acts, every step of the policy reaches its people, and a step that
 *     quiet hours keep back as a whole never holds up the next one
 *  b. nobody is told by a page that somebody has, or whose alerts are all silenced
 *  c. a message is sent once; a death adds at most one of each
 *  d. who was told, or may have been when the process died, hears of the end once, nobody else does,
 *     and then nothing is open
 *  e. the story of a page has no gaps: each event begins in the state where the one before ended
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryRecords } from '../../../test/support/memory-records.ts'
import { VirtualClock } from '../../base/clock.ts'
import { makeSeededRandom, type Random } from '../../base/random.ts'
import type { Page } from '../../model/page.ts'
import type { Notification } from '../../notify/notify.ts'
import { Bench, FakeNotifier, minute, second, startTimeMs } from '../testdata/bench.ts'
import { Life } from '../testdata/life.ts'

/** SHIPWATCH_STORIES=5000 runs more of them, SHIPWATCH_SEED=7 begins with another seed. */
const storyCount = Number(process.env['SHIPWATCH_STORIES'] ?? 60)
const firstSeed = Number(process.env['SHIPWATCH_SEED'] ?? 1)

const yaml = `
route:
  receiver: room
  group_by: [alertname]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 24h
  escalation_policy: main
people:
- {name: ana, contacts: [{name: push, receiver: ana}, {name: call, receiver: ana-call}],
   notification_rules: [{after: 0s, contact: push}, {after: 20s, contact: call}]}
- {name: bo, contacts: [{name: push, receiver: bo}]}
- {name: cy, contacts: [{name: push, receiver: cy}]}
teams: [{name: all, members: [bo, cy]}]
escalation_policies:
- {name: main, repeat: 1, acknowledge_timeout: 2m,
   steps: [{person: ana, delay: 1m}, {everyone: all, also: [boss], delay: 1m}]}
`
/** All steps, twice, and the longest acknowledgement before. */
const wholeMs = 10 * minute
const paged = ['ana', 'ana-call', 'bo', 'cy', 'boss']

/** Hears every message, and notes what must not be at its moment. */
class Listener extends FakeNotifier {
  readonly heard: { pageId: string; receiver: string; isEnd: boolean }[] = []
  readonly violations: string[] = []
  pageOf: (id: string) => Page | undefined = () => undefined
  isSilenced = (): boolean => false

  override async sendTo(channel: string, notification: Notification) {
    const { receiver, reason } = notification
    if (!paged.includes(receiver)) return super.sendTo(channel, notification)
    const isEnd = reason === 'page resolved'
    const pageId = notification.acknowledge?.pageId ?? ''
    const page = this.pageOf(pageId)
    if (!isEnd && page?.state === 'acknowledged')
      this.violations.push(
        `b: ${receiver} is told of ${page.title}, which ${page.acknowledgedBy} has`,
      )
    if (!isEnd && this.isSilenced()) this.violations.push(`b: ${receiver} is told while silenced`)
    const result = await super.sendTo(channel, notification)
    const isHeard = result.isDelivered && result.heldUntilTimeMs === undefined
    if (isHeard) this.heard.push({ pageId, receiver, isEnd })
    return result
  }
}

class Story {
  readonly clock = new VirtualClock(startTimeMs)
  readonly records = new MemoryRecords()
  readonly listener = new Listener(this.clock)
  readonly firing = new Set<string>()
  readonly known = new Set<string>()
  readonly random: Random
  silenceEndTimeMs = 0
  deathCount = 0
  life!: Life
  bench!: Bench

  constructor(seed: number) {
    this.random = makeSeededRandom(seed)
    this.listener.pageOf = (id) => this.bench.desk.pages.listOpen().find((page) => page.id === id)
    this.listener.isSilenced = () => this.clock.nowTimeMs() < this.silenceEndTimeMs
  }

  async begin(): Promise<void> {
    this.life = new Life({ ...this, notifier: this.listener })
    this.bench = new Bench(yaml, this.life as unknown as Partial<Bench>)
    await this.attempt(() => this.bench.desk.start())
    // Who watches says again what fires, and for a while what ended.
    for (const name of this.known) await this.say(name)
  }

  say(alertname: string): Promise<void> {
    this.known.add(alertname)
    const labels = { alertname: alertname.split('/')[0]!, i: alertname }
    return this.attempt(() =>
      this.firing.has(alertname) ? this.bench.fire(labels) : this.bench.resolve(labels),
    )
  }

  /** Waits for an act, or for death, whichever comes first. Refused acts are no matter. */
  async attempt(action: () => Promise<unknown>): Promise<void> {
    let isDone = false
    void action().then(
      () => {
        isDone = true
      },
      (thrown: unknown) => {
        isDone = true
        if ((thrown as { name?: string }).name !== 'CodedError')
          this.listener.violations.push(`threw: ${String(thrown)}`)
      },
    )
    for (let turn = 0; turn < 50 && !isDone && !this.life.isOver; turn++)
      await new Promise((resolve) => setImmediate(resolve))
  }

  async advance(spanMs: number): Promise<void> {
    const endTimeMs = this.clock.nowTimeMs() + spanMs
    while (this.clock.nowTimeMs() < endTimeMs) {
      await this.clock.advance(Math.min(second, endTimeMs - this.clock.nowTimeMs()))
      if (this.life.isOver) {
        this.deathCount++
        await this.begin()
      } else this.checkWaiting()
    }
  }

  /** a, of steps: nobody waits for a step that nobody hears. */
  checkWaiting(): void {
    const nowTimeMs = this.clock.nowTimeMs()
    for (const page of this.bench.desk.pages.listOpen()) {
      const { id, state, step, nextTimeMs = nowTimeMs, deliveries } = page
      if (state === 'acknowledged' || state === 'resolved' || step === 2) continue
      const own = deliveries.filter((one) => one.kind === 'page' && one.step === step)
      const isUnheard = own.every((one) => one.state === 'failed' || one.state === 'held')
      if (own.length > 0 && isUnheard && nextTimeMs > nowTimeMs)
        this.listener.violations.push(`a: ${id} waits at step ${step}, which nobody hears`)
    }
  }

  pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.random() * items.length)]
  }

  async act(): Promise<void> {
    const roll = this.random()
    const name = `${this.pick(['X', 'Y'])}/${this.pick(['1', '2'])}`
    const { pages } = this.bench.desk
    const id = this.pick(pages.listOpen())?.id ?? 'none'
    const who = { actor: this.pick(['ana', 'bo'])!, reason: '' }
    if (roll < 0.3) {
      this.firing.add(name)
      await this.say(name)
    } else if (roll < 0.45) {
      this.firing.delete(name)
      if (this.known.has(name)) await this.say(name)
    } else if (roll < 0.55) await this.attempt(() => pages.acknowledge(id, who))
    else if (roll < 0.6) await this.attempt(() => pages.unacknowledge(id, who))
    else if (roll < 0.65) await this.attempt(() => pages.escalate(id, who))
    else if (roll < 0.7) await this.attempt(() => pages.reassign(id, who, { person: 'cy' }))
    else if (roll < 0.73) await this.attempt(() => pages.resolve(id, who))
    else if (roll < 0.78) await this.silence()
    else if (roll < 0.82) this.toggleBroken()
    else if (roll < 0.86) this.toggleQuiet()
    else if (roll < 0.9) await this.restart()
    else this.armDeath()
  }

  armDeath(): void {
    const deedsLeft = 1 + Math.floor(this.random() * 12)
    this.life.death = { deedsLeft, side: this.random() < 0.5 ? 'before' : 'after' }
  }

  async silence(): Promise<void> {
    const startMs = this.clock.nowTimeMs()
    if (startMs < this.silenceEndTimeMs) return
    const endTimeMs = startMs + second * (1 + Math.floor(this.random() * 40))
    let isMade = false
    await this.attempt(async () => {
      await this.bench.desk.setSilence({
        matchers: [{ name: 'i', operator: '=~', value: '.+' }],
        resolved: 'tell',
        ...{ startTimeMs: startMs, endTimeMs, createdBy: 'test', comment: 'test' },
      })
      isMade = true
    })
    // Who died while making it does not know whether it is there.
    if (isMade && !this.life.isOver) this.silenceEndTimeMs = endTimeMs
  }

  toggleBroken(): void {
    const { channelsOf } = this.listener
    const receiver = this.pick(paged)!
    if (channelsOf.has(receiver)) channelsOf.delete(receiver)
    else channelsOf.set(receiver, [])
  }

  toggleQuiet(): void {
    const { quiet } = this.listener
    const receiver = this.pick(paged)!
    if (!quiet.delete(receiver)) quiet.set(receiver, this.clock.nowTimeMs() + 8 * 60 * minute)
  }

  async restart(): Promise<void> {
    await this.attempt(() => this.bench.desk.stop())
    if (!this.life.isOver) this.life.isOver = true
    await this.begin()
  }
}

async function runStory(seed: number): Promise<void> {
  const story = new Story(seed)
  await story.begin()
  for (let turn = 0; turn < 40; turn++) {
    await story.advance(Math.floor(story.random() * 25) * second)
    await story.act()
  }
  // Nobody acts any more, and every channel works.
  story.life.death = undefined
  story.listener.channelsOf.clear()
  story.listener.quiet.clear()
  await story.advance(second)
  const { pages } = story.bench.desk
  for (const { id } of pages.listOpen()) {
    // The steps begin again.
    await story.attempt(() => pages.acknowledge(id, { actor: 'ana', reason: '' }))
    await story.attempt(() => pages.unacknowledge(id, { actor: 'ana', reason: '' }))
  }
  for (const name of story.known) await story.say(name)
  await story.advance(wholeMs)
  checkNoneLost(story)
  // The trouble comes once more, and ends while the process may die.
  story.firing.add('Z/1')
  await story.say('Z/1')
  story.armDeath()
  await story.advance(Math.floor(story.random() * 70) * second)
  for (const name of [...story.firing]) {
    story.firing.delete(name)
    await story.say(name)
  }
  await story.advance(2 * minute)
  assert.deepEqual(story.bench.desk.pages.listOpen(), [], 'd: nothing is open')
  checkRoom(story)
  await checkStories(story)
  assert.deepEqual(story.listener.violations, [])
  await story.bench.desk.stop()
}

/** a */
function checkNoneLost(story: Story): void {
  const groups = new Set([...story.firing].map((name) => name.split('/')[0]!))
  const pages = story.bench.desk.pages.listOpen()
  for (const group of groups) {
    const page = pages.find(({ title }) => title === group)
    assert.ok(page !== undefined, `a: ${group} fires and has a page`)
    if (page.state === 'resolved') continue
    assert.equal(page.state, 'escalated', `a: ${group} went to its last step`)
    assert.equal(page.nextTimeMs, undefined, `a: ${group} has no step left`)
    const reached = new Set(
      page.deliveries.filter(({ state }) => state === 'sent').map((d) => d.receiver),
    )
    for (const receiver of ['bo', 'cy', 'boss'])
      assert.ok(
        reached.has(receiver),
        `a: ${receiver} was told of ${group} (${JSON.stringify(page)})`,
      )
  }
}

/** d, of the receiver itself. */
function checkRoom(story: Story): void {
  const last = new Map<string, string>()
  for (const { notification } of story.listener.sent)
    if (notification.receiver === 'room') last.set(notification.groupKey, notification.status)
  for (const [groupKey, status] of last)
    assert.equal(status, 'resolved', `d: the room believes that ${groupKey} goes on`)
}

/** c, d, e */
async function checkStories(story: Story): Promise<void> {
  for (const page of await story.records.pages.list({ state: 'all', limit: 1000 })) {
    const events = await story.records.pages.listEvents(page.id)
    assert.equal(events[0]?.action, 'opened')
    for (const [index, event] of events.entries())
      assert.equal(event.from, events[index - 1]?.to ?? 'firing', `e: ${page.id} ${event.action}`)
    assert.equal(events.at(-1)!.to, 'resolved')
    for (const receiver of paged) {
      const heard = story.listener.heard.filter((one) => one.receiver === receiver)
      const messages = heard.filter((one) => one.pageId === page.id && !one.isEnd).length
      const own = page.deliveries.filter((one) => one.receiver === receiver)
      const asked = own.filter(({ kind }) => kind === 'page').length
      assert.ok(
        messages <= asked + story.deathCount,
        `c: ${receiver} heard ${messages} messages of ${asked} with ${story.deathCount} deaths`,
      )
      const sent = own.filter(
        ({ kind, state, isUnsure }) =>
          kind === 'page' && (state === 'sent' || state === 'held' || isUnsure),
      ).length
      const ends = own.filter(
        ({ kind, state }) => kind === 'end' && (state === 'sent' || state === 'held'),
      ).length
      assert.equal(ends, sent > 0 ? 1 : 0, `d: ${receiver} was told ${sent} times`)
      if (messages > 0) assert.equal(ends, 1, `d: ${receiver} heard of trouble and not of its end`)
    }
  }
}

test(`what must always hold of pages holds over ${storyCount} random stories`, async () => {
  for (let seed = firstSeed; seed < firstSeed + storyCount; seed++) {
    try {
      await runStory(seed)
    } catch (thrown) {
      throw new Error(`SHIPWATCH_SEED=${seed} SHIPWATCH_STORIES=1 shows it`, { cause: thrown })
    }
  }
})
