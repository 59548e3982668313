import type { Ending } from './plan.ts';

/** What is known of the jobs once all is over. */
export interface Entries {
  /** Every job that was added, and how it has to end. */
  added: ReadonlyMap<string, Ending>;
  /** Jobs that BullMQ holds as completed, and as failed for good. */
  completed: ReadonlySet<string>;
  failed: ReadonlySet<string>;
  /** How often each job's effect was recorded by a worker, and how often it was started. */
  effects: ReadonlyMap<string, number>;
  starts: ReadonlyMap<string, number>;
}

export interface Balance {
  added: number;
  completed: number;
  failed: number;
  /** Added, but neither finished nor failed; or finished without its effect. */
  lost: string[];
  /** A completed effect that was recorded twice. */
  duplicated: string[];
  /** Ended otherwise than planned: failed instead of completed, or the reverse. */
  unplanned: string[];
  /** Finished or done, but never added. */
  unknown: string[];
  /** Starts beyond the first of each job: retries, hand-backs, recoveries. */
  restarts: number;
}

/** Checks every job by its id; pure, so that the check itself is tested. */
export function balance({ added, completed, failed, effects, starts }: Entries): Balance {
  const lost: string[] = [];
  const unplanned: string[] = [];
  for (const [id, ending] of added) {
    const ended: Ending | undefined = completed.has(id) ? 'completed' : failed.has(id) ? 'failed' : undefined;
    if (!ended || (ended === 'completed' && !effects.has(id))) lost.push(id);
    else if (ended !== ending) unplanned.push(id);
  }
  const seen = new Set([...completed, ...failed, ...effects.keys()]);
  return {
    added: added.size,
    completed: [...completed].filter((id) => added.has(id)).length,
    failed: [...failed].filter((id) => added.has(id)).length,
    lost,
    unplanned,
    duplicated: [...effects].filter(([, count]) => count > 1).map(([id]) => id),
    unknown: [...seen].filter((id) => !added.has(id)),
    restarts: [...starts.values()].reduce((sum, count) => sum + count - 1, 0),
  };
}

/** What is wrong, as sentences; none when every job is accounted for. Duplicates are wrong unless `atLeastOnce`. */
export function imbalances(result: Balance, { atLeastOnce = false } = {}): string[] {
  const { lost, duplicated, unplanned, unknown, added, completed, failed } = result;
  const kinds: [string, string[]][] = [
    ['lost', lost],
    ['done twice', atLeastOnce ? [] : duplicated],
    ['ended otherwise than planned', unplanned],
    ['done without having been added', unknown],
  ];
  const sentences = kinds
    .filter(([, ids]) => ids.length > 0)
    .map(([what, ids]) => `${ids.length} ${what}: ${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ', …' : ''}`);
  if (completed + failed !== added) sentences.push(`${added} added, but ${completed} completed and ${failed} failed`);
  return sentences;
}
