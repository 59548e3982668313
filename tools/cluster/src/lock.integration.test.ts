import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { startProcess } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withLock } from './lock.ts';

const quiet = (): void => undefined;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'redis-queue-lock-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('lets one at a time in, and the next when work has failed', async () => {
  const file = join(folder, 'one');
  const happened: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    happened.push(`${name} in`);
    await setImmediate();
    happened.push(`${name} out`);
    throw new Error(name);
  };
  const results = await Promise.allSettled([withLock(file, quiet, work('a')), withLock(file, quiet, work('b'))]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(happened.map((each) => each.split(' ')[1])).toEqual(['in', 'out', 'in', 'out']);
});

it('is freed when its holder is killed', async () => {
  const file = join(folder, 'two');
  const module = JSON.stringify(import.meta.resolve('./lock.ts'));
  const code = `const { withLock } = await import(${module});
    await withLock(${JSON.stringify(file)}, () => {}, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000); }));`;
  const holder = startProcess('node', ['--input-type=module', '-e', code]);
  await holder.waitForLine(/held/);
  await holder.stop('SIGKILL');
  expect(await withLock(file, quiet, () => Promise.resolve('in'))).toBe('in');
});
