import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from './bundle.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'redis-queue-bundle-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('makes one file that runs where nothing is installed', async () => {
  const { file, bytes } = await bundle(join(import.meta.dirname, 'fixtures/dependencies.ts'), folder);
  const output = execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8', env: { NODE_PATH: '' } });
  expect(JSON.parse(output)).toMatchObject({ msg: 'bundle works', queue: 'Queue', redis: 'refused' });
  expect(bytes).toBeLessThan(5 * 1024 * 1024);
  expect(existsSync(join(folder, 'main.js.map'))).toBe(true);
  expect(existsSync(join(folder, 'main.js.LEGAL.txt'))).toBe(true);
});

it('holds no path of the machine that made it, and says what it has code of', async () => {
  const { file, sources } = await bundle(join(import.meta.dirname, 'fixtures/dependencies.ts'), folder);
  const root = resolve(import.meta.dirname, '../../..');
  const holding = [file, `${file}.LEGAL.txt`].filter((each) => readFileSync(each, 'utf8').includes(root));
  expect(holding).toEqual([]);
  expect(sources).toContain('tools/build/src/fixtures/dependencies.ts');
  expect(sources.some((path) => path.includes('node_modules/bullmq/'))).toBe(true);
});
