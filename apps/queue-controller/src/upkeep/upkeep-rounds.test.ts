import { RedisConnections } from '@redis-queue/bullmq';
import { CircuitBreakers, type QueueObject, type SecretSources } from '@redis-queue/redis-access';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { redisProblem } from '../access/redis-problem.ts';
import { resolveConnection } from '../access/connection.ts';
import { ownerOf } from '../ownership/ownership.ts';
import { markOf, queueObject } from '../testing/queues.ts';
import type { Duty, DutyTurn, UpkeepAction } from './duty.ts';
import { UpkeepMetrics } from './metrics.ts';
import { UpkeepReports } from './reports.ts';
import { UpkeepTallies } from './tallies.ts';
import { UpkeepRounds } from './upkeep-rounds.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const EVERY_MS = 5_000;
const hang = (): Promise<never> => new Promise(() => {});
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Each Secret leads to a server of its name. */
const secrets: SecretSources = {
  reader: 'queue-controller',
  permittedSecrets: new Set(['good', 'bad']),
  secret: ({ namespace, name }) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name },
    data: { 'redis-host': btoa(name) },
  }),
};

let queues = 0;
function queueOf(namespace: string, secret = 'good', spec: QueueObject['spec'] = {}): QueueObject {
  const name = `${namespace}-${queues++}`;
  return queueObject({ redis: { secretRef: { name: secret } }, ...spec }, { namespace, name, uid: name });
}

/** Rounds of a duty that does `work`. */
function stage(listed: QueueObject[], work: Duty['work']) {
  const connections = new RedisConnections();
  const reports = new UpkeepReports();
  const events: [string, UpkeepAction, number][] = [];
  const news: string[] = [];
  const duty: Duty = {
    name: 'deadLetters',
    everyMs: EVERY_MS,
    conditions: ['DeadLettersLost', 'UpkeepFailed'],
    wants: () => true,
    work,
  };
  const rounds = new UpkeepRounds(duty, {
    connections,
    resolve: (queue) => resolveConnection(queue, { secrets }),
    ownerOf: (queue) => ownerOf(queue, 'c1'),
    problemOf: (error, target) => redisProblem(error, target, connections),
    assertLeading: () => {},
    breakers: new CircuitBreakers({ now: () => performance.now() }),
    metrics: new UpkeepMetrics(new Registry()),
    reports,
    tallies: new UpkeepTallies(() => performance.now()),
    listQueues: () => listed,
    onNews: ({ name }) => void news.push(name),
    event: ({ metadata }, action, jobs) => void events.push([metadata.name, action, jobs]),
    onRoundFailed: (error) => expect.fail(String(error)),
  });
  const stop = new AbortController();
  const said = (queue: QueueObject) => reports.noticesOf(queue, [duty], undefined).UpkeepFailed;
  return { rounds, run: () => rounds.run(stop.signal), stop, said, events, news };
}

const names = (worked: readonly QueueObject[]): string[] => worked.map(({ metadata }) => metadata.name);
const done = (worked: readonly QueueObject[], { report }: DutyTurn): Promise<void> => {
  for (const queue of worked) report(queue, { dueMs: 0 });
  return Promise.resolve();
};

// Walls 1 to 3.
it('a Redis that hangs delays no round of another, and is tried once at a time', async () => {
  const [good, bad] = [queueOf('shop'), queueOf('crm', 'bad')];
  const begun: string[] = [];
  const { run, stop } = stage([good, bad], (worked, turn) => {
    begun.push(...names(worked));
    return worked.includes(bad) ? hang() : done(worked, turn);
  });
  const running = run();
  await vi.advanceTimersByTimeAsync(5 * EVERY_MS + 1);
  stop.abort();
  await running;
  expect(begun.filter((name) => name === good.metadata.name)).toHaveLength(6);
  expect(begun.filter((name) => name === bad.metadata.name)).toHaveLength(1);
});

it('of one Redis tenants have turns, and who was left out is the first the next time', async () => {
  const many = Array.from({ length: 300 }, () => queueOf('many'));
  const one = queueOf('one');
  const steps: string[][] = [];
  const { run, stop } = stage([...many, one], async (worked, turn) => {
    steps.push(names(worked));
    // Longer than a turn.
    await delay(4_500);
    await done(worked, turn);
  });
  void run();
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS - 1);
  stop.abort();
  expect(steps).toHaveLength(2);
  expect(steps[0]).toHaveLength(200);
  expect(steps[0]!.indexOf(one.metadata.name)).toBeLessThan(2);
  expect(steps[1]!.slice(0, 102)).toEqual(expect.arrayContaining(names(many.slice(199))));
});

it('who waits for over a minute says so', async () => {
  const listed = Array.from({ length: 20 }, () => queueOf('shop'));
  const { run, stop, said } = stage(listed, async (worked, turn) => {
    await delay(4_500);
    // For one the time never suffices.
    await done(
      worked.filter((queue) => queue !== listed[7]),
      turn,
    );
  });
  void run();
  await vi.advanceTimersByTimeAsync(50_000);
  expect(listed.map(said).filter(Boolean)).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  stop.abort();
  expect(listed.map((queue) => said(queue)?.reason)).toEqual(
    listed.map((queue) => (queue === listed[7] ? 'WaitingForTurn' : undefined)),
  );
  expect(said(listed[7]!)?.message).toContain('good:6379');
});

it('what a queue reports decides on its next turn, its conditions and its events', async () => {
  const [idle, wrong] = [queueOf('shop'), queueOf('shop')];
  const rounds: string[][] = [];
  const { run, stop, said, events, news } = stage([idle, wrong], (worked, { report }) => {
    rounds.push(names(worked));
    for (const queue of worked) {
      if (queue === idle) report(queue, { dueMs: 12_000, done: { moved: 2, eventsRemoved: 7 } });
      else report(queue, { dueMs: 0, error: Object.assign(new Error('WRONGTYPE'), { name: 'ReplyError' }) });
    }
    return Promise.resolve();
  });
  void run();
  await vi.advanceTimersByTimeAsync(3 * EVERY_MS + 1);
  stop.abort();
  expect(rounds.map((round) => round.includes(idle.metadata.name))).toEqual([true, false, false, true]);
  expect(said(wrong)).toMatchObject({
    reason: 'QueueUnreadable',
    message: expect.stringMatching(/^dead letters \(spec\.dlqPolicy\) are not seen to: good:6379: /),
  });
  expect(said(idle)).toBeUndefined();
  expect(news).toEqual([wrong.metadata.name]);
  expect(events).toEqual([[idle.metadata.name, 'moved', 2]]);
});

it('a spec that was changed has its turn in the next round', async () => {
  const queue = queueOf('shop');
  const listed = [queue];
  const generations: unknown[] = [];
  const { run, stop } = stage(listed, (worked, { report }) => {
    for (const each of worked) {
      generations.push(each.metadata.generation);
      report(each, { dueMs: 600_000 });
    }
    return Promise.resolve();
  });
  void run();
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS + 1);
  listed[0] = { ...queue, metadata: { ...queue.metadata, generation: 2 } };
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  stop.abort();
  expect(generations).toEqual([1, 2]);
});

it('what ends a turn before any queue had its own is the condition of all of them', async () => {
  const listed = [queueOf('shop'), queueOf('crm')];
  const { run, stop, said } = stage(listed, () => Promise.reject(new Error('LOADING')));
  void run();
  await vi.advanceTimersByTimeAsync(1);
  stop.abort();
  expect(listed.map((queue) => said(queue)?.reason)).toEqual(['RedisBusy', 'RedisBusy']);
});

// As a duty whose writes hang: what has nothing to do is reported, and the rest has no end.
it('what ends turns time and again is the condition of each queue that was not reported, whoever was', async () => {
  const [idle, busy] = [queueOf('shop'), queueOf('shop')];
  let hangs = true;
  const { run, stop, said } = stage([idle, busy], (worked, { report }) => {
    for (const queue of worked) if (queue === idle || !hangs) report(queue, { dueMs: 0 });
    return hangs ? Promise.reject(new Error('LOADING')) : Promise.resolve();
  });
  void run();
  await vi.advanceTimersByTimeAsync(1);
  expect(said(busy)).toBeUndefined();
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect([idle, busy].map((queue) => said(queue)?.reason)).toEqual([undefined, 'RedisBusy']);
  hangs = false;
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect(said(busy)).toBeUndefined();
  stop.abort();
});

it('who has waited for over a minute says so when a turn fails, too', async () => {
  const [first, second] = [queueOf('shop'), queueOf('shop')];
  const LATE = 12;
  let turns = 0;
  const { run, stop, said } = stage([first, second], (_, { report }) => {
    report(first, { dueMs: 0 });
    return turns++ < LATE ? Promise.resolve() : Promise.reject(new Error('LOADING'));
  });
  void run();
  await vi.advanceTimersByTimeAsync(LATE * EVERY_MS - 1);
  expect(said(second)).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2);
  stop.abort();
  expect(said(second)?.reason).toBe('WaitingForTurn');
});

it('a queue whose dead-letter queue was lost is reconciled', async () => {
  const queue = queueOf('shop');
  const { run, stop, news } = stage([queue], (_, { report }) => {
    report(queue, { dueMs: 0, notOwn: true, reconciles: true });
    return Promise.resolve();
  });
  void run();
  await vi.advanceTimersByTimeAsync(1);
  stop.abort();
  expect(news).toEqual([queue.metadata.name]);
});

it('nothing is done for a Queue that only observes or is being deleted, nor under a mark that is not its own', async () => {
  const governed = queueOf('shop');
  const leaving = queueOf('shop');
  leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  const seen: unknown[] = [];
  const { run, stop } = stage(
    [governed, leaving, queueOf('shop', 'good', { adoptionPolicy: 'Observe' })],
    (worked, turn) => {
      const owner = `c1/shop/${governed.metadata.name}`;
      const removal = { fence: 'f', paused: true };
      const marks = [markOf([], owner), markOf([], owner, removal), markOf([], 'c1/shop/other'), '{"v":2}', undefined];
      seen.push(
        names(worked),
        marks.map((mark) => turn.ownMark(governed, mark)?.owner),
      );
      return done(worked, turn);
    },
  );
  void run();
  await vi.advanceTimersByTimeAsync(1);
  stop.abort();
  const owner = `c1/shop/${governed.metadata.name}`;
  expect(seen).toEqual([[governed.metadata.name], [owner, undefined, undefined, undefined, undefined]]);
});
