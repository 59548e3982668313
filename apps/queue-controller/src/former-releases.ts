import type { Queue, QueueReason } from '@redis-queue/api';
import { describeTarget } from '@redis-queue/bullmq';
import { systemClock, type KindContext, type RecordEvent } from '@redis-queue/controller';
import { CircuitOpenError } from '@redis-queue/redis-access';
import { forgottenRedis, type FormerRedis } from './former-redis/moves.ts';
import { eventsOf } from './former-redis/notices.ts';
import { FormerRedisReleases, foundOf, NO_ANSWER, type FormerReport } from './former-redis/release.ts';
import { markAfter, whyNotReleased, type Reconciled } from './former-waits.ts';
import { redisProblem } from './access/redis-problem.ts';
import type { Sources } from './access/sources.ts';
import { ownerOf } from './ownership/ownership.ts';
import type { ObservedQueue } from './steps.ts';

/** What the kind does about Redis servers that its queues have left; see `former-redis/`. */
export class FormerReleases extends FormerRedisReleases {
  readonly #queues: Sources;

  constructor(sources: Sources) {
    super(
      {
        ...sources,
        describe: (error, target) => {
          const { message } = redisProblem(error, target, sources.connections);
          const why = message.replace(`${describeTarget(target)}: `, '');
          return error instanceof CircuitOpenError && why === error.message ? NO_ANSWER : why;
        },
        mayWrite: () => sources.assertLeading(),
      },
      () => systemClock.now(),
    );
    this.#queues = sources;
  }

  /** A reconcile has read the queue, or not. */
  note(queue: Queue, { policy, way }: ObservedQueue): void {
    if (policy && way) this.remembered.remember(queue, way.target);
  }

  /** After all that was to be done where the queue is now. */
  async after(
    queue: Queue,
    reconciled: Reconciled,
    { signal, log }: Pick<KindContext<QueueReason>, 'signal' | 'log'>,
  ): Promise<FormerReport[]> {
    if (whyNotReleased(queue, reconciled) !== undefined) return [];
    const owner = ownerOf(queue, this.#queues.clusterId);
    const former = await this.release(queue, { owner, rawMark: markAfter(reconciled), signal });
    for (const { address, state } of former)
      if (state === 'released') log.info({ address }, 'released the queue in a Redis that it has left');
    return former;
  }

  /** Tells what became of them. */
  report(queue: Queue, observed: ObservedQueue, nowMs: number, event: RecordEvent<QueueReason>): void {
    const forgotten = forgottenRedis(queue, foundOf(observed), new Date(nowMs));
    for (const { reason, message } of eventsOf(queue, observed.former ?? [], forgotten)) event(reason, message);
  }

  /** @param left what the status lists now */
  requeueMs(queue: Queue, reconciled: Reconciled, left: readonly FormerRedis[] = []): number | undefined {
    return whyNotReleased(queue, reconciled) === undefined ? this.dueInMs(queue, left) : undefined;
  }
}
