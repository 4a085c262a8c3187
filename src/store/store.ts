/** The door of the store. */

export { MemoryStore } from './memory-store.ts'
export type * from './record/records.ts'
export { type StoreSettings, storeSettings } from './settings.ts'
export { type OpenRecords, openSqliteRecords } from './record/sql-records.ts'
