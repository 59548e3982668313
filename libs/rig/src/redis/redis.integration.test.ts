import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startRedis, type RedisServer } from './redis.ts';

/** Sends inline commands and returns the first reply to each, joined. */
function ask(redis: RedisServer, ...commands: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(redis.port, redis.host, () => socket.write(`${[...commands, 'QUIT'].join('\r\n')}\r\n`));
    let reply = '';
    socket.on('data', (chunk) => (reply += chunk.toString()));
    socket.on('close', () => resolve(reply));
    socket.on('error', reject);
  });
}

it('serves on a port of its own, beside others', async () => {
  await using one = await startRedis();
  await using two = await startRedis();
  expect(one.port).not.toBe(two.port);
  expect(await ask(one, 'PING')).toContain('+PONG');
  expect(await ask(two, 'PING')).toContain('+PONG');
});

it('asks for the password it was given', async () => {
  await using redis = await startRedis({ password: 'p' });
  expect(await ask(redis, 'PING')).toContain('-NOAUTH');
  expect(await ask(redis, 'AUTH p', 'PING')).toContain('+PONG');
});

it('comes back after a crash on the same port with what it had persisted', async () => {
  await using redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  await ask(redis, 'SET kept yes');
  const before = redis.pid;
  await redis.kill9();
  await expect(ask(redis, 'PING')).rejects.toThrow('ECONNREFUSED');
  await redis.restart();
  expect(redis.pid).not.toBe(before);
  expect(await ask(redis, 'GET kept')).toContain('yes');
});
