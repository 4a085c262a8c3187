/** Which addresses are public, as they are and within others. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPrivateAddress, isPublicAddress } from './public-address.ts'

test('addresses of the internet are public, those of machines, networks and clouds are not', () => {
  for (const address of ['1.1.1.1', '93.184.216.34', '172.15.0.1', '172.32.0.1', '2606:4700::1111'])
    assert.equal(isPublicAddress(address), true, address)
  for (const address of [
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'fd00::1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'no address',
  ])
    assert.equal(isPublicAddress(address), false, address)
})

test('a name is what it resolves to, and one that resolves to nothing is judged later', async () => {
  assert.notEqual(await findPrivateAddress('localhost'), undefined)
  assert.equal(await findPrivateAddress('no-such-name.invalid'), undefined)
  assert.equal(await findPrivateAddress('10.0.0.1'), '10.0.0.1')
})
