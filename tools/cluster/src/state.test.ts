import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processStartTime } from '@redis-queue/rig';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { clusterFolder, clusterNames, freeSlot, isAlive, readState, removeState, writeState } from './state.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'redis-queue-state-'));
  vi.stubEnv('XDG_STATE_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

it('gives every cluster a slot that no other has, and the slot of one that is gone again', () => {
  for (const name of ['one', 'two', 'three']) writeState({ name, node: true, slot: freeSlot() });
  expect(['one', 'two', 'three'].map((name) => readState(name)?.slot)).toEqual([0, 1, 2]);
  removeState('two');
  expect(clusterNames()).toEqual(['one', 'three']);
  expect(freeSlot()).toBe(1);
});

it('refuses names that would not fit a path of a socket or leave the folder', () => {
  for (const name of ['', '../x', 'Upper', 'a'.repeat(25), '9'])
    expect(() => clusterFolder(name)).toThrow('cluster name');
});

it('does not take another process for one with a reused pid', () => {
  const startTime = processStartTime(process.pid) ?? '';
  expect(isAlive({ pid: process.pid, startTime })).toBe(true);
  expect(isAlive({ pid: process.pid, startTime: `${startTime}0` })).toBe(false);
});
