import type { Socket } from 'node:net';
import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { redisOptions } from './open-redis.ts';
import { classifyRedisError } from './errors.ts';
import { bulk, HOST, INFO, startHostileServer } from '../testing/hostile-server.ts';

// Wall 1, a tenant is hostile: whatever its server sends without being asked, this process goes on with others.

const stack: (() => unknown)[] = [];
afterEach(() => {
  for (const close of stack.splice(0)) close();
});

/** Writes `replies` without end from now on, as fast as they are read. */
function flood(socket: Socket, replies: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(replies));
  };
  socket.on('drain', more);
  setImmediate(more);
}

it.each([':1\r\n', '+\r\n', '$-1\r\n', '-ERR\r\n', '*0\r\n'])(
  'replies %j that no command waits for end the connection, at the first of them',
  async (reply) => {
    const open = new Set<Socket>();
    const port = await startHostileServer(stack, ([command], socket) => {
      if (command !== 'info') return '+OK\r\n';
      open.add(socket.on('close', () => open.delete(socket)));
      flood(socket, reply.repeat(10_000));
      return INFO;
    });
    // The next connection would be flooded, too.
    const redis = new Redis({ ...redisOptions({ host: HOST, port }), retryStrategy: () => null });
    stack.push(() => redis.disconnect());
    const errors: unknown[] = [];
    // Where they come through, nothing else gets a turn.
    redis.on('error', (error) => void (errors.push(error) === 100 && redis.disconnect()));
    const closed = await eventually(() => open.size === 0 && errors.length > 0).then(
      () => true,
      () => false,
    );
    expect({ closed, errors: errors.length }).toEqual({ closed: true, errors: 1 });
    expect(classifyRedisError(errors[0])).toMatchObject({
      reason: 'QueueUnreadable',
      message: expect.stringContaining('replies that no command waits for') as string,
    });
  },
);

it('a server that publishes without end leaves turns to others', async () => {
  const message = `*3\r\n${bulk('message')}${bulk('c')}${bulk('x')}`;
  const port = await startHostileServer(stack, ([command], socket) => {
    if (command === 'info') return INFO;
    if (command !== 'subscribe') return '+OK\r\n';
    flood(socket, message.repeat(10_000));
    return `*3\r\n${bulk('subscribe')}${bulk('c')}:1\r\n`;
  });
  const redis = new Redis(redisOptions({ host: HOST, port }));
  stack.push(() => redis.disconnect());
  let [ofTurn, most, all] = [0, 0, 0];
  redis.on('message', () => {
    all++;
    most = Math.max(most, ++ofTurn);
  });
  const turns = setInterval(() => (ofTurn = 0), 0);
  stack.push(() => clearInterval(turns));
  await redis.subscribe('c');
  await eventually(() => all > 200_000);
  // Two chunks of 64 KiB.
  expect(most).toBeLessThanOrEqual((2 * 65_536) / message.length + 1);
});
