import { beforeEach, describe, expect, it } from 'vitest';
import { createLog } from './log.ts';
import { OutageLog } from './outage-log.ts';

let nowMs = 0;
let lines: string[] = [];
let outages: OutageLog;

beforeEach(() => {
  nowMs = 0;
  lines = [];
  const log = createLog(
    'info',
    () => 0,
    (line) => lines.push(line),
  );
  outages = new OutageLog(log, () => nowMs);
});

interface Line {
  msg: string;
  queue?: string;
  error?: string | { message: string };
  repeated?: number;
  awayMs?: number;
}

/** The message of each line so far, with its error. */
function said(): string[] {
  return lines.splice(0).map((line) => {
    const { msg, error, queue, repeated, awayMs } = JSON.parse(line) as Line;
    const text = typeof error === 'object' ? error.message : error;
    return [msg, queue, text, repeated, awayMs].filter((each) => each !== undefined).join(' | ');
  });
}

const refused = (queue: string): void => {
  outages.warn('worker error', { queue, error: 'connect ECONNREFUSED 10.0.0.7:6379' });
};

describe('while Redis is away', () => {
  it('says once that it is lost, why, and that it is back, however long it takes', () => {
    outages.connected();
    outages.lost();
    for (; nowMs < 600_000; nowMs += 500) {
      outages.warn('Redis error', { error: 'connect ECONNREFUSED 10.0.0.7:6379' });
      for (const queue of ['a', 'b']) refused(queue);
      outages.warn('cannot fetch jobs; trying again', { queue: 'a', error: new Error('Connection is closed.') });
      outages.lost();
    }
    outages.connected();
    expect(said()).toEqual([
      'connected to Redis',
      'lost the connection to Redis; reconnecting',
      'Redis error | connect ECONNREFUSED 10.0.0.7:6379',
      'connected to Redis | 600000',
    ]);
  });

  it('says each other reason once, although its text counts the attempts', () => {
    for (const ms of [50, 100, 150]) {
      outages.warn('Redis error', { error: `All sentinels are unreachable. Retrying from scratch after ${ms}ms.` });
      outages.warn('Redis error', { error: new Error('WRONGPASS invalid username-password pair') });
    }
    expect(said()).toEqual([
      'Redis error | All sentinels are unreachable. Retrying from scratch after 50ms.',
      'Redis error | WRONGPASS invalid username-password pair',
    ]);
  });

  it('says it all again in the next outage', () => {
    for (const _ of [1, 2]) {
      outages.connected();
      outages.lost();
      refused('a');
    }
    expect(said().filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(2);
  });
});

describe('while Redis is connected', () => {
  beforeEach(() => {
    outages.connected();
    said();
  });

  it('says different failures of different queues, and the same ones once a minute, with how many there were', () => {
    const full = new Error("OOM command not allowed when used memory > 'maxmemory'");
    const fetch = (): void => outages.warn('cannot fetch jobs; trying again', { queue: 'a', error: full });
    for (; nowMs <= 60_000; nowMs += 1_000) fetch();
    outages.warn('worker error', { queue: 'a', error: 'could not renew lock for job 1' });
    outages.warn('worker error', { queue: 'a', error: 'could not renew lock for job 2' });
    outages.warn('cannot fetch jobs; trying again', { queue: 'b', error: full });
    expect(said()).toEqual([
      `cannot fetch jobs; trying again | a | ${full.message}`,
      `cannot fetch jobs; trying again | a | ${full.message} | 59`,
      'worker error | a | could not renew lock for job 1',
      'worker error | a | could not renew lock for job 2',
      `cannot fetch jobs; trying again | b | ${full.message}`,
    ]);
  });

  it('leaves it to the connection to say that a connection has ended', () => {
    outages.warn('worker error', { queue: 'a', error: 'read ECONNRESET' });
    outages.lost();
    expect(said()).toEqual(['lost the connection to Redis; reconnecting']);
  });
});
