/**
 * The door of the store: where samples, log lines and records stay.
 *
 *   append -> check (head) -> journal -> readable (head), listeners told, acknowledged
 *                                |
 *                                +-> engine, some minutes later (keeper)
 *
 * Memory has everything since `coveredTimeMs`, the engine everything that was flushed; a question is
 * answered from memory where that suffices, else from both, split at that time (samples) or at the
 * oldest line in memory (logs). Without the engine, appending, recent queries and rules go on.
 *
 * Files: `records.db`, `journal/`, `engine/`, `flush/`, `checkpoint.json`, `metadata.json`. One process
 * at a time: the lock on `records.db` tells.
 */

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { CodedError, messageOf } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import type { ExemplarResult, ExemplarRow, SeriesExemplars } from '../model/exemplar.ts'
import type {
  AppendResult,
  Appender,
  ArrivalFeed,
  ArrivalListener,
  ExemplarSelection,
  LogQuerier,
  LogSelection,
  LogVolume,
  MetricMetadata,
  Querier,
  Selection,
  SeriesColumns,
  SeriesVisitor,
} from '../model/flow.ts'
import type { Labels } from '../model/labels.ts'
import type { LogBatch, LogRecord } from '../model/log-line.ts'
import type { Matcher } from '../model/matcher.ts'
import type { SampleBatch, SeriesId } from '../model/sample.ts'
import type { OpenBackup } from './backup/backup.ts'
import { BackupTaker } from './backup/take-backup.ts'
import { type Checkpoint, readCheckpoint, readMetadata } from './checkpoint.ts'
import { openChdb } from './column/chdb.ts'
import { openClickhouseServer } from './column/clickhouse-server.ts'
import { clearBlockDirectory } from './column/block-file.ts'
import { DayRewriter } from './column/day-rewriter.ts'
import { Engine, type EngineConnection, type OpenConnection } from './column/engine.ts'
import { EngineLogs } from './column/engine-logs.ts'
import { EngineQuerier } from './column/engine-querier.ts'
import { LineFlusher } from './column/line-flusher.ts'
import { OldSamples } from './column/old-samples.ts'
import { listPartPaths } from './column/retention.ts'
import { RollupBook } from './column/rollup-book.ts'
import { RollupMaker } from './column/rollup-maker.ts'
import { SampleFlusher } from './column/sample-flusher.ts'
import { SpanVersions } from './column/span-versions.ts'
import { Compactor } from './compactor.ts'
import { DiskWatch, type ReadSpace } from './disk-watch.ts'
import { type EraseOrder, Eraser, type EraseResult } from './eraser.ts'
import { storeErrors } from './errors.ts'
import { ExemplarBook } from './exemplar-book.ts'
import { Arrivals } from './head/arrivals.ts'
import { ExemplarRing } from './head/exemplar-ring.ts'
import { Head } from './head/head.ts'
import { LabelCensus, type LabelStatistics } from './head/label-counts.ts'
import { LogHead } from './head/log-head.ts'
import { MetadataTable } from './head/metadata-table.ts'
import { Journal, type JournalSettings } from './journal/journal.ts'
import { type MakeJournalFile, makeDiskFile } from './journal/journal-file.ts'
import type { RecordVisitor } from './journal/record-format.ts'
import type { Segment } from './journal/segment.ts'
import { SeriesLog } from './journal/series-log.ts'
import { Keeper } from './keeper.ts'
import { LineIntake } from './line-intake.ts'
import { LogQuestions } from './log-questions.ts'
import { storeMetrics } from './metrics.ts'
import type { Records } from './record/records.ts'
import { type OpenRecords, openSqliteRecords } from './record/sql-records.ts'
import { Retainer } from './retainer.ts'
import { SampleIntake } from './sample-intake.ts'
import { SampleQuestions } from './sample-questions.ts'
import type { StoreSettings } from './settings.ts'

export type { OpenBackup } from './backup/backup.ts'
export type { EraseOrder, EraseResult } from './eraser.ts'
export { checkBackup, restoreBackup } from './backup/restore-backup.ts'
export { MemoryStore } from './memory-store.ts'
export type * from './record/records.ts'
export { type StoreSettings, storeSettings } from './settings.ts'

/** What `Store.open` needs. */
export interface StoreOptions {
  dataDir: string
  settings: StoreSettings
  clock: Clock
  log: Log
  /** For tests: another disk under the journal. */
  makeJournalFile?: MakeJournalFile
  /** For tests: another disk around everything. */
  readSpace?: ReadSpace
  /** For tests: another engine. */
  openEngine?: OpenConnection
}

/** Samples, log lines and records on this machine. */
export class Store implements Appender, Querier, ArrivalFeed, LogQuerier {
  readonly records: Records
  readonly #records: OpenRecords
  readonly #clock: Clock
  readonly #head = new Head({ isTimeChecked: true })
  readonly #census = new LabelCensus(this.#head.index)
  readonly #arrivals = new Arrivals(this.#head)
  readonly #logs = new LogHead()
  readonly #metadata = new MetadataTable()
  readonly #journal: Journal
  readonly #seriesLog: SeriesLog
  readonly #samples: SampleIntake
  readonly #lines: LineIntake
  readonly #exemplars: ExemplarBook
  readonly #engine: Engine
  readonly #versions = new SpanVersions()
  readonly #rollups = new RollupBook(this.#versions)
  readonly #engineQuerier: EngineQuerier
  readonly #questions: SampleQuestions
  readonly #logQuestions: LogQuestions
  readonly #disk: DiskWatch
  readonly #compactor: Compactor
  readonly #eraser: Eraser
  readonly #retainer: Retainer
  readonly #backups: BackupTaker
  readonly #options: StoreOptions
  /** Begins when memory is filled. */
  #keeper: Keeper | undefined
  #settings: StoreSettings
  #closing: Promise<void> | undefined

  /**
   * Opens what `dataDir` holds and refills memory from the journal. The engine opens in the background.
   * Rejects with `STORE_RECORDS_UNAVAILABLE`, `STORE_RECORDS_CORRUPT`, `STORE_RECORDS_NEWER` or `STORE_DATA_DIR_IN_USE`.
   */
  static async open(options: StoreOptions): Promise<Store> {
    mkdirSync(options.dataDir, { recursive: true })
    const disk = new DiskWatch({
      directory: options.dataDir,
      clock: options.clock,
      log: options.log,
      freeMin: options.settings.store.disk_free_min,
      ...(options.readSpace === undefined ? {} : { readSpace: options.readSpace }),
    })
    const records = await openSqliteRecords({
      path: join(options.dataDir, 'records.db'),
      clock: options.clock,
      log: options.log,
      onFailed: (thrown) => disk.noteFull(thrown),
    })
    try {
      const store = new Store(options, records, disk)
      await store.#recover()
      return store
    } catch (thrown) {
      await records.close()
      throw thrown
    }
  }

  private constructor(options: StoreOptions, records: OpenRecords, disk: DiskWatch) {
    this.#disk = disk
    const { dataDir, clock, log } = options
    this.#options = options
    this.#settings = options.settings
    this.#clock = clock
    this.#records = records
    this.records = records
    const directory = join(dataDir, 'journal')
    const makeFile = options.makeJournalFile ?? makeDiskFile
    this.#seriesLog = new SeriesLog({ directory, head: this.#head, log, makeFile })
    this.#journal = new Journal({
      directory,
      settings: journalSettingsOf(options.settings),
      clock,
      log,
      makeFile,
      prepare: () => this.#seriesLog.write(),
      syncNames: () => this.#seriesLog.sync(),
      onSealed: () => this.#keeper?.wake(),
      onFailed: (thrown) => this.#disk.noteFull(thrown),
    })
    this.#samples = this.#makeSampleIntake()
    this.#lines = this.#makeLineIntake()
    this.#exemplars = new ExemplarBook({
      ring: new ExemplarRing(options.settings.store.exemplar_count_max),
      index: this.#head.index,
      journal: this.#journal,
      refusal: () => this.#refusal(),
    })
    this.#engine = new Engine({
      open: options.openEngine ?? (() => openEngine(options)),
      clock,
      log,
    })
    this.#engineQuerier = new EngineQuerier({
      engine: this.#engine,
      versions: this.#versions,
      rollups: this.#rollups,
      cacheBytesMax: () => this.#settings.store.read_cache_size_max,
    })
    this.#logQuestions = new LogQuestions(this.#logs, new EngineLogs(this.#engine, clock))
    this.#compactor = this.#makeCompactor()
    this.#eraser = new Eraser({
      dataDir,
      head: this.#head,
      journal: this.#journal,
      exemplars: this.#exemplars,
      querier: this.#engineQuerier,
      compactor: this.#compactor,
      clock,
      log,
      pause: this.#runAlone,
    })
    this.#questions = new SampleQuestions(this.#head, this.#engineQuerier, this.#eraser)
    this.#retainer = new Retainer({
      engine: this.#engine,
      disk: this.#disk,
      clock,
      log,
      journalBytes: () => this.#journal.bytes + this.#seriesLog.bytes,
    })
    this.#backups = new BackupTaker({
      dataDir,
      nowTimeMs: () => clock.nowTimeMs(),
      pause: this.#runAlone,
      sealJournal: () => this.#journal.seal(),
      listNames: () => this.#seriesLog.listFiles(),
      listParts: async () =>
        options.settings.store.telemetry_url === undefined
          ? await listPartPaths(this.#engine, join(dataDir, 'engine'))
          : undefined,
      copyRecords: (path) => records.copyTo(path),
    })
  }

  /** Runs work while the household rests. */
  readonly #runAlone = <Value>(work: () => Promise<Value>): Promise<Value> =>
    this.#keeper!.runAlone(work)

  #makeSampleIntake(): SampleIntake {
    return new SampleIntake({
      head: this.#head,
      journal: this.#journal,
      arrivals: this.#arrivals,
      clock: this.#clock,
      refusal: () => this.#refusal(),
      limits: () => {
        const { retention, out_of_order_window } = this.#settings.store
        return { windowMs: retention, lateMs: out_of_order_window ?? retention }
      },
    })
  }

  #makeLineIntake(): LineIntake {
    return new LineIntake({
      logs: this.#logs,
      journal: this.#journal,
      arrivals: this.#arrivals,
      clock: this.#clock,
      refusal: () => this.#refusal(),
      retentionMs: () => this.#settings.store.retention,
    })
  }

  #makeCompactor(): Compactor {
    const { dataDir, clock, log } = this.#options
    const inEngine = { engine: this.#engine, versions: this.#versions }
    const old = { ...inEngine, directory: join(dataDir, 'flush', 'old') }
    return new Compactor({
      directory: dataDir,
      engine: this.#engine,
      rewriter: new DayRewriter({ ...inEngine, directory: join(dataDir, 'flush') }),
      oldSamples: new OldSamples(old),
      rollupMaker: new RollupMaker(old),
      rollups: this.#rollups,
      clock,
      log,
      alone: this.#runAlone,
    })
  }

  async #recover(): Promise<void> {
    const { dataDir, clock, log } = this.#options
    const checkpoint = readCheckpoint(dataDir, clock.nowTimeMs(), log)
    this.#head.coveredTimeMs = checkpoint.coveredTimeMs
    this.#lines.nextSequence = checkpoint.nextSequence
    for (const [metric, metadata] of readMetadata(dataDir, log))
      this.#metadata.set(metric, metadata)
    await this.#seriesLog.recover()
    const isEngineLost = await this.#noticeLostEngine()
    const flushing = { engine: this.#engine, directory: join(dataDir, 'flush') }
    clearBlockDirectory(flushing.directory)
    clearBlockDirectory(join(flushing.directory, 'old'))
    let recoveredNumber = 0
    const damagedTimeMs = await this.#journal.recover((segment) => {
      recoveredNumber = segment.number
      if (!isEngineLost) restoreFlushed(segment, checkpoint)
      return this.#replayInto(segment)
    })
    if (!isEngineLost) this.#head.raiseCovered(damagedTimeMs)
    this.#keeper = new Keeper(
      {
        directory: dataDir,
        head: this.#head,
        logs: this.#logs,
        metadata: this.#metadata,
        journal: this.#journal,
        seriesLog: this.#seriesLog,
        engine: this.#engine,
        lineFlusher: new LineFlusher(flushing),
        sampleFlusher: new SampleFlusher({
          ...flushing,
          head: this.#head,
          versions: this.#versions,
          isErased: this.#eraser.isErased,
          areNamesGoing: this.#eraser.areNamesGoing,
        }),
        compactor: this.#compactor,
        retainer: this.#retainer,
        clock,
        log,
        recoveredNumber,
        linesFlushedNumber: checkpoint.linesFlushedNumber,
        nextSequence: () => this.#lines.nextSequence,
      },
      this.#settings.store,
    )
    await this.#disk.start(() => this.#keeper?.wake())
    void this.#engine.start()
    this.#keeper.start()
    this.#eraser.start()
    storeMetrics.headSeries.set(this.#head.index.count)
  }

  /** Without the engine's folder, which somebody deleted, what the journal still has is brought in again. */
  async #noticeLostEngine(): Promise<boolean> {
    const { dataDir, openEngine, log, settings } = this.#options
    const directory = join(dataDir, 'engine')
    const isElsewhere = openEngine !== undefined || settings.store.telemetry_url !== undefined
    if (isElsewhere || existsSync(directory)) return false
    const count = await this.#journal.giveBack()
    if (count === 0 && !Number.isFinite(this.#head.coveredTimeMs)) return true
    log.error(
      { directory, segmentCount: count },
      'The folder of the storage engine is gone, and with it all data older than the journal. What the journal has is kept.',
    )
    return true
  }

  #replayInto(segment: Segment): RecordVisitor {
    return {
      onSamples: (batch) => this.#head.replay(batch, segment.flushedTimeMs),
      onLines: (batch, firstSequence) => this.#lines.replay(batch, firstSequence, segment),
      onSymbol: () => undefined,
      onSeries: () => undefined,
      onRemoved: () => undefined,
      onExemplar: (entry) => this.#exemplars.replay(entry),
      onErased: (erasure) => this.#eraser.replay(segment.number, erasure),
    }
  }

  get seriesEpoch(): number {
    return this.#head.epoch
  }

  seriesId(labels: Labels): SeriesId {
    const { id, isNew } = this.#head.seriesId(labels)
    if (isNew) {
      this.#seriesLog.add(id)
      this.#arrivals.announce(id, labels)
    }
    return id
  }

  findSeriesId(labels: Labels): SeriesId | undefined {
    return this.#head.findSeriesId(labels)
  }

  labelsOf(seriesId: SeriesId): Labels {
    return this.#head.index.labelsOf(seriesId)
  }

  append(batch: SampleBatch): Promise<AppendResult> {
    return this.#samples.append(batch)
  }

  appendExemplars(rows: readonly ExemplarRow[]): Promise<ExemplarResult> {
    return this.#exemplars.append(rows)
  }

  /** Why nothing is taken now. */
  #refusal(): CodedError | undefined {
    return this.#disk.refusal() ?? this.#journal.refusal()
  }

  appendLogs(batch: LogBatch): Promise<void> {
    return this.#lines.append(batch)
  }

  setMetadata(metric: string, metadata: MetricMetadata): void {
    this.#metadata.set(metric, metadata)
  }

  metadata(metric?: string): Map<string, MetricMetadata> {
    return this.#metadata.read(metric)
  }

  subscribe(listener: ArrivalListener): () => void {
    return this.#arrivals.subscribe(listener)
  }

  subscribeLogs(listener: (batch: LogBatch) => void): () => void {
    return this.#arrivals.subscribeLogs(listener)
  }

  /** How many of the series in memory have which labels; of those that fulfil the matchers. */
  labelStatistics(o: { matchers: readonly Matcher[]; limit: number }): Promise<LabelStatistics> {
    return this.#census.count(o)
  }

  selectRecent(selection: Selection): SeriesColumns[] | undefined {
    return this.#questions.selectRecent(selection)
  }

  async selectExemplars(selection: ExemplarSelection): Promise<SeriesExemplars[]> {
    return this.#exemplars.ring.select(selection)
  }

  select(selection: Selection): Promise<SeriesColumns[]> {
    return this.#questions.select(selection)
  }

  visit(selection: Selection, visitor: SeriesVisitor): Promise<void> {
    return this.#questions.visit(selection, visitor)
  }

  release(answer: readonly SeriesColumns[]): void {
    this.#engineQuerier.release(answer)
  }

  series(selection: Selection): Promise<Labels[]> {
    return this.#questions.series(selection)
  }

  labelNames(selection: Selection): Promise<string[]> {
    return this.#questions.labelNames(selection)
  }

  labelValues(name: string, selection: Selection): Promise<string[]> {
    return this.#questions.labelValues(name, selection)
  }

  selectLogs(selection: LogSelection): Promise<LogRecord[]> {
    return this.#logQuestions.select(selection)
  }

  logVolume(selection: LogSelection, stepMs: number): Promise<LogVolume[]> {
    return this.#logQuestions.volume(selection, stepMs)
  }

  logStreams(matchers: readonly Matcher[], startTimeNs: bigint, endTimeNs: bigint) {
    return this.#logQuestions.streams(matchers, startTimeNs, endTimeNs)
  }

  logLabelNames(startTimeNs: bigint, endTimeNs: bigint): Promise<string[]> {
    return this.#logQuestions.labelNames(startTimeNs, endTimeNs)
  }

  logLabelValues(name: string, startTimeNs: bigint, endTimeNs: bigint): Promise<string[]> {
    return this.#logQuestions.labelValues(name, startTimeNs, endTimeNs)
  }

  /** Figures for the settings page. `oldestTimeMs` is of samples, as last measured. */
  stats(): {
    seriesCount: number
    /** Chunks of samples in memory. */
    chunkCount: number
    journalBytes: number
    engineBytes: number
    retentionMs: number
    oldestTimeMs: number | undefined
    /** Why no data is taken, such as a full disk; absent while it is. */
    refusal?: string
  } {
    const inEngine = this.#retainer.oldestTimeMs ?? Infinity
    const oldestTimeMs = Math.min(inEngine, this.#head.oldestTimeMs() ?? Infinity)
    const refusal = this.#refusal()
    return {
      ...(refusal === undefined ? {} : { refusal: refusal.message }),
      seriesCount: this.#head.index.count,
      chunkCount: this.#head.chains.pool.usedCount,
      journalBytes: this.#journal.bytes + this.#seriesLog.bytes,
      engineBytes: this.#retainer.engineBytes,
      retentionMs: this.#settings.store.retention,
      oldestTimeMs: oldestTimeMs === Infinity ? undefined : oldestTimeMs,
    }
  }

  /** Brings everything into the engine now; rejects with the engine's error. */
  async flush(): Promise<void> {
    try {
      await this.#keeper!.flush()
    } catch (thrown) {
      if (thrown instanceof CodedError) throw thrown
      throw storeErrors.ENGINE_UNAVAILABLE({ reason: messageOf(thrown) }, thrown)
    }
  }

  /**
   * A backup of everything acknowledged so far, while all goes on; `version` is noted in it. Throws
   * `STORE_BACKUP_BUSY` or `STORE_BACKUP_FAILED`. Must be closed.
   */
  openBackup(version: string): Promise<OpenBackup> {
    return this.#backups.take(version)
  }

  /** Series that `deleteSeries` would touch. */
  countSeries(order: EraseOrder): Promise<number> {
    return this.#eraser.count(order)
  }

  /**
   * Deletes samples for good. Resolves when nobody sees them any more; `done` when they are gone from the
   * engine too. `STORE_FULL` when the journal cannot take the order.
   */
  deleteSeries(order: EraseOrder): Promise<{ done: Promise<EraseResult> }> {
    return this.#eraser.erase(order)
  }

  /**
   * Deletes log lines with start ≤ time < end for good, or only counts them. Memory's are brought to the engine
   * first, so that they are in one place. Rejects with the engine's error.
   */
  deleteLogs(
    order: { matchers: readonly Matcher[]; startTimeNs: bigint; endTimeNs: bigint },
    options: { isDryRun: boolean },
  ): Promise<{ streamCount: number; lineCount: number }> {
    return this.#keeper!.flushLines(() => this.#logQuestions.erase(order, options.isDryRun))
  }

  /** Resolves when everything that was deleted is gone from the engine. */
  finishDeleting(): Promise<void> {
    return this.#eraser.finish()
  }

  /** Takes new settings. */
  reload(settings: StoreSettings): void {
    this.#settings = settings
    this.#disk.reload(settings.store.disk_free_min)
    this.#exemplars.ring.resize(settings.store.exemplar_count_max)
    this.#journal.reload(journalSettingsOf(settings))
    this.#keeper!.reload(settings.store)
  }

  /** Finishes what is being written and closes everything; what is not in the engine is in the journal. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // The keeper first: a segment closed now waits in the journal for the next start.
    this.#disk.stop()
    const stopping = this.#eraser.stop()
    await this.#keeper!.stop()
    await stopping
    await this.#journal.close()
    await this.#seriesLog.close()
    await this.#engine.close()
    await this.#records.close()
  }
}

/** The embedded engine, or the server that the settings name. */
function openEngine({ dataDir, settings }: StoreOptions): Promise<EngineConnection> {
  const url = settings.store.telemetry_url
  return url === undefined ? openChdb(join(dataDir, 'engine')) : openClickhouseServer(url)
}

/** What the engine had of a segment when the checkpoint was written. */
function restoreFlushed(segment: Segment, checkpoint: Checkpoint): void {
  if (segment.isFlushed) return
  segment.areLinesFlushed = segment.number <= checkpoint.linesFlushedNumber
  for (const [number, timeMs] of checkpoint.flushedSegments) {
    if (number === segment.number) segment.flushedTimeMs = timeMs
  }
}

function journalSettingsOf(settings: StoreSettings): JournalSettings {
  const { journal_sync, journal_segment_size, journal_size_max } = settings.store
  return { sync: journal_sync, segmentBytes: journal_segment_size, bytesMax: journal_size_max }
}
