import { kindOfWrite, type AppName } from '@redis-queue/rig';
import type { Rig } from '@redis-queue/rig/controllers';
import { isFenced } from './judge.ts';
import { Pair, WAYS, type Trial } from './pair.ts';

export interface LeadersOptions {
  readonly pairs: number;
  /** Trials of each pair. */
  readonly rounds: number;
  readonly print: (line: string) => void;
}

export interface LeadersResult {
  readonly table: readonly object[];
  readonly figures: LeadersFigures;
}

export interface LeadersFigures {
  readonly trials: number;
  readonly leaderChanges: number;
  readonly writesAfterDeadline: number;
  /** Of all writes, but for events and Leases. */
  readonly unfencedWrites: number;
  readonly unfenced: readonly string[];
  readonly worstOverlapMs: number;
  /** The last write of a former leader, from its deadline. */
  readonly latestWriteMs: number;
  readonly writes: number;
  readonly redisWrites: number;
  /** Writes that went on after a successor led, and those of them that changed something. */
  readonly held: number;
  readonly landed: number;
  /** Processes that ended although nothing had been done to them: the machine was too busy to renew a Lease. */
  readonly starved: number;
}

/** The two apps that write. */
const APPS: readonly AppName[] = ['queue-controller', 'workerpool-controller'];

/** Ten trials of ten pairs, side by side; the ways in which leaders get stuck take turns. */
export async function runLeaders(rig: Rig, { pairs: count, rounds, print }: LeadersOptions): Promise<LeadersResult> {
  await using stack = new AsyncDisposableStack();
  const pairs: Pair[] = [];
  for (let index = 0; index < count; index++) {
    // oxlint-disable-next-line no-await-in-loop -- on two cores all at once would be slower
    pairs.push(stack.use(await Pair.start(APPS[index % APPS.length]!, rig)));
  }
  print(`${count} pairs run`);
  const runPair = async (pair: Pair, first: number): Promise<Trial[]> => {
    const trials: Trial[] = [];
    for (let round = 0; round < rounds; round++) {
      const way = WAYS[(first + round) % WAYS.length]!;
      // oxlint-disable-next-line no-await-in-loop -- a trial after the other
      const trial = await pair.trial(way);
      const { app, changed, ended, late, lastMs, overlapMs, held, landed, starved } = trial;
      for (const why of starved) print(`${app} had ended by itself: ${why.slice(0, 500)}`);
      const after = late.map(({ what }) => what).join(', ') || 'nothing';
      print(
        `${app}, ${way}: ${changed ? 'a new leader' : 'the same leader'}, the old one ended with ${ended}; its last write ${Math.round(lastMs)} ms from its deadline, after it ${after}; overlap ${Math.round(overlapMs)} ms; ${held} held, ${landed} landed`,
      );
      trials.push(trial);
    }
    return trials;
  };
  const trials = (await Promise.all(pairs.map((pair, index) => runPair(pair, index)))).flat();
  return { table: tableOf(trials), figures: figuresOf(trials, pairs) };
}

function figuresOf(trials: readonly Trial[], pairs: readonly Pair[]): LeadersFigures {
  const sum = (count: (trial: Trial) => number): number => trials.reduce((total, trial) => total + count(trial), 0);
  const replicas = pairs.flatMap((pair) => pair.replicas);
  const writes = replicas.flatMap((replica) => replica.writesSince(0));
  const unfenced = writes.filter((write) => write.resource !== 'events' && !isFenced(write));
  return {
    trials: trials.length,
    leaderChanges: trials.filter(({ changed }) => changed).length,
    writesAfterDeadline: sum(({ late }) => late.length),
    unfencedWrites: unfenced.length,
    unfenced: [...new Set(unfenced.map(kindOfWrite))],
    worstOverlapMs: Math.round(Math.max(...trials.map(({ overlapMs }) => overlapMs))),
    latestWriteMs: Math.round(Math.max(...trials.map(({ lastMs }) => lastMs))),
    writes: writes.length,
    redisWrites: replicas.reduce((total, replica) => total + replica.redisWrites, 0),
    held: sum(({ held }) => held),
    landed: sum(({ landed }) => landed),
    starved: sum(({ starved }) => starved.length),
  };
}

function tableOf(trials: readonly Trial[]): object[] {
  const groups = new Map<string, Trial[]>();
  for (const trial of trials) {
    const key = `${trial.app}, ${trial.way}`;
    groups.set(key, [...(groups.get(key) ?? []), trial]);
  }
  return [...groups].map(([group, of]) => ({
    group,
    trials: of.length,
    leaderChanges: of.filter(({ changed }) => changed).length,
    writesAfterDeadline: of.reduce((total, { late }) => total + late.length, 0),
    latestWriteMs: Math.round(Math.max(...of.map(({ lastMs }) => lastMs))),
    worstOverlapMs: Math.round(Math.max(...of.map(({ overlapMs }) => overlapMs))),
    held: of.reduce((total, { held }) => total + held, 0),
    landed: of.reduce((total, { landed }) => total + landed, 0),
  }));
}
