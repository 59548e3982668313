import { setTimeout } from 'node:timers/promises';
import { withRedis, type RunRedis } from '../access/redis.ts';
import type { RestoreFence } from './restore-fence.ts';
import { redisInWords } from './failures.ts';
import { BEGINS_WITHIN_MS } from './take-targets.ts';
import type { QueueTarget } from './targets.ts';

/** The last call of a run that was left behind may have been sent a little after it. */
const MARGIN_MS = 1_000;

export interface TakeBackOptions extends Pick<RestoreFence, 'signal' | 'assertLeading'> {
  /** Default: the timer of Node. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<unknown>) | undefined;
}

/**
 * Takes a restore back from each of its queues. The run that has written there has ended, but a call of it that begins
 * the restore in a queue may be on its way yet: so where nothing of it is found, it is looked for once more when no such
 * call can do anything any more. Idempotent.
 *
 * @param takeBack says whether anything was there.
 */
export async function takeBackAll(
  targets: readonly QueueTarget[],
  { signal, assertLeading, sleep = waitFor }: TakeBackOptions,
  takeBack: (place: QueueTarget, access: RunRedis) => Promise<'found' | 'gone'>,
): Promise<void> {
  const takeEach = async (places: readonly QueueTarget[]): Promise<QueueTarget[]> => {
    const gone: QueueTarget[] = [];
    for (const place of places) {
      assertLeading();
      // oxlint-disable-next-line no-await-in-loop -- in turn
      const outcome = await withRedis(place.target, signal, (access) =>
        redisInWords(place.queue, access, () => takeBack(place, access)),
      );
      if (outcome === 'gone') gone.push(place);
    }
    return gone;
  };
  const gone = await takeEach(targets);
  if (gone.length === 0) return;
  await sleep(BEGINS_WITHIN_MS + MARGIN_MS, signal);
  await takeEach(gone);
}

function waitFor(ms: number, signal: AbortSignal): Promise<unknown> {
  return setTimeout(ms, undefined, { signal });
}
