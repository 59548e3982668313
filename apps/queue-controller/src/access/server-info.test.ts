import type { RedisTls } from '@redis-queue/bullmq';
import { expect, it } from 'vitest';
import { ServerInfoCache } from './server-info.ts';

const INFO = { product: 'redis', version: '7.0.15', tooOld: false, maxmemoryPolicy: 'noeviction' } as const;

it('what a server is, is asked once a minute, and forgotten when nobody asks any more', async () => {
  let nowMs = 0;
  let reads = 0;
  const servers = new ServerInfoCache(() => nowMs);
  const ask = async (host: string): Promise<unknown> =>
    await servers.get({ host, port: 6379 }, () => Promise.resolve(INFO).finally(() => reads++));
  for (let server = 0; server < 100; server++) await ask(`gone-${server}`);
  nowMs = 59_999;
  await ask('gone-99');
  await ask('stays');
  expect([reads, servers.size]).toEqual([101, 101]);
  nowMs = 60_000;
  await ask('another');
  expect([reads, servers.size]).toEqual([102, 2]);
});

it('what one connection says of its server is not taken for what another of the same address leads to', async () => {
  const servers = new ServerInfoCache(() => 0);
  const target = { host: 'gateway', port: 6379 };
  const versionOf = async (tls: RedisTls | undefined, version: string): Promise<string> =>
    (await servers.get({ ...target, ...(tls && { tls }) }, () => Promise.resolve({ ...INFO, version }))).version;
  expect([
    await versionOf(undefined, '7.0.0'),
    await versionOf({ serverName: 'a' }, '7.1.0'),
    await versionOf({ serverName: 'b' }, '7.2.0'),
    await versionOf({ serverName: 'a' }, '7.3.0'),
  ]).toEqual(['7.0.0', '7.1.0', '7.2.0', '7.1.0']);
});
