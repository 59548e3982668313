import { expect, it } from 'vitest';
import { mayWrite, RedisCommands } from './redis-commands.ts';

const command = (...parts: string[]): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;

it('finds the commands in any pieces, whatever their arguments hold', () => {
  const bytes = Buffer.from(command('EVALSHA', '*1\r\n$4\r\nping', 'ü') + command('HGETALL', 'k') + command('ping'));
  for (let size = 1; size <= bytes.length; size++) {
    const commands = new RedisCommands();
    const names: string[] = [];
    for (let at = 0; at < bytes.length; at += size) names.push(...commands.push(bytes.subarray(at, at + size)));
    expect(names).toEqual(['evalsha', 'hgetall', 'ping']);
  }
});

it('takes every command for a write that is not known to read', () => {
  expect(['evalsha', 'hset', 'flushall', 'evalsha_ro', 'hgetall'].map(mayWrite)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
