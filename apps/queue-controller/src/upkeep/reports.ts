import type { Queue, QueueReason } from '@redis-queue/api';
import { saidBefore, type Notice, type ObjectMemory } from '@redis-queue/controller';
import {
  allowsUpkeep,
  UPKEEP_CONDITIONS,
  type Duty,
  type DutyName,
  type Problem,
  type UpkeepCondition,
  type UpkeepNotice,
  type UpkeepNotices,
} from './duty.ts';

/** By which part of a number that was said another one has to differ to be said. */
const NOTABLE_CHANGE = 0.1;

type Known = Map<UpkeepCondition, UpkeepNotice | undefined>;
type Reporter = Pick<Duty, 'name' | 'conditions' | 'wants'>;

/**
 * What recurring work has found out about each queue, for the conditions. After a restart nothing is known, and a
 * condition stays until the duty that it is of has had its turn.
 */
export class UpkeepReports implements ObjectMemory {
  readonly #known = new Map<string, Map<DutyName, Known>>();

  /**
   * Takes down what a duty found out.
   *
   * @returns whether the status has to say something else from now on.
   */
  note(queue: Queue, duty: DutyName, notices: UpkeepNotices): boolean {
    const known = this.#knownOf(queue, duty);
    let isNews = false;
    for (const [type, notice] of Object.entries(notices) as [UpkeepCondition, UpkeepNotice | undefined][]) {
      const before = known.has(type) ? known.get(type) : saidBefore<QueueReason>(queue.status?.conditions, type);
      if (known.has(type) && !isNotable(before, notice)) continue;
      isNews ||= before?.reason !== notice?.reason || before?.message !== notice?.message;
      known.set(type, notice);
    }
    return isNews;
  }

  /**
   * What the conditions of recurring work say of a queue, by type; undefined: nothing. What Ready says already is not said
   * again.
   */
  noticesOf(
    queue: Queue,
    duties: readonly Reporter[],
    ready: Problem | undefined,
  ): Record<UpkeepCondition, Notice<QueueReason>> {
    const known = this.#known.get(queue.metadata.uid ?? '');
    const wanted = allowsUpkeep(queue) ? duties.filter((duty) => duty.wants(queue)) : [];
    const noticeOf = (type: UpkeepCondition): Notice<QueueReason> => {
      const found = wanted.filter(({ conditions }) => conditions.includes(type)).map(({ name }) => known?.get(name));
      const isKnown = found.every((each) => each?.has(type));
      const notice = found.map((each) => each?.get(type)).find((each) => each !== undefined);
      const { reason, message } =
        notice ?? (isKnown ? undefined : saidBefore<QueueReason>(queue.status?.conditions, type)) ?? {};
      return reason === undefined || message === undefined || reason === ready?.reason
        ? undefined
        : { reason, message };
    };
    return Object.fromEntries(UPKEEP_CONDITIONS.map((type) => [type, noticeOf(type)])) as ReturnType<
      UpkeepReports['noticesOf']
    >;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }

  /** Forgets the queues that are not listed: of one that was deleted during a round, the round takes down the outcome. */
  forgetAllBut(uids: ReadonlySet<string>): void {
    for (const uid of this.#known.keys()) if (!uids.has(uid)) this.#known.delete(uid);
  }

  #knownOf({ metadata: { uid = '' } }: Queue, duty: DutyName): Known {
    const duties = this.#known.get(uid) ?? new Map<DutyName, Known>();
    this.#known.set(uid, duties);
    const known = duties.get(duty) ?? (new Map() as Known);
    duties.set(duty, known);
    return known;
  }
}

/** Whether something else is to be said: of what has a number, when that has moved by a tenth. */
function isNotable(before: UpkeepNotice | undefined, next: UpkeepNotice | undefined): boolean {
  if (before?.reason !== next?.reason) return true;
  if (before?.count === undefined || next?.count === undefined) return before?.message !== next?.message;
  return next.count !== before.count && Math.abs(next.count - before.count) >= NOTABLE_CHANGE * before.count;
}
