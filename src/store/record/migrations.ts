/**
 * Steps of the schema, in order, each run once. A step that was released is never changed; a new
 * need is a new step at the end.
 */

import type { CreateTableBuilder, Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** By name; names sort in the order of running. */
export const migrations: Record<string, Migration> = {
  '0001-begin': { up: begin },
  '0002-silences': { up: addSilences },
  '0003-on-call': { up: addOnCall },
  '0004-ledger': { up: addLedger },
  '0005-push-maker': { up: addPushMaker },
}

async function begin(database: Kysely<unknown>): Promise<void> {
  await beginDelivery(database)
  await beginIncidents(database)
  await beginAlerting(database)
  await beginAccess(database)
}

async function beginDelivery(database: Kysely<unknown>): Promise<void> {
  const { schema } = database
  await schema
    .createTable('deployment')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .$call((table) =>
      texts(
        table,
        'service',
        'environment',
        'version',
        'previous_version',
        'actor',
        'url',
        'note',
        'state',
      ),
    )
    .addColumn('start_time_ms', 'bigint', (column) => column.notNull())
    .addColumn('end_time_ms', 'bigint')
    .addColumn('rollback_of', 'text')
    .execute()
  await schema
    .createIndex('deployment_time')
    .on('deployment')
    .columns(['service', 'start_time_ms'])
    .execute()
  await positioned(database, 'decision')
    .addColumn('deployment_id', 'text')
    .addColumn('incident_id', 'text')
    .addColumn('time_ms', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'question', 'verdict', 'reason', 'message', 'facts'))
    .execute()
  await schema.createIndex('decision_deployment').on('decision').column('deployment_id').execute()
  await schema.createIndex('decision_incident').on('decision').column('incident_id').execute()
}

async function beginIncidents(database: Kysely<unknown>): Promise<void> {
  const { schema } = database
  await schema
    .createTable('incident')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('number', 'bigint', (column) => column.notNull().unique())
    .$call((table) =>
      texts(table, 'title', 'service', 'environment', 'state', 'health', 'acknowledged_by'),
    )
    .addColumn('opened_time_ms', 'bigint', (column) => column.notNull())
    .addColumn('onset_time_ms', 'bigint')
    .addColumn('resolved_time_ms', 'bigint')
    .$call((table) => texts(table, 'causes', 'alerts', 'post_mortem'))
    .execute()
  await schema.createIndex('incident_time').on('incident').column('opened_time_ms').execute()
  await positioned(database, 'timeline_entry')
    .$call((table) =>
      texts(table, 'incident_id', 'id', 'kind', 'code', 'message', 'facts', 'actor'),
    )
    .addColumn('time_ms', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('timeline_entry_id', ['incident_id', 'id'])
    .execute()
}

async function beginAlerting(database: Kysely<unknown>): Promise<void> {
  const { schema } = database
  await positioned(database, 'notification')
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('time_ms', 'bigint', (column) => column.notNull())
    .$call((table) =>
      texts(table, 'receiver', 'channel', 'group_key', 'reason', 'status', 'outcome', 'answer'),
    )
    .addColumn('alert_count', 'bigint', (column) => column.notNull())
    .addColumn('attempt', 'bigint', (column) => column.notNull())
    .addColumn('latency_ms', 'double precision', (column) => column.notNull())
    .addColumn('incident_id', 'text')
    .$call((table) => texts(table, 'fingerprints'))
    .execute()
  await schema.createIndex('notification_time').on('notification').column('time_ms').execute()
  await schema
    .createIndex('notification_incident')
    .on('notification')
    .column('incident_id')
    .execute()
  await schema
    .createTable('alert')
    .addColumn('fingerprint', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'body'))
    .execute()
  await schema
    .createTable('state')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'body'))
    .execute()
  await schema
    .createTable('counter')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute()
}

async function beginAccess(database: Kysely<unknown>): Promise<void> {
  const { schema } = database
  await schema
    .createTable('password')
    .addColumn('user_name', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'hash'))
    .execute()
  await schema
    .createTable('token')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'name', 'scope'))
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('created_time_ms', 'bigint', (column) => column.notNull())
    .addColumn('last_used_time_ms', 'bigint')
    .execute()
  await schema
    .createTable('session')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'user_name', 'role'))
    .addColumn('end_time_ms', 'bigint', (column) => column.notNull())
    .execute()
  await positioned(database, 'audit')
    .addColumn('time_ms', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'actor', 'action', 'facts'))
    .execute()
}

async function addSilences(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .createTable('silence')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('end_time_ms', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'body'))
    .execute()
}

async function addOnCall(database: Kysely<unknown>): Promise<void> {
  const { schema } = database
  await schema
    .createTable('page')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'group_key', 'state'))
    .addColumn('is_open', 'bigint', (column) => column.notNull())
    .addColumn('opened_time_ms', 'bigint', (column) => column.notNull())
    .addColumn('updated_time_ms', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'body'))
    .execute()
  await schema.createIndex('page_time').on('page').column('opened_time_ms').execute()
  await positioned(database, 'page_event')
    .$call((table) => texts(table, 'id', 'page_id'))
    .addColumn('time_ms', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'actor', 'action', 'from_state', 'to_state', 'reason'))
    .execute()
  await schema.createIndex('page_event_page').on('page_event').column('page_id').execute()
  await schema
    .createTable('on_call_override')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('end_time_ms', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'body'))
    .execute()
  await schema
    .createTable('maintenance')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'body'))
    .execute()
}

async function addLedger(database: Kysely<unknown>): Promise<void> {
  const { schema } = database
  for (const name of ['channel_key', 'request', 'labels', 'person', 'page_id', 'fallback_of']) {
    await schema
      .alterTable('notification')
      .addColumn(name, 'text', (column) => column.notNull().defaultTo(''))
      .execute()
  }
  await schema
    .createTable('dead_letter')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('time_ms', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'receiver', 'channel', 'group_key', 'state'))
    .addColumn('end_time_ms', 'bigint')
    .$call((table) => texts(table, 'failure'))
    .addColumn('attempt_count', 'bigint', (column) => column.notNull())
    .addColumn('alert_count', 'bigint', (column) => column.notNull())
    .$call((table) => texts(table, 'status', 'labels', 'body'))
    .execute()
  await schema.createIndex('dead_letter_time').on('dead_letter').column('time_ms').execute()
  await schema
    .createTable('push_subscription')
    .addColumn('endpoint', 'text', (column) => column.primaryKey())
    .$call((table) => texts(table, 'owner', 'label', 'public_key', 'auth'))
    .addColumn('created_time_ms', 'bigint', (column) => column.notNull())
    .execute()
}

async function addPushMaker(database: Kysely<unknown>): Promise<void> {
  await database.schema
    .alterTable('push_subscription')
    .addColumn('created_by', 'text', (column) => column.notNull().defaultTo(''))
    .execute()
}

/** A table with the counting first column. */
function positioned(database: Kysely<unknown>, name: string): CreateTableBuilder<string, string> {
  return database.schema
    .createTable(name)
    .addColumn('position', 'integer', (column) =>
      column.primaryKey().autoIncrement(),
    ) as CreateTableBuilder<string, string>
}

/** Adds text columns that are never null. */
function texts<Name extends string>(
  table: CreateTableBuilder<Name, string>,
  ...columns: string[]
): CreateTableBuilder<Name, string> {
  for (const name of columns) table = table.addColumn(name, 'text', (column) => column.notNull())
  return table
}
