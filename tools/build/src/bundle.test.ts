import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
