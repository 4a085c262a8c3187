/**
 * The desk at which rules are written: a text is checked, tried on the data of now, tested over the past,
 * and saved as a file that detection reads. Beside it, how the objectives stand.
 */

import { relative, resolve } from 'node:path'
import type {
  BackTestHold,
  BackTestView,
  RuleCheck,
  RuleFileEntry,
  RuleFileView,
  RulePreview,
  SloStatus,
  SloView,
} from '../../api/rules.ts'
import type { Clock } from '../../base/clock.ts'
import { CodedError } from '../../base/error.ts'
import type { ConfigProblem } from '../../config/config.ts'
import type { Querier } from '../../model/flow.ts'
import { type Labels, makeLabels } from '../../model/labels.ts'
import type { QueryEngine, QuerySettings } from '../../query/query.ts'
import { runBackTest } from '../back-test/back-test.ts'
import { detectErrors } from '../errors.ts'
import { parseRuleFile, type RuleGroup } from '../rule-file.ts'
import type { DetectSettings } from '../settings.ts'
import { viewStrategy } from '../strategy/view-strategy.ts'
import { BackTestJobs } from './back-test-jobs.ts'
import { findRuleNotes } from './find-rule-notes.ts'
import { previewRules } from './preview-rules.ts'
import { RuleFolder } from './rule-folder.ts'
import { readSloStatus } from './slo-status.ts'

/** An alert of the past. */
interface AlertCourse {
  labels: Labels
  firedTimeMs: number
  endTimeMs: number | undefined
}

/** What the desk works with. */
export interface RuleDeskParts {
  engine: QueryEngine
  querier: Querier
  /** Who is told, by the routes of now. */
  people: {
    receiversFor(labels: Labels): string[]
    forecastMessages(courses: readonly AlertCourse[], untilTimeMs: number): BackTestView['messages']
    /** What held alerts of the past back, as far as it is still known. */
    pastHoldsWithin(span: {
      startTimeMs: number
      endTimeMs: number
    }): (course: AlertCourse) => BackTestHold[]
  }
  settings: DetectSettings & QuerySettings
  clock: Clock
  externalUrl: string
  /** Where a relative folder starts; the working directory unless given. */
  baseDir?: string
}

/** How a text is named in messages before it is a file. */
const textName = 'rules'
/** The longest time that a test may cover. */
const spanMsMax = 400 * 86_400_000

/** Writing rules. */
export class RuleDesk {
  readonly #parts: RuleDeskParts
  readonly #jobs: BackTestJobs
  #settings: DetectSettings & QuerySettings

  constructor(parts: RuleDeskParts) {
    this.#parts = parts
    this.#settings = parts.settings
    this.#jobs = new BackTestJobs(parts.clock)
  }

  /** Takes new settings. */
  reload(settings: DetectSettings & QuerySettings): void {
    this.#settings = settings
  }

  /** Stops the tests. */
  stop(): void {
    this.#jobs.stop()
  }

  /** What a text holds, or what is wrong with it. */
  check(text: string): RuleCheck {
    try {
      const groups = this.#parse(text)
      return {
        isValid: true,
        problems: [],
        groups: groups.map(({ name, rules }) => ({
          name,
          rules: rules.map((rule) => {
            const strategy = rule.kind === 'alerting' ? rule.strategy : undefined
            return {
              kind: rule.kind,
              name: rule.name,
              expression: rule.expression,
              labels: Object.fromEntries(rule.labels),
              holdMs: rule.kind === 'alerting' ? rule.holdMs : 0,
              strategy: strategy === undefined ? undefined : viewStrategy(strategy),
            }
          }),
        })),
        notes: findRuleNotes(groups),
      }
    } catch (thrown) {
      const problems = problemsOf(thrown)
      if (problems === undefined) throw thrown
      return {
        isValid: false,
        problems: problems.map(({ line, column, path, message }) => ({
          line,
          column,
          path,
          message,
        })),
        groups: [],
        notes: [],
      }
    }
  }

  /** What each rule of a text answers at a time. Throws `CONFIG_INVALID`. */
  async preview(text: string, timeMs: number): Promise<RulePreview> {
    const groups = this.#parse(text)
    const { engine, clock, externalUrl, people } = this.#parts
    const externalLabels = makeLabels(this.#settings.global.external_labels)
    const rules = await previewRules(groups, timeMs, {
      engine,
      clock,
      template: { externalLabels, externalUrl },
      receiversFor: (labels) => people.receiversFor(labels),
    })
    return { timeMs, rules }
  }

  /** Starts a test of a text over the past. Throws `CONFIG_INVALID`, `DETECT_BACK_TESTS_BUSY`. */
  startBackTest(text: string, span: { startTimeMs: number; endTimeMs: number }): BackTestView {
    const groups = this.#parse(text)
    const spanMs = span.endTimeMs - span.startTimeMs
    if (!(spanMs > 0 && spanMs <= spanMsMax)) throw detectErrors.BACK_TEST_SPAN_INVALID({ spanMs })
    const { querier, clock, externalUrl } = this.#parts
    const settings = this.#settings
    const parts = { querier, settings, clock, externalUrl }
    const id = this.#jobs.start(span, (watch) => runBackTest({ groups, ...span }, parts, watch))
    return this.backTest(id)
  }

  /** How a test stands. Throws `DETECT_BACK_TEST_UNKNOWN`. */
  backTest(id: string): BackTestView {
    const { report, ...job } = this.#jobs.get(id)
    const { people } = this.#parts
    const findHolds = people.pastHoldsWithin(job)
    const courses = (report?.rules ?? []).flatMap((rule) =>
      rule.firings.map(({ labels, firedTimeMs, endTimeMs }) => ({
        labels: makeLabels(labels),
        firedTimeMs,
        endTimeMs,
      })),
    )
    return {
      ...job,
      rules: (report?.rules ?? []).map((rule) => {
        const firings = rule.firings.map((firing) => {
          const labels = makeLabels(firing.labels)
          return {
            ...firing,
            peakValue: String(firing.peakValue),
            receivers: people.receiversFor(labels),
            heldBy: findHolds({ ...firing, labels }),
          }
        })
        const heldCount = firings.filter(({ heldBy }) => heldBy.some((one) => one.isWhole)).length
        return { ...rule, heldCount, firings }
      }),
      messages: courses.length === 0 ? [] : people.forecastMessages(courses, job.endTimeMs),
    }
  }

  /** Stops a test and forgets it. Throws `DETECT_BACK_TEST_UNKNOWN`. */
  removeBackTest(id: string): void {
    this.#jobs.remove(id)
  }

  get canEdit(): boolean {
    return this.#settings.rule_editing.directory !== ''
  }

  /** The files that can be edited; none when editing is off. */
  files(): RuleFileEntry[] {
    return this.canEdit ? this.#folder().list() : []
  }

  /** Throws `DETECT_RULE_FILE_UNKNOWN`, `DETECT_RULE_EDITING_OFF`. */
  file(name: string): RuleFileView {
    return this.#folder().view(name)
  }

  /** An older text. Throws as `file`. */
  fileVersion(name: string, id: string): RuleFileView {
    return this.#folder().viewVersion(name, id)
  }

  /**
   * Saves a file and has `apply` bring it into force; when that fails everything is as before. Throws
   * `CONFIG_INVALID`, `DETECT_RULE_FILE_CHANGED` and what `apply` throws.
   */
  async saveFile(
    name: string,
    given: { text: string; revision: string },
    apply: () => Promise<void>,
  ): Promise<RuleFileView> {
    parseRuleFile(given.text, name, { parser: this.#parts.engine })
    const folder = this.#folder()
    const undo = folder.save(name, given.text, given.revision)
    await this.#applyOrUndo(apply, undo)
    return folder.view(name)
  }

  /** Removes a file; as `saveFile`. */
  async removeFile(name: string, revision: string, apply: () => Promise<void>): Promise<void> {
    const undo = this.#folder().remove(name, revision)
    await this.#applyOrUndo(apply, undo)
  }

  /** By which name a file of rules is edited; `undefined` when it is not. */
  editNameOf(file: string): string | undefined {
    if (!this.canEdit) return undefined
    const name = relative(this.#directory(), file)
    return /[\\/]|^\.\./.test(name) ? undefined : name
  }

  /** How objectives stand now. */
  sloStatus(slos: readonly SloView[]): Promise<Omit<SloStatus, 'firingCount'>[]> {
    return readSloStatus(slos, this.#parts)
  }

  async #applyOrUndo(apply: () => Promise<void>, undo: () => void): Promise<void> {
    try {
      await apply()
    } catch (thrown) {
      undo()
      throw thrown
    }
  }

  #parse(text: string): RuleGroup[] {
    return parseRuleFile(text, textName, { parser: this.#parts.engine })
  }

  #directory(): string {
    const { directory } = this.#settings.rule_editing
    return resolve(this.#parts.baseDir ?? process.cwd(), directory)
  }

  #folder(): RuleFolder {
    if (!this.canEdit) throw detectErrors.RULE_EDITING_OFF({})
    const versionCountMax = this.#settings.rule_editing.version_count_max
    return new RuleFolder(this.#directory(), { clock: this.#parts.clock, versionCountMax })
  }
}

function problemsOf(thrown: unknown): ConfigProblem[] | undefined {
  if (!(thrown instanceof CodedError) || !Array.isArray(thrown.facts['problems'])) return undefined
  return thrown.facts['problems'] as ConfigProblem[]
}
