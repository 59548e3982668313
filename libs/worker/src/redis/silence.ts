import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';

/** Between two questions, ms. */
const EVERY_MS = 2_000;
/** How long nothing may arrive, ms: longer than any script of BullMQ, and well within the time that a lock lasts. */
const PATIENCE_MS = 4_000;

export interface SilenceOptions {
  readonly everyMs?: number;
  readonly patienceMs?: number;
}

/**
 * Closes the connection, so that it is opened again, when Redis has fallen silent. A primary whose node died or that is
 * frozen closes nothing: TCP notices after a quarter of an hour, while another primary was elected within seconds. A wait
 * for a job has a deadline of BullMQ's, and the connection is not asked meanwhile.
 *
 * Decision 93 has the same for controllers; this package depends on none of their libraries.
 */
export function closeWhenSilent(redis: Redis, options: SilenceOptions = {}): void {
  const { everyMs = EVERY_MS, patienceMs = PATIENCE_MS } = options;
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

/**
 * Has an error that nobody waits for any more end its connection and nothing else. Under TLS 1.3, the refusal of a
 * client's certificate comes after the handshake; what is written to the socket while it closes is a second error, which
 * ioredis no longer hears, and which would end this process with its jobs.
 */
export function hearErrors(redis: Redis): void {
  redis.on('connect', () => (redis as unknown as { stream?: Socket }).stream?.on('error', () => {}));
}

/** Whether a command that waits for a job has been sent. */
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
  // A refusal, for want of a right, is an answer too.
  if (redis.status === 'ready') redis.ping().then(answer, answer);
  else redis.once('ready', answer);
  let [heard, quiet] = [bytesRead(redis), 0];
  const listen = (): void => {
    const now = bytesRead(redis);
    if (now !== heard) [heard, quiet] = [now, 0];
    else if (++quiet >= STEPS) resolve(false);
  };
  // A handler may have blocked the event loop: what has arrived meanwhile is read first.
  const patience = setInterval(() => setImmediate(listen), patienceMs / STEPS).unref();
  try {
    return await answered;
  } finally {
    clearInterval(patience);
    redis.off('close', answer);
    redis.off('ready', answer);
  }
}
