import type { Redis } from 'ioredis';

export interface SilenceOptions {
  /** Between two PINGs. */
  readonly everyMs?: number;
  /** How long nothing may arrive while an answer is owed; longer than any script that we run, shorter than a person waits. */
  readonly patienceMs?: number;
}

/** How soon `disconnect` gives up a connection whose other end is silent: nothing is lost by dropping it at once. */
export const DISCONNECT_TIMEOUT_MS = 100;

/** Two attempts per second cost nothing, and an outage ends at most this long after Redis is back. */
const MAX_RETRY_MS = 500;

/** Pause before the nth attempt to connect, ms. */
export function retryAfterMs(attempt: number): number {
  return Math.min(50 * 2 ** attempt, MAX_RETRY_MS);
}

/**
 * Reconnects when Redis has fallen silent. A peer that is gone without a word (its node died, a firewall dropped the
 * flow) closes nothing: TCP notices after its retransmissions, a quarter of an hour later, and a connection that only
 * listens never does. So Redis is asked with PING, about every 2 s, until the connection is closed for good. While it
 * waits for a job, for which whoever waits has a deadline, it is not asked: the answer would come after that.
 */
export function reconnectWhenSilent(redis: Redis, { everyMs = 2_000, patienceMs = 3_000 }: SilenceOptions = {}): void {
  let asking = false;
  let question: NodeJS.Timeout | undefined;
  const watch = (): void => {
    question ??= setInterval(() => {
      // 'connect': TCP is established, and Redis has not yet answered the handshake.
      if (asking || isWaiting(redis) || (redis.status !== 'ready' && redis.status !== 'connect')) return;
      asking = true;
      void ask();
    }, everyMs).unref();
  };
  watch();
  // At once: connections that are closed for others come and go by the hundred, and each would be kept in memory.
  redis.on('end', () => {
    clearInterval(question);
    question = undefined;
  });
  // BullMQ ends the connection over which it waited for too long, and opens it again.
  redis.on('connecting', watch);

  async function ask(): Promise<void> {
    const answered = await answers(redis, patienceMs);
    asking = false;
    if (!answered) redis.disconnect(true);
  }
}

/** Whether a command of BullMQ that waits for a job has been sent. */
function isWaiting(redis: Redis): boolean {
  const { commandQueue } = redis as unknown as {
    commandQueue: { toArray(): readonly { readonly command: { readonly name: string } }[] };
  };
  return commandQueue.toArray().some(({ command }) => command.name === 'bzpopmin');
}

/** In how many steps of the patience is looked for bytes. */
const STEPS = 10;

/** How many bytes have arrived; undefined where nobody counts them. */
function bytesRead(redis: Redis): number | undefined {
  return (redis as unknown as { stream?: { bytesRead?: number } }).stream?.bytesRead;
}

/**
 * Whether the connection as it stands now answers, or ends, in time. While bytes arrive it is not silent: the answer
 * stands behind replies that take long on a slow link, and a new connection would have to bring them once more.
 */
async function answers(redis: Redis, patienceMs: number): Promise<boolean> {
  const { promise: answered, resolve } = Promise.withResolvers<boolean>();
  const answer = (): void => resolve(true);
  redis.once('close', answer);
  if (redis.status === 'ready')
    redis.ping().then(answer, (error: Error) => {
      // A user without permission for PING gets an answer too.
      if (error.name === 'ReplyError') answer();
    });
  else redis.once('ready', answer);
  let [heard, quiet] = [bytesRead(redis), 0];
  const listen = (): void => {
    const now = bytesRead(redis);
    if (now !== heard) [heard, quiet] = [now, 0];
    else if (++quiet >= STEPS) resolve(false);
  };
  // When this process itself was paused, what has arrived meanwhile is read first.
  const patience = setInterval(() => setImmediate(listen), patienceMs / STEPS).unref();
  try {
    return await answered;
  } finally {
    clearInterval(patience);
    redis.off('close', answer);
    redis.off('ready', answer);
  }
}
