import { describe, expect, it } from 'vitest';
import { decideDrill, oldDrills } from './due-drill.ts';
import type { OwnedDrill } from './drills.ts';
import { owned } from './testing.fixture.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const NONE = { slotMs: undefined, createdMs: undefined, failing: false };

/** The drill of the backup of a minute of 1970, created a minute later. */
function drill(minute: number, state: OwnedDrill['state'], more: Partial<OwnedDrill> = {}): OwnedDrill {
  const backup = `nightly-${minute}`;
  return {
    name: `${backup}-drill`,
    uid: backup,
    resourceVersion: '1',
    backup,
    slotMs: minute * MINUTE,
    state,
    createdMs: (minute + 1) * MINUTE,
    endedMs: state === 'unfinished' ? undefined : (minute + 2) * MINUTE,
    tookMs: 8_000,
    jobs: 1,
    deleting: false,
    reason: 'Verified',
    message: '',
    ...more,
  };
}
const backups = [owned(10, 'good'), owned(20, 'good'), owned(30, 'failed'), owned(40, 'unfinished')];

describe('the backup that is tried', () => {
  it('is the newest that completed, and no older one', () => {
    expect(decideDrill(backups, [], NONE, {}, HOUR)).toEqual({ due: 'nightly-20' });
    expect(decideDrill([owned(30, 'failed')], [], NONE, {}, HOUR)).toEqual({});
    expect(decideDrill([owned(50, 'good', { deleting: true })], [], NONE, {}, HOUR)).toEqual({});
  });

  it('is tried once, whether the status or the drill says so', () => {
    expect(decideDrill(backups, [drill(20, 'good')], NONE, {}, HOUR)).toEqual({});
    expect(decideDrill(backups, [], { ...NONE, slotMs: 20 * MINUTE, createdMs: 0 }, {}, HOUR)).toEqual({});
    expect(decideDrill(backups, [drill(20, 'failed')], { ...NONE, failing: true }, {}, HOUR)).toEqual({});
  });

  it('waits for a drill that has not ended, or is being deleted', () => {
    expect(decideDrill(backups, [drill(10, 'unfinished')], NONE, {}, HOUR)).toEqual({});
    expect(decideDrill(backups, [drill(10, 'good', { deleting: true })], NONE, {}, HOUR)).toEqual({});
  });

  it('waits until `every` is over since the last one, unless that failed', () => {
    const rules = { everyMs: HOUR };
    const tried = { slotMs: 10 * MINUTE, createdMs: 11 * MINUTE, failing: false };
    expect(decideDrill(backups, [], tried, rules, 71 * MINUTE - 1)).toEqual({ atMs: 71 * MINUTE });
    expect(decideDrill(backups, [], tried, rules, 71 * MINUTE)).toEqual({ due: 'nightly-20' });
    expect(decideDrill(backups, [drill(10, 'good')], NONE, rules, 50 * MINUTE)).toEqual({ atMs: 71 * MINUTE });
    expect(decideDrill(backups, [], { ...tried, failing: true }, rules, 50 * MINUTE)).toEqual({ due: 'nightly-20' });
  });
});

it('drills that have ended go but for the newest three, and none that runs', () => {
  const ended = [1, 2, 3, 4, 5].map((minute) => drill(minute, minute % 2 ? 'good' : 'failed'));
  expect(oldDrills([...ended, drill(0, 'unfinished')]).map(({ backup }) => backup)).toEqual(['nightly-1', 'nightly-2']);
});
