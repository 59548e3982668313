import { startRedis } from '@redis-queue/rig';
import { beforeAll, describe, expect, it } from 'vitest';
import { playRows, type Played } from './play.ts';
import { ROWS } from './rows/rows.ts';

/** Rows mostly wait. */
const AT_ONCE = 40;
let played: Map<string, Played>;

beforeAll(async () => {
  await using server = await startRedis();
  const rows = await playRows(Object.values(ROWS).flat(), server.port, AT_ONCE);
  played = new Map(rows.map((row) => [row.row, row]));
});

describe.each(Object.entries(ROWS))("a plain BullMQ worker and this project's: %s", (_subject, rows) => {
  it.each(rows.map(({ name }) => name))('%s', (name) => {
    const { plain, ours, differs } = played.get(name)!;
    expect(plain).not.toHaveProperty('notPlayed');
    expect({ plain, ours }).toEqual(differs ?? { plain, ours: plain });
  });
});
