/**
 * Requests to Amazon's services: credentials as its programs find them, and the signature version 4.
 * Credentials come from the settings, else from the environment, else from the profile in the shared
 * credentials file; with a role they are exchanged for that role's at STS and kept until they end.
 * Sources: AWS documentation, "Signature Version 4 signing process", "AssumeRole".
 */

import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../base/error.ts'
import type { HttpReply } from '../base/http-client.ts'
import { SendFailure } from './send-request.ts'

/** An access key, of a session if it has a token. */
export interface AwsKey {
  id: string
  secret: string
  sessionToken?: string
}

/** A POST to be signed; every header given is. */
export interface AwsRequest {
  url: string
  region: string
  service: string
  headers: Record<string, string>
  body: string
  timeMs: number
}

/** All headers of the request, with `authorization`. */
export function signAws(request: AwsRequest, key: AwsKey): Record<string, string> {
  const { region, service, body } = request
  const url = new URL(request.url)
  const stamp = new Date(request.timeMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const headers: Record<string, string> = {
    ...request.headers,
    host: url.host,
    'x-amz-date': stamp,
    ...(key.sessionToken !== undefined && { 'x-amz-security-token': key.sessionToken }),
  }
  const names = Object.keys(headers).sort()
  const signed = names.join(';')
  const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex')
  const hmac = (with_: string | Buffer, value: string): Buffer =>
    createHmac('sha256', with_).update(value).digest()
  const canonical = [
    'POST',
    url.pathname,
    '',
    ...names.map((name) => `${name}:${headers[name]!.trim()}`),
    '',
    signed,
    sha256(body),
  ].join('\n')
  const scope = `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n')
  const day = hmac(`AWS4${key.secret}`, stamp.slice(0, 8))
  const signature = hmac(hmac(hmac(hmac(day, region), service), 'aws4_request'), text)
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${key.id}/${scope}, SignedHeaders=${signed}, Signature=${signature.toString('hex')}`
  return headers
}

/** The key of the environment or of a profile; throws `SendFailure` when there is none. */
export function findAwsKey(
  profile: string,
  environment: Readonly<Record<string, string | undefined>>,
): AwsKey {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = environment
  if (profile === '' && id !== undefined && secret !== undefined) {
    const sessionToken = environment.AWS_SESSION_TOKEN
    return { id, secret, ...(sessionToken !== undefined && { sessionToken }) }
  }
  const path = environment.AWS_SHARED_CREDENTIALS_FILE ?? join(homedir(), '.aws', 'credentials')
  const name = profile === '' ? (environment.AWS_PROFILE ?? 'default') : profile
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    throw noKey(`${path}: ${messageOf(thrown)}`)
  }
  const values = new Map<string, string>()
  let isWanted = false
  for (const line of text.split('\n')) {
    const section = /^\s*\[\s*(.+?)\s*\]/.exec(line)
    if (section !== null) isWanted = section[1] === name
    const pair = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line)
    if (isWanted && pair !== null) values.set(pair[1]!, pair[2]!)
  }
  const found = {
    id: values.get('aws_access_key_id'),
    secret: values.get('aws_secret_access_key'),
    sessionToken: values.get('aws_session_token'),
  }
  if (found.id === undefined || found.secret === undefined)
    throw noKey(`${path} has no key for the profile "${name}"`)
  const { sessionToken } = found
  return { id: found.id, secret: found.secret, ...(sessionToken !== undefined && { sessionToken }) }
}

/** The key in an answer of `AssumeRole`, and when it ends. */
export function readAssumedRole(reply: HttpReply): { key: AwsKey; endTimeMs: number } {
  const text = reply.body.toString('utf8')
  const read = (name: string): string =>
    new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1] ?? ''
  const key = {
    id: read('AccessKeyId'),
    secret: read('SecretAccessKey'),
    sessionToken: read('SessionToken'),
  }
  const endTimeMs = Date.parse(read('Expiration'))
  if (key.id === '' || key.secret === '' || Number.isNaN(endTimeMs))
    throw noKey('the answer of AssumeRole holds none')
  return { key, endTimeMs }
}

function noKey(reason: string): SendFailure {
  return new SendFailure(`no AWS credentials: ${reason}`, { reason: 'auth', canRetry: true })
}
