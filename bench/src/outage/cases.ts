import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { eventually, type RedisServer } from '@redis-queue/rig';
import type { OutageStand } from './stand.ts';

export interface OutageCase {
  readonly name: string;
  /** Absent: as long as the caller asks for. */
  readonly seconds?: number;
  /** The pool is at zero and only the burst is added. Otherwise it runs with a steady load. */
  readonly atZero?: boolean;
  /** When the load rises: while something is gone, or when it is back, because before that nobody could add a job. */
  readonly burst: 'during' | 'after';
  strike(stand: OutageStand): Promise<void>;
  /** Resolves when what was gone is back. */
  recover(stand: OutageStand): Promise<void>;
}

const nothing = (): Promise<void> => Promise.resolve();
const HOUR_MS = 3_600_000;

/** The reference: the same load, and nothing is wrong. */
export const UNDISTURBED = 'undisturbed';

/** What is tried, in this order. The first shows the size that the policy gives to the load when nothing is wrong. */
export const OUTAGE_CASES: readonly OutageCase[] = [
  { name: UNDISTURBED, seconds: 1, burst: 'after', strike: nothing, recover: nothing },
  { name: 'queues-stopped', burst: 'after', ...stopped(({ queues }) => queues) },
  { name: 'queues-killed', burst: 'after', ...killed(({ queues }) => queues) },
  { name: 'bus-stopped', burst: 'during', ...stopped(({ bus }) => bus) },
  { name: 'bus-killed', burst: 'during', ...killed(({ bus }) => bus) },
  {
    name: 'autoscaler-killed',
    burst: 'during',
    strike: async ({ autoscaler }) => void (await autoscaler.stop('SIGKILL')),
    recover: (stand) => stand.startAutoscaler(),
  },
  { name: 'clocks-forward', seconds: 1, burst: 'after', strike: nothing, recover: jump(HOUR_MS) },
  { name: 'clocks-back', seconds: 1, burst: 'after', strike: nothing, recover: jump(0) },
  {
    name: 'invalidations-cut',
    seconds: 1,
    atZero: true,
    burst: 'after',
    strike: nothing,
    recover: async ({ queues }) => {
      const redis = open(queues);
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      redis.disconnect();
    },
  },
];

/** The server answers nobody, and its connections stand. */
function stopped(server: (stand: OutageStand) => RedisServer): Pick<OutageCase, 'strike' | 'recover'> {
  return {
    strike: (stand) => Promise.resolve(void process.kill(server(stand).pid, 'SIGSTOP')),
    recover: async (stand) => {
      process.kill(server(stand).pid, 'SIGCONT');
      await answers(server(stand));
    },
  };
}

/** The server is gone and comes back with its data. */
function killed(server: (stand: OutageStand) => RedisServer): Pick<OutageCase, 'strike' | 'recover'> {
  return {
    strike: (stand) => server(stand).kill9(),
    recover: async (stand) => {
      await server(stand).restart();
      await answers(server(stand));
    },
  };
}

/** The clock of the bus's Redis and the wall clocks of both apps jump. */
function jump(aheadMs: number): OutageCase['recover'] {
  return async ({ busClock, controller, autoscaler }) => {
    busClock.setAheadMs(aheadMs);
    for (const { pid } of [controller, autoscaler]) process.kill(pid, 'SIGUSR2');
    await sleep(10); // a signal is taken by the event loop
  };
}

async function answers(server: RedisServer): Promise<void> {
  const redis = open(server);
  await eventually(() => redis.ping(), { intervalMs: 5, description: 'Redis to answer again' });
  redis.disconnect();
}

function open({ url }: RedisServer): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  redis.on('error', () => {});
  return redis;
}
