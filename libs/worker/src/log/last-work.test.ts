import { describe, expect, it } from 'vitest';
import { lastWork } from './last-work.ts';
import { createLog } from './log.ts';

const lines: string[] = [];
const log = createLog('info', Date.now, (line) => lines.push(line));
const said = (): string => lines.splice(0).join('');

describe('the work before the exit', () => {
  it('is waited for', async () => {
    const done: string[] = [];
    await lastWork(() => Promise.resolve().then(() => done.push('flushed')), 10_000, log);
    expect(done).toEqual(['flushed']);
    expect(said()).toBe('');
  });

  it('that fails, at once or later, is logged and delays nobody', async () => {
    await lastWork(() => Promise.reject(new Error('collector is down')), 10_000, log);
    expect(said()).toContain('collector is down');
    await lastWork(
      () => {
        throw new Error('no collector');
      },
      10_000,
      log,
    );
    expect(said()).toContain('no collector');
  });

  it('that hangs is given up after its time', async () => {
    await lastWork(() => new Promise(() => undefined), 20, log);
    expect(said()).toContain('not done after 20 ms');
  });
});
