import type { QueueReason } from '@redis-queue/api';
import { describeTarget } from '@redis-queue/bullmq';
import { FairPool, type Clock, type PoolTask, type Problem as KindProblem } from '@redis-queue/controller';
import type { SamplingGroup } from './sampling-groups.ts';

type Problem = KindProblem<QueueReason>;

/** Redis targets that are read at once: one that hangs keeps its place for seconds, any other for milliseconds. */
const AT_ONCE = 32;
/** What has not begun by then has its turn in the next round, so that no round takes much longer than what hangs. */
const BEGIN_WITHIN_MS = 5_000;
/** What had no turn in so many rounds in a row is said to wait. */
const MISSED_ROUNDS = 3;

/** How it is said that a group waits for its turn. */
interface Words {
  /** What its namespace has under way. */
  readonly work: string;
  readonly consequence: string;
}

const SAMPLES: Words = { work: 'samples', consequence: 'this queue is read every few rounds only' };

/** What came of a group's turn: what was read, and whether the Redis answered at all. */
export interface Turn<T> {
  readonly read: readonly T[];
  readonly answered: boolean;
}

export interface RoundOfTurns<T> {
  /** @param waits it waited for rounds, so that its queues still have to say so. */
  readonly sample: (group: SamplingGroup, waits: Problem | undefined) => Promise<Turn<T>>;
  /** Called with a group that had no turn in this round, and why once that has lasted. */
  readonly onMissed: (group: SamplingGroup, waits: Problem | undefined) => void;
  /** Groups that have no turn in this round, as one in a round before it lasts, or none is due: they are not forgotten. */
  readonly others?: readonly SamplingGroup[];
}

/**
 * Which Redis targets are read when in a round: so many at once, in turns and with shares by namespace, and within a
 * namespace by server; those that did not answer the last time after all others, and within a namespace those first that
 * had no turn the longest. A namespace with 800 targets that hang is served over many rounds, and costs the others none,
 * whichever server it says they are at: a server has no share of its own, or anyone who names it could use that up.
 */
export class SamplingTurns {
  readonly #clock: Clock;
  readonly #words: Words;
  readonly #pool = new FairPool(AT_ONCE);
  /** Rounds in a row without a turn. */
  readonly #missed = new Map<string, number>();
  /** Rounds in a row without a turn of any group of a class: those of a namespace that answer, or that did not. */
  readonly #missedByClass = new Map<string, number>();
  readonly #silent = new Set<string>();

  constructor(clock: Clock, words = SAMPLES) {
    this.#clock = clock;
    this.#words = words;
  }

  /** One round over the groups, of which none is in another round meanwhile. @returns all that was read */
  async round<T>(groups: readonly SamplingGroup[], { sample, onMissed, others = [] }: RoundOfTurns<T>): Promise<T[]> {
    this.#forgetAllBut([...groups, ...others]);
    const ordered = this.#inOrder(groups);
    const hadTurn = new Set<string>();
    const tasks = ordered.map(({ group, classOfTurns }): PoolTask<Turn<T>> => ({
      path: [group.namespace, `${group.namespace} ${describeTarget(group.target)}`],
      last: this.#silent.has(group.key),
      run: () => {
        hadTurn.add(classOfTurns);
        return sample(group, this.#waits(group));
      },
    }));
    // Another round may have begun meanwhile: what waits in that one has its own time.
    const late = this.#clock.after(BEGIN_WITHIN_MS, () => this.#pool.giveUpWaiting(tasks));
    const turns = this.#pool.runAll(tasks);
    const read = ordered.map(async ({ group }, index): Promise<readonly T[]> => {
      const turn = await turns[index];
      if (turn) return this.#had(group, turn.result);
      this.#missed.set(group.key, this.#missedBy(group) + 1);
      onMissed(group, this.#waits(group));
      return [];
    });
    try {
      return (await Promise.all(read)).flat();
    } finally {
      late.cancel();
      this.#countMissed(new Set(ordered.map(({ classOfTurns }) => classOfTurns)), hadTurn);
    }
  }

  /**
   * By missed rounds within a namespace, and between namespaces by rounds in which the whole class had no turn: however
   * many groups of a namespace wait, and however long, it goes before no other that has had none.
   */
  #inOrder(groups: readonly SamplingGroup[]): { readonly group: SamplingGroup; readonly classOfTurns: string }[] {
    return groups
      .map((group) => ({
        group,
        classOfTurns: classOf(group.namespace, this.#silent.has(group.key)),
      }))
      .toSorted(
        (a, b) =>
          (this.#missedByClass.get(b.classOfTurns) ?? 0) - (this.#missedByClass.get(a.classOfTurns) ?? 0) ||
          this.#missedBy(b.group) - this.#missedBy(a.group),
      );
  }

  #countMissed(classes: ReadonlySet<string>, hadTurn: ReadonlySet<string>): void {
    for (const each of classes)
      this.#missedByClass.set(each, hadTurn.has(each) ? 0 : (this.#missedByClass.get(each) ?? 0) + 1);
  }

  #had<T>({ key }: SamplingGroup, { read, answered }: Turn<T>): readonly T[] {
    this.#missed.delete(key);
    if (answered) this.#silent.delete(key);
    else this.#silent.add(key);
    return read;
  }

  #missedBy({ key }: SamplingGroup): number {
    return this.#missed.get(key) ?? 0;
  }

  #waits(group: SamplingGroup): Problem | undefined {
    if (this.#missedBy(group) < MISSED_ROUNDS) return undefined;
    const { namespace, target } = group;
    const { work, consequence } = this.#words;
    return {
      reason: 'WaitingForTurn',
      message: `namespace ${namespace} has more ${work} under way, in all or at ${describeTarget(target)}, than its share allows, so ${consequence}; use fewer different Redis servers and users, or ones that answer sooner`,
    };
  }

  #forgetAllBut(groups: readonly SamplingGroup[]): void {
    const keys = new Set(groups.map(({ key }) => key));
    const classes = new Set(groups.flatMap(({ namespace }) => [classOf(namespace, true), classOf(namespace, false)]));
    for (const each of this.#missedByClass.keys()) if (!classes.has(each)) this.#missedByClass.delete(each);
    for (const key of this.#missed.keys()) if (!keys.has(key)) this.#missed.delete(key);
    for (const key of this.#silent) if (!keys.has(key)) this.#silent.delete(key);
  }
}

/** Of the groups of a namespace, those that did not answer the last time, or the others. */
function classOf(namespace: string, isSilent: boolean): string {
  return `${isSilent ? 'silent' : 'answers'} ${namespace}`;
}
