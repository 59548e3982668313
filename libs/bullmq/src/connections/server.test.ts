import { expect, test } from 'vitest';
import { parseServerInfo } from './server.ts';

test.each([
  [
    'redis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n',
    { product: 'redis', version: '7.0.15', tooOld: false, maxmemoryPolicy: 'noeviction', role: 'master' },
  ],
  ['redis_version:6.2.14\r\n', { product: 'redis', version: '6.2.14', tooOld: true }],
  [
    'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n',
    { product: 'valkey', version: '8.0.1', tooOld: false },
  ],
  [`redis_version:${'7'.repeat(1_000)}\r\n`, { product: 'redis', version: '7'.repeat(64), tooOld: false }],
  ['', { product: 'redis', version: '0', tooOld: true }],
])('%j', (info, expected) => {
  expect(parseServerInfo(info)).toEqual(expected);
});
