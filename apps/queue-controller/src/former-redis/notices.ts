import type { Queue, QueueReason } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { endedByAnnotation, FORGET_ANNOTATION, type FormerRedis } from './moves.ts';
import type { FormerReport, Released } from './release.ts';

/** The condition type that is True while a Redis that the queue has left may still have its mark and settings. */
export const FORMER_REDIS_HELD = 'FormerRedisHeld';

interface Said {
  readonly reason: QueueReason;
  readonly message: string;
}

/**
 * What the condition says of what `status.formerRedis` lists.
 *
 * @param waits why none of it is released now, as `whyNotReleased` says it
 */
export function describeFormerRedis(
  former: readonly FormerRedis[],
  reports: readonly FormerReport[],
  waits?: string,
): Said | undefined {
  if (former.length === 0) return undefined;
  const held = former.flatMap(({ address }) => {
    const report = reports.find((each) => each.address === address);
    return report?.state === 'held' ? [`${address} (${report.why})`] : [];
  });
  if (held.length > 0) return { reason: 'FormerRedisHeld', message: `${stillThere(held)}. ${WAYS_OUT}` };
  const addresses = former.map(({ address }) => address).join(', ');
  return {
    reason: 'ReleasingFormerRedis',
    message: `the queue has left ${addresses}: what it manages there ${waits ?? 'is cleared'}`,
  };
}

function stillThere(places: readonly string[]): string {
  const rest = 'jobs there, and a pause, stay in any case';
  return `the queue has left ${places.join(', ')}, where its owner mark and the limits that it manages still are; ${rest}`;
}

const WAYS_OUT = `To have them cleared, put its credentials into another Secret that the queue-controller may read, in this namespace; or, if that Redis is gone or is to stay as it is, annotate ${FORGET_ANNOTATION} with its address`;

/** What happened: released, given up, forgotten as the annotation asks, or held for the first time. */
export function eventsOf(queue: Queue, reports: readonly FormerReport[], forgotten: readonly FormerRedis[]): Said[] {
  const before = findCondition(queue.status?.conditions, FORMER_REDIS_HELD);
  const wasSaid = (address: string): boolean =>
    before?.reason === ('FormerRedisHeld' satisfies QueueReason) && before.message.includes(address);
  const ended = endedByAnnotation(queue);
  return [
    ...(ended ? [{ reason: 'FormerRedisForgotten' as const, message: describeEnd(ended) }] : []),
    ...reports.flatMap((report): Said[] => {
      if (report.state === 'released') return [{ reason: 'FormerRedisReleased', message: describeRelease(report) }];
      if (report.state !== 'held' || wasSaid(report.address)) return [];
      const message = `${stillThere([`${report.address} (${report.why})`])}. ${WAYS_OUT}`;
      return [{ reason: 'FormerRedisHeld', message }];
    }),
    ...forgotten.map(({ address }): Said => {
      const message = `${stillThere([address])}; it has left too many others since to be tried again`;
      return { reason: 'FormerRedisHeld', message };
    }),
  ];
}

/** What a Queue that goes leaves in Redis servers that it had left before: nobody clears it any more. */
export function leftBehind({ metadata, status }: Queue): Said | undefined {
  const addresses = (status?.formerRedis ?? []).map(({ address }) => address);
  if (addresses.length === 0) return undefined;
  const way = `To have them cleared, create a Queue ${metadata.name} here again with the credentials of that Redis, and delete it`;
  return { reason: 'FormerRedisHeld', message: `${stillThere(addresses)}. ${way}` };
}

function describeEnd({ address }: FormerRedis): string {
  return `the queue has left ${address}, and the annotation ${FORGET_ANNOTATION} ends what is to be cleared there: what this Queue manages there stays. Take the annotation away, or it ends a later move away from that address too`;
}

function describeRelease({ address, cleared, staysPaused }: { readonly address: string } & Released): string {
  const what = ['owner mark', ...cleared].join(', ');
  const paused = staysPaused
    ? '. It stays paused there, so that no job that was copied runs twice; to run what is left there, resume it there by BullMQ'
    : '';
  return `the queue has left ${address}: what this Queue managed there was cleared (${what}); jobs there stay${paused}`;
}
