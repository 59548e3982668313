import { isDeepStrictEqual } from 'node:util';
import type { Condition } from '@redis-queue/api';

interface WithProgress {
  readonly conditions?: readonly Condition[] | undefined;
  readonly progress?: unknown;
}

/** How much of a status is new: `progress` is numbers alone, which can wait for their turn. */
export function compareStatus(before: WithProgress | undefined, after: WithProgress): 'none' | 'progress' | 'news' {
  if (!isDeepStrictEqual(withoutProgress(before), withoutProgress(after))) return 'news';
  return isDeepStrictEqual(before?.progress, after.progress) ? 'none' : 'progress';
}

function withoutProgress({ conditions, ...rest }: WithProgress = {}): object {
  const known = Object.entries(rest).filter(([field, value]) => field !== 'progress' && value !== undefined);
  return {
    ...Object.fromEntries(known),
    conditions: conditions?.toSorted((a, b) => (a.type < b.type ? -1 : 1)),
  };
}
