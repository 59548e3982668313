import { expect, test } from 'vitest';
import type { RestoredJob } from './restored-job.ts';
import { CallBatcher, entryChunks, type Pipeline } from './script-calls.ts';

const batcher = () =>
  new CallBatcher({
    jobs: (jobs) => ({ name: 'restoreJobs', keys: [], args: jobs.map(({ id }) => id) }),
    part: (id, { name }, texts, from, size) => ({
      name: 'restoreJobPart',
      keys: [],
      args: [id, name, texts.length, from, size],
    }),
  });
const job = (id: string, bytes = 100, parts: RestoredJob['parts'] = []): RestoredJob => ({
  id,
  hash: ['data', 'x'.repeat(bytes)],
  fields: 1,
  parts,
});
function pipelinesOf(jobs: readonly RestoredJob[]): Pipeline[] {
  const batches = batcher();
  return [...jobs.flatMap((each) => [...batches.addJob(each)]), ...batches.end()];
}
const shape = (pipelines: readonly Pipeline[]) =>
  pipelines.map(({ calls, jobs }) => [jobs, ...calls.map(({ args }) => args.length)]);

test('50 jobs are a call, and 200 a pipeline', () => {
  const jobs = Array.from({ length: 430 }, (_, n) => job(`${n}`));
  expect(shape(pipelinesOf(jobs))).toEqual([
    [200, 50, 50, 50, 50],
    [200, 50, 50, 50, 50],
    [30, 30],
  ]);
});

test('large jobs are in calls and pipelines of their own', () => {
  const jobs = [job('1'), job('2', 10_000_000), job('3', 200_000), job('4', 200_000)];
  expect(pipelinesOf(jobs).map(({ calls }) => calls.map(({ args }) => args))).toEqual([
    [['1']],
    [['2']],
    [['3'], ['4']],
  ]);
});

test('the same job twice is in two calls, the later one after the earlier', () => {
  expect(pipelinesOf([job('1'), job('2'), job('1')]).flatMap(({ calls }) => calls.map(({ args }) => args))).toEqual([
    ['1', '2'],
    ['1'],
  ]);
});

test('what lies beside a job comes right after it, in pieces', () => {
  const logs = { name: 'logs', texts: Array.from({ length: 2_500 }, () => 'line'), width: 1 } as const;
  const failed = { name: 'failed', texts: ['a', 'x'.repeat(200_000), 'b', 'x'.repeat(200_000)], width: 2 } as const;
  const calls = pipelinesOf([job('1'), job('2', 10, [logs, failed]), job('3')]).flatMap((each) => each.calls);
  expect(calls.map(({ args }) => args)).toEqual([
    ['1', '2'],
    ['2', 'logs', 1_000, 0, 2_500],
    ['2', 'logs', 1_000, 1_000, 2_500],
    ['2', 'logs', 500, 2_000, 2_500],
    ['2', 'failed', 2, 0, 2],
    ['2', 'failed', 2, 1, 2],
    ['3'],
  ]);
});

test('index entries come by the 500, each with its score or an empty one', () => {
  const entries = Array.from({ length: 700 }, (_, n): [string, number?] => (n === 0 ? ['a'] : [`${n}`, n]));
  const chunks = [...entryChunks(entries)];
  expect(chunks.map(({ length }) => length)).toEqual([1_000, 400]);
  expect(chunks[0]?.slice(0, 4)).toEqual(['a', '', '1', 1]);
});
