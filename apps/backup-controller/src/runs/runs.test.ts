import { systemClock } from '@redis-queue/controller';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backupObject, NOW } from '../testing/objects.ts';
import { PostponedError } from './failure.ts';
import { InterruptedError } from './interrupted-error.ts';
import { RunPlaces, type RunPurpose } from './run-places.ts';
import { runFields } from './run-status.ts';
import { Runs } from './runs.ts';
import { problemOfStage, stageOf } from './stage.ts';

/** Runs in so many places; what they do is decided by the test. */
function setUp(places: number) {
  const stop = new AbortController();
  const all = new RunPlaces(places, systemClock);
  const served = all.serve(stop.signal);
  const changed: string[] = [];
  const elapsed = { ms: 0 };
  const runs = new Runs<number, string>({
    places: all,
    elapsedMs: () => elapsed.ms,
    after: (ms, run) => systemClock.after(ms, run),
    onChange: ({ namespace, name }) => changed.push(`${namespace}/${name}`),
  });
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const begin = (namespace: string, name: string, purpose: RunPurpose = 'backup'): void =>
    runs.begin({ uid: name, key: { namespace, name }, task: 'test', purpose }, ({ signal, report }) => {
      begun.push(name);
      report(begun.length);
      return new Promise((resolve, reject) => {
        ends.set(name, (error) => (error ? reject(error) : resolve('done')));
        // What hangs hears no signal, and is left all the same.
        void signal;
      });
    });
  const phaseOf = (name: string): string | undefined => runs.stateOf(name)?.phase;
  return {
    stop,
    served,
    runs,
    elapsed,
    begun,
    begin,
    changed,
    phaseOf,
    end: (name: string, error?: Error) => ends.get(name)?.(error),
  };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Time passes; what is aborted is left behind. */
const pass = async (ms: number): Promise<void> => {
  await settled();
  vi.advanceTimersByTime(ms);
  await settled();
};

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('runs', () => {
  it('say how long the oldest of a namespace has had its place', async () => {
    const { begin, end, runs, elapsed } = setUp(2);
    begin('a', 'a1');
    begin('a', 'a2');
    await settled();
    elapsed.ms = 700;
    expect([...runs.oldestMs()]).toEqual([['a', 700]]);
    end('a1');
    await settled();
    elapsed.ms = 900;
    expect([...runs.oldestMs()]).toEqual([['a', 200]]);
    end('a2');
    await settled();
    expect([...runs.oldestMs()]).toEqual([]);
  });

  it('have so many places, of which no namespace has all, and are begun in turns by namespace', async () => {
    const { begin, begun, end, phaseOf } = setUp(4);
    for (const name of ['a1', 'a2', 'a3', 'a4']) begin('a', name);
    await settled();
    expect(begun).toEqual(['a1', 'a2']);
    begin('b', 'b1');
    await settled();
    expect(begun).toEqual(['a1', 'a2', 'b1']);
    expect(phaseOf('a3')).toBe('waiting');
    begin('c', 'c1');
    begin('d', 'd1');
    await settled();
    expect([phaseOf('c1'), phaseOf('d1')]).toEqual(['running', 'waiting']);
    end('a1');
    await settled();
    expect(begun.at(-1)).toBe('d1');
    expect(phaseOf('a3')).toBe('waiting');
  });

  it('are told how far they are, and how they ended, whatever they threw', async () => {
    const { begin, runs, end, changed } = setUp(2);
    begin('a', 'good');
    begin('b', 'bad');
    await settled();
    expect(runs.stateOf('good')).toEqual({ task: 'test', phase: 'running', progress: 1 });
    expect(runs.running).toBe(2);
    end('good');
    end('bad', new Error('no'));
    await settled();
    expect(runs.stateOf('good')).toEqual({
      task: 'test',
      phase: 'ended',
      end: { ok: true, result: 'done', tookMs: 0 },
    });
    expect(runs.stateOf('bad')).toMatchObject({ end: { ok: false, error: new Error('no') } });
    expect(changed).toEqual(['a/good', 'b/bad', 'a/good', 'b/bad']);
    expect(runs.running).toBe(0);
  });

  it('give their place away when they are aborted, although they hang, and also while they wait', async () => {
    const { begin, runs, begun, phaseOf } = setUp(1);
    begin('a', 'hangs');
    begin('a', 'waits');
    begin('b', 'next');
    await settled();
    runs.abort('waits', new Error('deleted'));
    runs.abort('hangs', new Error('late'));
    await pass(5_000);
    expect(begun).toEqual(['hangs', 'next']);
    expect([phaseOf('hangs'), phaseOf('waits')]).toEqual(['ended', 'ended']);
    expect(runs.stateOf('hangs')).toMatchObject({ end: { ok: false, error: new Error('late') } });
  });

  // Wall 1: who creates an object sets how long its run takes, and one place is all there is.
  it('give their place to other namespaces that wait once they have had their share of time, twice as long each time', async () => {
    const { begin, begun, end, runs, phaseOf } = setUp(1);
    begin('a', 'slow');
    await pass(86_400_000);
    begin('b', 'other');
    await pass(310_000);
    expect(begun).toEqual(['slow', 'other']);
    const error = new InterruptedError('others have waited for its place');
    expect(runs.stateOf('slow')).toMatchObject({ end: { ok: false, error } });
    begin('a', 'slow');
    end('other');
    await settled();
    expect(phaseOf('slow')).toBe('running');
    begin('b', 'patient');
    await pass(3_540_000);
    expect([phaseOf('slow'), phaseOf('patient')]).toEqual(['running', 'waiting']);
    await pass(305_000);
    expect([phaseOf('slow'), phaseOf('patient')]).toEqual(['ended', 'running']);
  });

  it('that are postponed are forgotten after a while, so that they are begun again, and have not failed', async () => {
    const { begin, begun, end, runs, phaseOf, changed } = setUp(1);
    begin('a', 'early');
    await settled();
    end('early', new PostponedError({ reason: 'QueueRestoring', message: 'not yet' }));
    await pass(29_000);
    const backup = backupObject();
    expect(stageOf(backup, runs.stateOf('early'), NOW)).toBe('postponed');
    expect(problemOfStage(backup, 'postponed', runs.stateOf('early'), NOW)).toMatchObject({ reason: 'QueueRestoring' });
    expect(runFields(backup, 'postponed', NOW)).toMatchObject({ phase: 'Pending' });
    expect(runFields(backup, 'postponed', NOW)).not.toHaveProperty('failures');
    await pass(1_000);
    expect([phaseOf('early'), changed.length]).toEqual([undefined, 3]);
    begin('a', 'early');
    await settled();
    expect(begun).toEqual(['early', 'early']);
  });

  it('that clean up have places of their own, and an hour', async () => {
    const { begin, begun, runs } = setUp(1);
    begin('a', 'slow');
    begin('b', 'removal', 'removal');
    await pass(3_600_000);
    expect(begun).toEqual(['slow', 'removal']);
    await pass(5_000);
    expect(runs.stateOf('removal')).toMatchObject({ end: { ok: false, error: { reason: 'DeadlineExceeded' } } });
  });

  it('that end what was begun do not wait for removals, however slowly a storage answers', async () => {
    const { begin, begun } = setUp(1);
    begin('a', 'removal', 'removal');
    begin('a', 'resumption', 'ending');
    await settled();
    expect(begun).toEqual(['removal', 'resumption']);
  });

  it('that restore begin beside backups of their namespace while a place is free, and leave one to others', async () => {
    const { begin, begun } = setUp(4);
    for (const name of ['a1', 'a2', 'a3']) begin('a', name);
    await settled();
    for (const name of ['urgent', 'second']) begin('a', name, 'restore');
    await settled();
    expect(begun).toEqual(['a1', 'a2', 'urgent']);
    begin('b', 'b1');
    await settled();
    expect(begun.at(-1)).toBe('b1');
  });

  it('that restore go before backups of their namespace, and not before those of others', async () => {
    const { begin, begun, end } = setUp(1);
    begin('x', 'runs');
    for (const name of ['a1', 'a2']) begin('a', name);
    begin('b', 'b1');
    for (const name of ['urgent', 'second']) begin('a', name, 'restore');
    await settled();
    for (const name of ['runs', 'urgent', 'b1', 'second', 'a1', 'a2']) {
      end(name);
      // oxlint-disable-next-line no-await-in-loop -- each makes room for the next
      await settled();
    }
    expect(begun).toEqual(['runs', 'urgent', 'b1', 'second', 'a1', 'a2']);
  });

  it('that restore have room made also while their namespace has a backup that runs', async () => {
    const { begin, begun } = setUp(1);
    begin('a', 'slow');
    await pass(86_400_000);
    begin('a', 'urgent', 'restore');
    await pass(310_000);
    expect(begun).toEqual(['slow', 'urgent']);
  });

  it('are one for each object until it has ended, and forgotten with it', async () => {
    const { begin, runs, begun, end, phaseOf } = setUp(2);
    begin('a', 'one');
    begin('a', 'one');
    await settled();
    expect(begun).toEqual(['one']);
    end('one');
    await settled();
    begin('a', 'one');
    await settled();
    expect(begun).toEqual(['one', 'one']);
    runs.forget('one');
    expect(phaseOf('one')).toBeUndefined();
  });

  it('end with leadership: those under way are aborted, and none begins', async () => {
    const { begin, stop, served, runs, begun } = setUp(1);
    begin('a', 'runs');
    begin('b', 'waits');
    await settled();
    stop.abort();
    await pass(5_000);
    await served;
    await settled();
    expect(begun).toEqual(['runs']);
    for (const name of ['runs', 'waits']) expect(runs.stateOf(name)).toMatchObject({ end: { ok: false } });
    const { end } = runs.stateOf('runs') as { end: { error: unknown } };
    expect(end.error).toBeInstanceOf(InterruptedError);
  });
});
