import { openRedis, type RedisTarget } from '@redis-queue/bullmq';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startProcess, startRedis, startSilentProxy, type RedisServer } from '@redis-queue/rig';
import { BUS_ACL_RULES, BUS_PREFIX, BUS_QUEUE } from './connection.ts';
import { createConsumer, type ConsumerObserver, type DecisionHandler } from './consumer.ts';
import { SCHEMA_VERSION, type ScalingDecision } from './decision.ts';
import { createPublisher } from './publisher.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const redis = openRedis(bus());
  await redis.flushall();
  redis.disconnect();
});

const bus = () => ({ host: server.host, port: server.port });

function decision(pool: string, sequence: number, change: Partial<ScalingDecision> = {}): ScalingDecision {
  return {
    schemaVersion: SCHEMA_VERSION,
    pool: { namespace: 'default', name: pool, uid: `uid-${pool}`, generation: 1 },
    epoch: 1,
    sequence,
    sampledAt: 0,
    expiresAt: Date.now() + 60_000,
    currentReplicas: 0,
    desiredReplicas: sequence,
    reason: 'test',
    signals: [],
    confidence: 1,
    ...change,
  };
}

/** A consumer that notes what it was handed, and what its observer was called with. */
function consumer(handler: DecisionHandler = async () => {}, concurrency?: number, redis: RedisTarget = bus()) {
  const seen: ScalingDecision[] = [];
  const dropped: string[] = [];
  const failed: Error[] = [];
  const observer: ConsumerObserver = {
    dropped: (reason) => dropped.push(reason),
    failed: (error) => failed.push(error),
  };
  const running = createConsumer({
    redis,
    observer,
    ...(concurrency ? { concurrency } : {}),
    handler: async (each, context) => {
      seen.push(each);
      await handler(each, context);
    },
  });
  const last = (pool: string) => seen.findLast((each) => each.pool.name === pool)?.sequence;
  return { seen, dropped, failed, last, [Symbol.asyncDispose]: () => running.close() };
}

const sequencesOf = (decisions: ScalingDecision[]) => decisions.map((each) => each.sequence);

async function promoteAll() {
  const queue = new Queue(BUS_QUEUE, { prefix: BUS_PREFIX, connection: bus(), skipMetasUpdate: true });
  await queue.promoteJobs();
  await queue.close();
}

async function jobCounts() {
  const queue = new Queue(BUS_QUEUE, { prefix: BUS_PREFIX, connection: bus(), skipMetasUpdate: true });
  const counts = await queue.getJobCounts('delayed', 'wait', 'active', 'completed', 'failed');
  await queue.close();
  return counts;
}

it.each([0, 3])(
  'a user with just the ACL of the docs can publish and consume in database %i, and reach nothing else',
  async (db) => {
    const admin = openRedis(bus());
    await admin.call('ACL', 'SETUSER', 'bus', 'reset', 'on', '>pw', ...BUS_ACL_RULES.split(' '));
    await admin.acl('LOG', 'RESET');
    const redis = { ...bus(), username: 'bus', password: 'pw', db };
    {
      await using publisher = createPublisher({ redis });
      await using worker = consumer(undefined, undefined, redis);
      for (let sequence = 1; sequence <= 3; sequence++) await publisher.publish(decision('a', sequence));
      await eventually(() => worker.last('a') === 3);
    }
    expect(await admin.acl('LOG')).toEqual([]);
    const confined = openRedis(redis);
    await expect(confined.get('bull:emails:meta')).rejects.toThrow(/NOPERM/);
    await expect(confined.flushall()).rejects.toThrow(/NOPERM/);
    confined.disconnect();
    admin.disconnect();
  },
);

it('a decision goes to no other database than the one that is named, and is taken from none', async () => {
  const admin = openRedis(bus());
  const rules = BUS_ACL_RULES.replace(' +select', '').split(' ');
  await admin.call('ACL', 'SETUSER', 'confined', 'reset', 'on', '>pw', ...rules);
  for (const redis of [
    { ...bus(), db: 99 },
    { ...bus(), username: 'confined', password: 'pw', db: 3 },
  ]) {
    await using publisher = createPublisher({ redis });
    expect(await publisher.publish(decision('a', 1)).catch(() => 'refused')).toBe('refused');
    expect(await admin.keys('*')).toEqual([]);
    const confined = openRedis(redis);
    await expect(confined.get('redis-queue:x')).rejects.toThrow(/NOPERM|out of range/);
    confined.disconnect();
  }
  admin.disconnect();
});

describe('the newest decision of a pool wins', () => {
  it('only the newest of those published while no consumer ran is delivered', async () => {
    await using publisher = createPublisher({ redis: bus() });
    for (let sequence = 1; sequence <= 5; sequence++) await publisher.publish(decision('a', sequence));
    await using worker = consumer();
    await eventually(() => worker.last('a') === 5);
    expect(sequencesOf(worker.seen)).toEqual([5]);
  });

  it('one published while an older one is handled is delivered after it', async () => {
    await using publisher = createPublisher({ redis: bus() });
    const gate = Promise.withResolvers<void>();
    await using worker = consumer((each) => (each.sequence === 1 ? gate.promise : Promise.resolve()));
    await publisher.publish(decision('a', 1));
    await eventually(() => worker.last('a') === 1);
    await publisher.publish(decision('a', 2));
    await publisher.publish(decision('a', 3));
    gate.resolve();
    await eventually(() => worker.last('a') === 3);
    expect(sequencesOf(worker.seen)).toEqual([1, 3]);
  });

  it('one published behind a backlog replaces the older one that already waits', async () => {
    await using publisher = createPublisher({ redis: bus() });
    await publisher.publish(decision('a', 1));
    // Any consumer's fetch promotes what is due; from then on deduplication alone would drop the newer decision.
    await promoteAll();
    await publisher.publish(decision('a', 2));
    await publisher.publish(decision('a', 3));
    await using worker = consumer();
    await eventually(() => worker.last('a') === 3);
    expect(sequencesOf(worker.seen)).toEqual([3]);
  });

  it('holds for every pool when a hundred pools are decided on many times at once', async () => {
    await using publisher = createPublisher({ redis: bus() });
    await using worker = consumer(undefined, 2);
    const pools = Array.from({ length: 100 }, (_, index) => `pool-${index}`);
    for (let sequence = 1; sequence <= 10; sequence++) {
      await Promise.all(pools.map((pool) => publisher.publish(decision(pool, sequence))));
    }
    await eventually(() => pools.every((pool) => worker.last(pool) === 10), { description: 'all pools at the newest' });
    expect(worker.failed).toEqual([]);
  });
});

describe('faults', () => {
  it('the same decision published twice is delivered once', async () => {
    await using publisher = createPublisher({ redis: bus() });
    await using worker = consumer();
    await publisher.publish(decision('a', 1));
    await eventually(() => worker.last('a') === 1);
    await publisher.publish(decision('a', 1));
    await publisher.publish(decision('b', 1));
    await eventually(() => worker.last('b') === 1);
    expect(worker.seen).toHaveLength(2);
  });

  it('a decision whose handler threw comes again, or a newer one in its place', async () => {
    await using publisher = createPublisher({ redis: bus() });
    let down = true;
    await using worker = consumer(async () => {
      if (down) throw new Error('API server away');
    });
    await publisher.publish(decision('a', 1));
    await eventually(() => worker.failed.length > 0);
    await publisher.publish(decision('a', 2));
    await eventually(() => worker.last('a') === 2);
    down = false;
    const before = worker.seen.length;
    await eventually(() => worker.seen.length > before || worker.seen.at(-1)?.sequence === 2);
    await eventually(async () => (await jobCounts())['failed'] === 0 && (await jobCounts())['delayed'] === 0);
    expect(worker.last('a')).toBe(2);
  });

  it('a consumer that is killed with a decision in progress delays the newest by seconds only', async () => {
    await using publisher = createPublisher({ redis: bus() });
    const code = `
      import { createConsumer } from ${JSON.stringify(import.meta.resolve('./consumer.ts'))};
      createConsumer({
        redis: ${JSON.stringify(bus())},
        handler: () => {
          process.stdout.write('in hand\\n');
          return new Promise(() => {});
        },
      });
    `;
    const dying = startProcess('node', ['--input-type=module', '-e', code]);
    await publisher.publish(decision('a', 1));
    await dying.waitForLine(/in hand/);
    await dying.stop('SIGKILL');
    await publisher.publish(decision('a', 2));
    await using worker = consumer();
    await eventually(() => worker.last('a') === 2, { timeoutMs: 15_000, description: 'the newest decision' });
    expect(worker.seen.every((each) => each.sequence === 2)).toBe(true);
  });

  it('reports how many decisions are not acted on yet', async () => {
    await using publisher = createPublisher({ redis: bus() });
    await publisher.publish(decision('a', 1));
    await publisher.publish(decision('a', 2));
    await publisher.publish(decision('b', 1));
    expect(await publisher.unread()).toBe(2);
    await using worker = consumer();
    await eventually(async () => (await publisher.unread()) === 0);
    expect(worker.last('a')).toBe(2);
  });

  it('an expired decision is dropped by the time of Redis', async () => {
    await using publisher = createPublisher({ redis: bus() });
    const nowMs = await publisher.timeMs();
    await publisher.publish(decision('a', 1, { expiresAt: nowMs }));
    await publisher.publish(decision('b', 1, { expiresAt: nowMs + 60_000 }));
    await using worker = consumer();
    await eventually(() => worker.last('b') === 1 && worker.dropped.length === 1);
    expect(worker.dropped).toEqual(['expired']);
  });

  it('what is no decision of ours is dropped by reason and does not block the next', async () => {
    const queue = new Queue(BUS_QUEUE, { prefix: BUS_PREFIX, connection: bus() });
    await queue.add('decision', { ...decision('a', 1), schemaVersion: '2.0' });
    await queue.add('decision', { schemaVersion: '1.0' });
    await queue.close();
    await using publisher = createPublisher({ redis: bus() });
    await publisher.publish(decision('b', 1));
    await using worker = consumer();
    await eventually(() => worker.last('b') === 1 && worker.dropped.length === 2);
    expect(worker.dropped.toSorted()).toEqual(['malformed', 'unknown-version']);
  });

  it('a publisher refuses to send what no consumer could read', async () => {
    await using publisher = createPublisher({ redis: bus() });
    await expect(publisher.publish(decision('a', -1))).rejects.toThrow('sequence');
  });

  it('keeps a bounded number of past decisions', async () => {
    await using publisher = createPublisher({ redis: bus() });
    await using worker = consumer();
    for (let sequence = 1; sequence <= 120; sequence++) await publisher.publish(decision(`p${sequence}`, sequence));
    await eventually(() => worker.seen.length === 120);
    await eventually(async () => (await jobCounts())['wait'] === 0 && (await jobCounts())['active'] === 0);
    expect((await jobCounts())['completed']).toBe(100);
  });
});

describe('an outage of the bus', () => {
  it('publishing fails fast and says so, and both sides go on by themselves afterwards', async () => {
    await using own = await startRedis();
    const redis = { host: own.host, port: own.port };
    await using publisher = createPublisher({ redis, timeoutMs: 1_000 });
    const seen: number[] = [];
    const running = createConsumer({ redis, handler: async (each) => void seen.push(each.sequence) });
    await publisher.publish(decision('a', 1));
    await eventually(() => seen.includes(1));
    await own.kill9();
    await expect(publisher.publish(decision('a', 2))).rejects.toThrow(/within|retries|closed|ECONN/);
    await expect(publisher.timeMs()).rejects.toThrow(/within|retries|closed|ECONN/);
    await own.restart();
    let sequence = 2;
    await eventually(async () => {
      await publisher.publish(decision('a', ++sequence));
      return true;
    });
    await eventually(() => seen.at(-1) === sequence, { description: 'the newest decision after the outage' });
    await running.close();
  });

  it('both sides go on within seconds after the bus fell silent without a word', async () => {
    await using own = await startRedis();
    await using proxy = await startSilentProxy(own.port);
    const redis = { host: proxy.host, port: proxy.port };
    await using publisher = createPublisher({ redis });
    await using direct = createPublisher({ redis: { host: own.host, port: own.port } });
    const seen: number[] = [];
    const running = createConsumer({ redis, handler: async (each) => void seen.push(each.sequence) });
    await publisher.publish(decision('a', 1));
    await eventually(() => seen.includes(1));
    proxy.silenceConnections();
    await direct.publish(decision('a', 2));
    await eventually(() => seen.includes(2), { timeoutMs: 20_000, description: 'the consumer to come back' });
    expect(
      await eventually(() => publisher.timeMs(), { timeoutMs: 20_000, description: 'the publisher to come back' }),
    ).toBeGreaterThan(0);
    await running.close();
  });

  it('a publisher that never reached Redis rejects instead of hanging', async () => {
    const own = await startRedis();
    await own.kill9();
    await using publisher = createPublisher({ redis: { host: own.host, port: own.port }, timeoutMs: 300 });
    await expect(publisher.publish(decision('a', 1))).rejects.toThrow(/within 300 ms|connect|closed|retries/i);
    await own.stop();
  });

  it.each(['never reached', 'lost'])('a consumer that has %s Redis closes within seconds', async (how) => {
    const own = await startRedis();
    if (how === 'never reached') await own.kill9();
    let errors = 0;
    const observer: ConsumerObserver = { connectionError: () => errors++ };
    const running = createConsumer({ redis: { host: own.host, port: own.port }, handler: async () => {}, observer });
    if (how === 'lost') await own.kill9();
    await eventually(() => errors > 0);
    const startedMs = performance.now();
    await running.close();
    expect(performance.now() - startedMs).toBeLessThan(8_000);
    await own.stop();
  });
});
