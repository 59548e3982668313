import { saidBefore, type Notice } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { PoolCondition, type Reason } from '../kubernetes/reasons.ts';
import type { StuckFacts } from '../stuck/stuck-pods.ts';

/** Why pods that are stuck are not replaced; after a restart, what the status says stays until the next decision. Pure. */
export function stuckPodsReplaced({ status }: PoolObject, stuck: StuckFacts | undefined): Notice<Reason> {
  const problem = stuck ? stuck.problem : saidBefore<Reason>(status?.conditions, PoolCondition.StuckPodsReplaced);
  return problem && { status: 'False', ...problem };
}
