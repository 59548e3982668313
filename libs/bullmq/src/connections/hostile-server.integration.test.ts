import { eventually } from '@redis-queue/rig';
import { afterEach, expect, it } from 'vitest';
import { RedisConnections } from './connections.ts';
import { classifyRedisError } from './errors.ts';
import { sampleFinished } from '../sampling/finished.ts';
import { sampleHolders } from '../sampling/holders.ts';
import { bulk, HOST, INFO, startHostileServer } from '../testing/hostile-server.ts';
import { readQueuePolicy } from '../policy/policy.ts';
import { sampleQueues } from '../sampling/sample.ts';
import { readServerInfo } from './server.ts';
import type { RedisTarget } from './target.ts';
import { sampleUsage } from '../sampling/usage.ts';
import { QueueWakeups } from '../sampling/wakeups.ts';

// Wall 1, a tenant is hostile: a Secret may name any server. What that sends fails the command of its own queue, by a
// name, and neither ends this process nor sets its memory. Vitest fails a file in which an exception is not caught.

const stack: (() => unknown)[] = [];
afterEach(() => {
  for (const close of stack.splice(0)) close();
});

const startServer = (answer: Parameters<typeof startHostileServer>[1]): Promise<number> =>
  startHostileServer(stack, answer);

function connect(target: RedisTarget) {
  const connections = new RedisConnections();
  stack.push(() => connections.close());
  return connections.get(target);
}

const reasonOf = async (call: Promise<unknown>): Promise<string> =>
  await call.then(
    () => 'none',
    (error: unknown) => classifyRedisError(error).reason,
  );

const REPLIES = {
  'a text of 500 MB': '$500000000\r\n',
  'an array of more elements than an array can have': '*9999999999\r\n',
  'arrays nested deep': '*1\r\n'.repeat(100_000),
  'many arrays of a million': '*1000000\r\n'.repeat(1_000),
  'errors without number': `*415000\r\n${'-\r\n'.repeat(415_000)}`,
  'texts of none without number': `*340000\r\n${'$0\r\n\r\n'.repeat(340_000)}`,
  'a line without end': `+${'x'.repeat(100_000)}`,
  'a length that is none': '*x\r\n',
  'a page of a web server': 'HTTP/1.1 400 Bad Request\r\n\r\n',
};

it.each(Object.entries(REPLIES))('%s fails the command, and the next connection works', async (_, reply) => {
  let hostile = true;
  const port = await startServer(([command]) => {
    if (command === 'info') return INFO;
    return command === 'get' && hostile ? reply : '+OK\r\n';
  });
  const redis = connect({ host: HOST, port });
  const before = process.memoryUsage.rss();
  expect(await reasonOf(redis.get('key'))).toBe('QueueUnreadable');
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1_048_576);
  hostile = false;
  expect(await redis.get('key')).toBe('OK');
});

it('a reply that is larger than was announced bit by bit is not read to its end', async () => {
  const port = await startServer(([command]) => (command === 'info' ? INFO : `*500000\r\n${bulk('x'.repeat(50_000))}`));
  const redis = connect({ host: HOST, port });
  const error: unknown = await redis.get('key').catch((thrown: unknown) => thrown);
  expect(classifyRedisError(error)).toMatchObject({
    reason: 'QueueUnreadable',
    message: expect.stringContaining('larger than what redis-queue reads (4 MiB, 150,000 elements)') as string,
  });
});

/** What may stand where something else is expected. */
const ODD = [
  '*-1\r\n',
  '$-1\r\n',
  '*0\r\n',
  ':5\r\n',
  '*1\r\n:5\r\n',
  '*1\r\n*-1\r\n',
  '*2\r\n$-1\r\n$-1\r\n',
  bulk('abc'),
  '+\r\n',
  '-\r\n',
];

it.each(ODD)('%j in reply to whatever is asked fails the commands', async (reply) => {
  for (const first of [reply, INFO]) {
    const port = await startServer(([command]) => (command === 'info' ? first : reply));
    const address = { host: HOST, port };
    const ref = { prefix: 'bull', name: 'q' };
    const woken: unknown[] = [];
    const errors: unknown[] = [];
    const wakeups = new QueueWakeups(address, { onError: (error) => errors.push(error) });
    stack.push(() => wakeups.close());
    void wakeups.watch(ref, (queue) => woken.push(queue));
    const sentinels = { sentinels: [address], masterName: 'main' };
    for (const target of [address, { ...address, password: 'x', db: 2 }, sentinels, { ...address, cluster: true }]) {
      const redis = connect(target);
      const late = new Promise((resolve) => setTimeout(resolve, 300, 'late').unref());
      const outcomes = await Promise.all(
        [sampleQueues(redis, [ref]), readServerInfo(redis)].map((call) => Promise.race([reasonOf(call), late])),
      );
      expect(outcomes[0]).not.toBe('none');
    }
  }
});

it.each(ODD)('%j in reply to what is read of queues and pools is none of what was asked for', async (reply) => {
  const port = await startServer(([command]) => (command === 'info' || command === 'client' ? INFO : reply));
  const redis = connect({ host: HOST, port });
  const ref = { prefix: 'bull', name: 'q' };
  const readings = [readQueuePolicy(redis, ref), sampleHolders(redis, [ref]), sampleFinished(redis, ref)];
  const reason = reply === '-\r\n' ? 'RedisError' : 'QueueUnreadable';
  expect(await Promise.all(readings.map(reasonOf))).toEqual([reason, reason, reason]);
  const place = { queue: ref, namespace: 'shop', pool: 'mail' };
  expect(await sampleUsage(redis, [place])).toEqual([[]]);
});

it.each([
  ['a range without end', '*1\r\n*3\r\n:0\r\n:9007199254740991\r\n*2\r\n$9\r\n127.0.0.1\r\n:6379\r\n'],
  ['no ranges', '*1\r\n*-1\r\n'],
  ['nodes that are none', '*1\r\n*3\r\n:0\r\n:5\r\n*-1\r\n'],
  [
    'more nodes than any Cluster has',
    `*1\r\n*5002\r\n:0\r\n:5\r\n${Array.from({ length: 5_000 }, (_, n) => `*2\r\n$9\r\n127.0.0.1\r\n:${n + 1}\r\n`).join('')}`,
  ],
])('a node of a Cluster that answers with %s fails the command', async (_, slots) => {
  const port = await startServer(([command]) => (command === 'cluster' ? slots : INFO));
  const redis = connect({ host: HOST, port, cluster: true });
  expect(await reasonOf(redis.get('key'))).toBe('QueueUnreadable');
});

it('a Cluster of as many nodes as are let in counts as many connections of its namespace', async () => {
  let port = 0;
  // Each at an address of its own, where it answers: ioredis drops a node that it cannot reach.
  const node = (n: number): string => `*2\r\n${bulk(`127.0.${1 + (n >> 7)}.${1 + (n & 127)}`)}:${port}\r\n`;
  const slots = (): string =>
    `*1\r\n*402\r\n:0\r\n:16383\r\n${Array.from({ length: 400 }, (_, n) => node(n)).join('')}`;
  port = await startHostileServer(stack, ([command]) => (command === 'cluster' ? slots() : INFO), '0.0.0.0');
  const shares: string[] = [];
  const connections = new RedisConnections({
    limits: { total: 512, perServer: 128, perNamespace: 64 },
    onShareUsedUp: (outcome) => shares.push(outcome),
  });
  stack.push(() => connections.close());
  for (const username of ['a', 'b']) {
    const waiting = new AbortController();
    const use = { namespace: 'bad', signal: waiting.signal };
    void connections
      .use({ host: HOST, port, cluster: true, username }, use, (redis) => redis.get('key'))
      .catch(() => {});
    waiting.abort();
  }
  expect([connections.size, shares]).toEqual([2, []]);
  // Once they say how many nodes they have, they are more than a namespace may have.
  await eventually(() => shares.length === 1, { description: 'one to be closed for the other' });
  expect([connections.size, shares]).toEqual([1, ['closed']]);
});

it('a Cluster of more nodes than its namespace has room for fails its own command, which waits for its turn', async () => {
  const nodes = Array.from({ length: 500 }, (_, n) => `*2\r\n${bulk(HOST)}:${n + 1}\r\n`).join('');
  const port = await startServer(([command]) =>
    command === 'cluster' ? `*1\r\n*502\r\n:0\r\n:16383\r\n${nodes}` : INFO,
  );
  const connections = new RedisConnections({ limits: { total: 512, perServer: 128, perNamespace: 64 } });
  stack.push(() => connections.close());
  const single = await startServer(([command]) => (command === 'info' ? INFO : '+PONG\r\n'));
  const waiting = Promise.withResolvers<string>();
  const used = Array.from({ length: 2 }, (_, n) =>
    connections.use({ host: HOST, port: single, username: `u${n}` }, { namespace: 'bad' }, () => waiting.promise),
  );
  const cluster = connections.use({ host: HOST, port, cluster: true }, { namespace: 'bad' }, (redis) =>
    redis.get('key'),
  );
  expect(await reasonOf(cluster)).toBe('WaitingForTurn');
  expect(connections.size).toBe(2);
  waiting.resolve('kept');
  expect(await Promise.all(used)).toEqual(['kept', 'kept']);
});

it.each(['__proto__', 'length', '-1', '9007199254740991'])(
  'a redirection to the slot %s changes nothing',
  async (slot) => {
    let port = 0;
    const slots = (): string => `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n${bulk(HOST)}:${port}\r\n`;
    port = await startServer(([command]) => {
      if (command === 'cluster') return slots();
      return command === 'get' ? `-MOVED ${slot} ${HOST}:${port}\r\n` : INFO;
    });
    const redis = connect({ host: HOST, port, cluster: true });
    const plain = Object.getOwnPropertyNames(Array.prototype);
    try {
      expect(await reasonOf(redis.get('key'))).not.toBe('none');
      expect(Object.getOwnPropertyNames(Array.prototype)).toEqual(plain);
    } finally {
      Reflect.deleteProperty(Array.prototype, 0);
    }
  },
);

it('a Sentinel that names as many others as fit into a reply is asked on', async () => {
  const named = `*4\r\n$2\r\nip\r\n$4\r\nhost\r\n$4\r\nport\r\n`;
  const others = Array.from({ length: 29_000 }, (_, n) => `${named}${bulk(String(10_000 + n))}`);
  let primary = 0;
  const sentinel = await startServer(([command, sub]) => {
    if (command !== 'sentinel') return '+OK\r\n';
    if (sub === 'sentinels') return `*${others.length}\r\n${others.join('')}`;
    return `*2\r\n${bulk(HOST)}${bulk(String(primary))}`;
  });
  primary = await startServer(([command]) => (command === 'info' ? INFO : '+OK\r\n'));
  const redis = connect({ sentinels: [{ host: HOST, port: sentinel }], masterName: 'main' });
  const from = performance.now();
  await eventually(async () => (await redis.get('key').catch(() => '')) === 'OK');
  expect(performance.now() - from).toBeLessThan(20_000);
});

it('a server that reports changes without end is asked once at a time', async () => {
  let [asked, unanswered, most] = [0, 0, 0];
  const flood = `*3\r\n${bulk('message')}${bulk('__redis__:invalidate')}*1\r\n${bulk('bull:q:wait')}`.repeat(200);
  const flushes = `*3\r\n${bulk('message')}${bulk('__redis__:invalidate')}*-1\r\n`.repeat(200);
  const port = await startServer(([command, sub], socket) => {
    if (command === 'info') return INFO;
    if (command === 'client') return sub === 'id' ? ':7\r\n' : '+OK\r\n';
    if (command === 'subscribe') {
      const flooding = setInterval(() => socket.write(flood + flushes), 5);
      stack.push(() => clearInterval(flooding));
      return `*3\r\n${bulk('subscribe')}${bulk('__redis__:invalidate')}:1\r\n`;
    }
    if (command !== 'evalsha_ro') return '+PONG\r\n';
    asked++;
    most = Math.max(most, ++unanswered);
    setTimeout(() => {
      unanswered--;
      socket.write('*1\r\n*4\r\n:0\r\n:0\r\n:0\r\n:0\r\n');
    }, 50);
    return '';
  });
  const wakeups = new QueueWakeups({ host: HOST, port });
  stack.push(() => wakeups.close());
  await eventually(() => wakeups.live);
  let woken = 0;
  void wakeups.watch({ prefix: 'bull', name: 'q' }, () => woken++);
  await eventually(() => asked >= 10 && woken > 1_000);
  // One because it changed, one because all were flushed, one of the watch itself.
  expect(most).toBeLessThanOrEqual(3);
});
