import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import type { Row } from './rows/row.ts';
import { Scene, type Side } from './scene/scene.ts';
import { OURS, PLAIN } from './scene/sides.ts';
import { watchTraffic } from './scene/traffic.ts';

/** How long a scenario may take, on a machine that is busy. */
const PLAY_MS = 120_000;
/** How long a worker may take to end whose jobs have, on such a machine. */
const END_MS = 60_000;

export interface Played {
  row: string;
  same: boolean;
  plain: unknown;
  ours: unknown;
  /** What both were to come to; absent: to the same. */
  differs?: Row['differs'];
}

/** Plays rows on both sides, `atOnce` rows at a time, each on queues of its own at one Redis. */
export async function playRows(rows: readonly Row[], port: number, atOnce: number): Promise<Played[]> {
  watchTraffic();
  const redis = new Redis({ port, maxRetriesPerRequest: null });
  const played: Played[] = [];
  const left = [...rows.entries()];
  const next = async (): Promise<void> => {
    for (let entry = left.shift(); entry; entry = left.shift()) {
      const [at, row] = entry;
      const [plain, ours] = await Promise.all(
        [PLAIN, OURS].map(async (side) => await playOn(side, row, at, redis, port)),
      );
      const { name, differs } = row;
      const same = isDeepStrictEqual({ plain, ours }, differs ?? { plain, ours: plain });
      played[at] = { row: name, same, plain, ours, ...(differs && { differs }) };
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, next));
  } finally {
    redis.disconnect();
  }
  return played;
}

/** What a side came to, as JSON has it; a failure is an outcome too. */
async function playOn(side: Side, row: Row, at: number, redis: Redis, port: number): Promise<unknown> {
  const scene = new Scene(side, at, redis, port);
  try {
    const played = row.play(scene).then((outcome) => JSON.stringify(outcome));
    const outcome = await Promise.race([played, sleep(PLAY_MS, undefined, { ref: false })]);
    if (outcome === undefined) throw new Error('the scenario did not end');
    // a worker that does not end is a difference, not a reason to wait for it
    if ((await Promise.race([scene.end(), sleep(END_MS, 'late', { ref: false })])) === 'late') {
      throw new Error('the worker did not end');
    }
    return JSON.parse(outcome) as unknown;
  } catch (error) {
    void scene.end().catch(() => undefined);
    return { notPlayed: side.name, error: String(error) };
  }
}
