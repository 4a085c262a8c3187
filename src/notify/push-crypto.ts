/**
 * Encryption and signature of web push. The push service in between can read neither; it learns by the
 * signature that messages come from the server that the browser agreed to.
 * Sources: RFC 8291 (aes128gcm for push), RFC 8188, RFC 8292 (VAPID), RFC 7515 (JWS).
 */

import {
  createCipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
  sign,
} from 'node:crypto'

/** A server's key pair for VAPID, in base64url: the point, and the number. */
export interface VapidKeys {
  publicKey: string
  privateKey: string
}

/** What a browser gave when it agreed, in base64url. */
export interface PushTarget {
  publicKey: string
  auth: string
}

const curve = 'prime256v1'
const recordBytes = 4_096
const pointBytes = 65
const authBytes = 16
/** A record less its padding mark and tag, and the header before it. */
export const pushBytesMax = 3_900

/** A new key pair. */
export function makeVapidKeys(): VapidKeys {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' })
  const point = [Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
  return { publicKey: Buffer.concat(point).toString('base64url'), privateKey: d }
}

/** Whether a browser's keys are what they should be. */
export function isPushTarget(target: PushTarget): boolean {
  const point = Buffer.from(target.publicKey, 'base64url')
  return (
    point.length === pointBytes &&
    point[0] === 4 &&
    Buffer.from(target.auth, 'base64url').length === authBytes
  )
}

/** The body of a push. `given` fixes what is random, for tests. */
export function encryptPush(
  text: string,
  target: PushTarget,
  given?: { salt: Buffer; privateKey: Buffer },
): Buffer {
  const pair = createECDH(curve)
  if (given === undefined) pair.generateKeys()
  else pair.setPrivateKey(given.privateKey)
  const salt = given?.salt ?? randomBytes(16)
  const theirs = Buffer.from(target.publicKey, 'base64url')
  const ours = pair.getPublicKey()
  const shared = pair.computeSecret(theirs)
  const hmac = (key: Buffer, ...parts: (string | Buffer)[]): Buffer => {
    const mac = createHmac('sha256', key)
    for (const part of parts) mac.update(part)
    return mac.digest()
  }
  const one = Buffer.from([1])
  const first = hmac(Buffer.from(target.auth, 'base64url'), shared)
  const material = hmac(first, 'WebPush: info\0', theirs, ours, one)
  const second = hmac(salt, material)
  const key = hmac(second, 'Content-Encoding: aes128gcm\0', one).subarray(0, 16)
  const nonce = hmac(second, 'Content-Encoding: nonce\0', one).subarray(0, 12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  // The mark of the last record.
  const plain = Buffer.concat([Buffer.from(text), Buffer.from([2])])
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  const header = Buffer.alloc(21)
  salt.copy(header)
  header.writeUInt32BE(recordBytes, 16)
  header[20] = ours.length
  return Buffer.concat([header, ours, sealed])
}

/** The header `authorization` of a push to `endpoint`. */
export function signVapid(
  keys: VapidKeys,
  of: { endpoint: string; subject: string; nowTimeMs: number },
): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    aud: new URL(of.endpoint).origin,
    exp: Math.floor(of.nowTimeMs / 1_000) + 12 * 3_600,
    sub: of.subject,
  }
  const text = `${encode({ typ: 'JWT', alg: 'ES256' })}.${encode(claims)}`
  const point = Buffer.from(keys.publicKey, 'base64url')
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: keys.privateKey,
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  })
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `vapid t=${text}.${signature.toString('base64url')}, k=${keys.publicKey}`
}
