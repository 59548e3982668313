import type { Job, Worker } from 'bullmq';
import { unusable } from '../bullmq/unusable.ts';

/**
 * A wake-up that BullMQ stores in a queue's `marker`, for whoever waits for work: now, or when a delayed job is due.
 */
export interface Marker {
  member: string;
  score: number;
}

/** What BullMQ's Worker leaves to subclasses, or names differently in its versions, by one name. */
export interface BullmqMembers {
  /** Renews the locks of the jobs that run, until the worker is closed. */
  startLockRenewal(): void;
  /** Has each reply of a script, by the script's name, pass `mend` before BullMQ reads it. */
  mendReplies(mend: (script: string, reply: unknown) => unknown): void;
  /** Takes the queue's next job, if there is one and the limits allow it; the next two say when to take again. */
  take(token: string): Promise<Job | undefined>;
  /**
   * Until when a rate limit keeps everybody from fetching, by the wall clock, as the last fetch, the end of a job or a
   * `RateLimitError` said; 0 when none does.
   */
  limitedUntilMs(): number;
  /** As BullMQ's loop does after it has waited for the limit. */
  forgetLimit(): void;
  /** When the next delayed job is due, by the wall clock, as the last fetch or the end of a job said; 0: none is known. */
  dueAtMs(): number;
  /** Takes a marker off the queue; undefined when none came in time. A wait that Redis never answers ends as well. */
  waitForMarker(seconds: number): Promise<Marker | undefined>;
  /** Ends a `waitForMarker` under way, by its connection. */
  interruptWait(): Promise<void>;
  /** Brings that connection back. */
  reconnectWait(): Promise<void>;
  /**
   * Runs a job in the file of a worker that has one.
   *
   * @returns what kills the process or thread that `run` took for it, which is to be called while it runs.
   */
  inChild(run: () => Promise<unknown>): { ran: Promise<unknown>; kill: () => Promise<void> };
  /** Kills the processes and threads of a worker with a file; BullMQ's own `close` gives them 30 s. */
  killChildren(): void;
}

/**
 * Finds what this library needs of the installed BullMQ beyond its public interface. The only place that knows where
 * versions differ.
 *
 * @param inFile whether the worker runs a file
 * @throws Error when something is not there, with the version, what is tested and the way out: no worker may start on a
 * BullMQ that it cannot hold its jobs with.
 */
export function membersOf(worker: Worker, { inFile = false } = {}): BullmqMembers {
  const untyped: unknown = worker;
  const { needs, members } = isSix(untyped) ? SIX : FIVE;
  const missing = [...BOTH, ...needs, ...(inFile ? IN_FILE : [])].filter((path) => !has(untyped, path));
  if (missing.length > 0) throw unusable(missing.map((path) => `Worker.${path}`));
  return members(untyped as Six & Five);
}

/** How a queue reaches Redis, for the stand-in of one that has none: whatever a job asks of it is refused. */
export function noDatastore(refuse: (method: string) => never): object {
  const asked = new Proxy({}, { get: (_target, method) => () => refuse(String(method)) });
  return { backend: asked, scripts: asked };
}

/** What runs BullMQ's scripts. */
interface Scripts {
  execCommand(client: unknown, script: string, args: unknown[]): Promise<unknown>;
}

interface Child {
  kill(signal: 'SIGKILL'): Promise<void>;
}

/** The parts of a worker that its declarations hide, and that 5 and 6 share. */
interface Shared {
  readonly opts: { readonly name?: string; readonly lockRenewTime?: number };
  readonly lockManager: {
    start(): void;
    readonly closed: boolean;
    /** When each was renewed last, by the wall clock; 0: not yet known. */
    readonly trackedJobs: Map<string, { ts: number }>;
  };
  limitUntil: number;
  readonly blockUntil: number;
  /** Of a worker with a file. */
  readonly childPool?: {
    retain?(file: string): Promise<Child>;
    readonly retained: Record<string, Child>;
    readonly free: Record<string, Child[]>;
  };
}

interface Six extends Shared {
  moveToActive(token: string, name?: string): Promise<Job | undefined>;
  readonly backend: Scripts & {
    waitForJob(seconds: number): Promise<Marker | null>;
    disconnectBlocking(wait: boolean): Promise<void>;
    reconnectBlocking(): Promise<void>;
  };
}

interface Five extends Shared {
  readonly client: Promise<unknown>;
  readonly scripts: Scripts;
  readonly keys: { readonly marker: string };
  moveToActive(client: unknown, token: string, name?: string): Promise<Job | undefined>;
  readonly blockingConnection: {
    readonly client: Promise<{ bzpopmin(key: string, seconds: number): Promise<[string, string, string] | null> }>;
    readonly capabilities: { readonly canDoubleTimeout: boolean };
    disconnect(wait: boolean): Promise<void>;
    reconnect(): Promise<void>;
  };
}

const BOTH = [
  'lockManager.start',
  'lockManager.trackedJobs',
  'limitUntil',
  'blockUntil',
  'moveToActive',
  'createJob',
  'nextJobFromJobData',
  'handleFailed',
  'processJob',
  'processFn',
  'getBlockTimeout',
  'getRateLimitDelay',
  'extendJobLocks',
  'cancelJob',
  'startStalledCheckTimer',
  'handleCompleted',
  'running',
  'mainLoopRunning',
  'createSandbox',
];

/** What a worker with a file has besides. */
const IN_FILE = ['childPool.retained', 'childPool.free'];

const SIX = {
  needs: ['backend.execCommand', 'backend.waitForJob', 'backend.disconnectBlocking', 'backend.reconnectBlocking'],
  members: (worker: Six): BullmqMembers => ({
    ...sharedMembers(worker, worker.backend, async (token) => await worker.moveToActive(token, worker.opts.name)),
    waitForMarker: async (seconds) => (await worker.backend.waitForJob(seconds)) ?? undefined,
    interruptWait: async () => await worker.backend.disconnectBlocking(false),
    reconnectWait: async () => await worker.backend.reconnectBlocking(),
  }),
};

const FIVE = {
  needs: [
    'client',
    'scripts.execCommand',
    'keys.marker',
    'blockingConnection.client',
    'blockingConnection.capabilities',
    'blockingConnection.disconnect',
    'blockingConnection.reconnect',
  ],
  members: (worker: Five): BullmqMembers => {
    const { blockingConnection } = worker;
    return {
      ...sharedMembers(worker, worker.scripts, async (token) => {
        return await worker.moveToActive(await worker.client, token, worker.opts.name);
      }),
      waitForMarker: async (seconds) => await waitForMarkerInFive(worker, seconds),
      interruptWait: async () => await blockingConnection.disconnect(false),
      reconnectWait: async () => await blockingConnection.reconnect(),
    };
  },
};

function sharedMembers(
  worker: Shared,
  scripts: Scripts,
  take: BullmqMembers['take'],
): Omit<BullmqMembers, 'waitForMarker' | 'interruptWait' | 'reconnectWait'> {
  return {
    startLockRenewal: () => {
      worker.lockManager.start();
      renewAlsoWhenTheClockIsSetBack(worker);
    },
    mendReplies: (mend) => {
      const run = scripts.execCommand.bind(scripts);
      scripts.execCommand = async (client, script, args) => mend(script, await run(client, script, args));
    },
    take,
    limitedUntilMs: () => worker.limitUntil,
    forgetLimit: () => (worker.limitUntil = 0),
    dueAtMs: () => worker.blockUntil,
    inChild: (run) => {
      const pool = worker.childPool;
      let child: Promise<Child> | undefined;
      // BullMQ takes it as the first thing it does, before it waits for anything
      const retain = pool?.retain?.bind(pool);
      if (pool && retain) pool.retain = (file) => (child = retain(file));
      try {
        return { ran: run(), kill: async () => await (await child)?.kill('SIGKILL') };
      } finally {
        // its class has it
        if (retain) delete pool?.retain;
      }
    },
    killChildren: () => {
      const { retained = {}, free = {} } = worker.childPool ?? {};
      for (const child of [...Object.values(retained), ...Object.values(free).flat()]) {
        // one that is gone already needs none
        void child.kill('SIGKILL').catch(() => undefined);
      }
    },
  };
}

/**
 * BullMQ renews a lock some time after its last renewal by the wall clock: after one was set back, not until it has
 * caught up. What is renewed in the future counts as renewed long ago.
 */
function renewAlsoWhenTheClockIsSetBack({ lockManager, opts }: Shared): void {
  const check = setInterval(
    () => {
      if (lockManager.closed) clearInterval(check);
      const now = Date.now();
      for (const tracked of lockManager.trackedJobs.values()) if (tracked.ts > now) tracked.ts = 1;
    },
    (opts.lockRenewTime ?? 0) / 2,
  ).unref();
}

/** Redis answers a wait in time, or it is lost: ioredis sends it again on a new connection, without an end. */
const ANSWER_MS = 1_000;

/** What `waitForJob` of the backend does in 6; in 5 it is part of the main loop. */
async function waitForMarkerInFive(worker: Five, seconds: number): Promise<Marker | undefined> {
  const { blockingConnection, keys } = worker;
  const client = await blockingConnection.client;
  // a server before 6.0 takes whole seconds only
  const timeout = blockingConnection.capabilities.canDoubleTimeout ? seconds : Math.ceil(seconds);
  const popped = client.bzpopmin(keys.marker, timeout);
  // one that is given up may fail later, when nobody listens any more
  popped.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, timeout * 1_000 + ANSWER_MS, 'late');
  });
  try {
    const answer = await Promise.race([popped, late]);
    if (answer === 'late') {
      // ready first: a disconnect while ioredis reconnects would end its tries
      await blockingConnection.reconnect();
      await blockingConnection.disconnect(true);
      await blockingConnection.reconnect();
      return undefined;
    }
    return answer ? { member: answer[1], score: Number(answer[2]) } : undefined;
  } finally {
    clearTimeout(timer);
  }
}

function isSix(worker: unknown): worker is Six {
  return has(worker, 'backend');
}

function has(from: unknown, path: string): boolean {
  return (
    path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], from) !==
    undefined
  );
}
