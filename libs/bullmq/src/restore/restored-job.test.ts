import { expect, test } from 'vitest';
import { OpenFlowError, type Rename } from './flow-links.ts';
import { isJobId, numberOf, restoredJob } from './restored-job.ts';

const rename: Rename = (queueKey) => (queueKey === 'bull:other' ? undefined : queueKey.replace('bull:', 'copy:'));
const parentIn = (queue: string) => ({
  parentKey: `${queue}:p`,
  parent: JSON.stringify({ id: 'p', queueKey: queue, fpof: true }),
  opts: JSON.stringify({ attempts: 3, parent: { id: 'p', queue } }),
});

test('the flow keys of a job are those of where the queues go', () => {
  const job = restoredJob(
    {
      kind: 'job',
      id: '7',
      hash: { data: 'bull:a:1', ...parentIn('bull:a') },
      dependencies: ['bull:b:1'],
      processed: { 'bull:b:2': '"x"', 'bull:other:3': '1' },
      failed: { 'bull:b:4': 'why' },
      unsuccessful: [['bull:b:5', 17]],
      logs: ['one', { b64: '/w==' }],
    },
    rename,
    'Refuse',
  );
  expect(job).toEqual({
    id: '7',
    fields: 4,
    hash: [
      'data',
      'bull:a:1',
      'parentKey',
      'copy:a:p',
      'parent',
      '{"id":"p","queueKey":"copy:a","fpof":true}',
      'opts',
      '{"attempts":3,"parent":{"id":"p","queue":"copy:a"}}',
    ],
    parts: [
      { name: 'logs', texts: ['one', Buffer.from([0xff])], width: 1 },
      { name: 'dependencies', texts: ['copy:b:1'], width: 1 },
      // What a child that is not restored has left stays under its former key.
      { name: 'processed', texts: ['copy:b:2', '"x"', 'bull:other:3', '1'], width: 2 },
      { name: 'failed', texts: ['copy:b:4', 'why'], width: 2 },
      { name: 'unsuccessful', texts: [17, 'copy:b:5'], width: 2 },
    ],
  });
});

test('links to a queue that is not restored are refused, or left out', () => {
  const child = { kind: 'job', id: '1', hash: { name: 'j', ...parentIn('bull:other') } } as const;
  const parent = { kind: 'job', id: '2', hash: { name: 'j' }, dependencies: ['bull:other:1', 'bull:b:1'] } as const;
  expect(() => restoredJob(child, rename, 'Refuse')).toThrow(OpenFlowError);
  expect(() => restoredJob({ ...parent, dependencies: ['bull:other:1'] }, rename, 'Refuse')).toThrow(
    /openFlows: Detach/,
  );
  expect(restoredJob(child, rename, 'Detach').hash).toEqual(['name', 'j', 'opts', '{"attempts":3}']);
  const { parts } = restoredJob({ ...parent, dependencies: [...parent.dependencies] }, rename, 'Detach');
  expect(parts).toEqual([{ name: 'dependencies', texts: ['copy:b:1'], width: 1 }]);
});

test('odd texts stay as they are', () => {
  const hash = JSON.parse(
    '{"__proto__":"x","parent":"no JSON","opts":"{\\"parent\\": 1}","constructor":"y"}',
  ) as Record<string, string>;
  const job = restoredJob({ kind: 'job', id: '1', hash }, rename, 'Refuse');
  expect(job.hash).toEqual(['__proto__', 'x', 'parent', 'no JSON', 'opts', '{"parent":1}', 'constructor', 'y']);
});

test('options that are nested too deep to be written again stay as they are', () => {
  const opts = `{"parent":{"queue":"bull:a","id":"1"},"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  const job = restoredJob({ kind: 'job', id: '1', hash: { opts } }, rename, 'Detach');
  expect(job.hash).toEqual(['opts', opts]);
});

test('fields beyond the thousandth come by themselves', () => {
  const hash = Object.fromEntries(Array.from({ length: 1_500 }, (_, n) => [`f${n}`, 'v']));
  const job = restoredJob({ kind: 'job', id: '1', hash }, rename, 'Refuse');
  expect([job.fields, job.hash.length, job.parts[0]?.name, job.parts[0]?.texts.length]).toEqual([
    1_500,
    2_000,
    'fields',
    1_000,
  ]);
});

test('a job whose id is the name of a key of the queue is none', () => {
  expect(['meta', 'wait', 'de:x', 'restore:state'].filter(isJobId)).toEqual([]);
  expect(['1', 'user-7', 'repeat:nightly:17', 'x:y'].filter((id) => !isJobId(id))).toEqual([]);
});

test('the counter of ids has to reach ids that are numbers', () => {
  expect(['12', '0', '007', 'a1', '1e3', '99999999999999999999'].map(numberOf)).toEqual([12, 0, 0, 0, 0, 0]);
});
