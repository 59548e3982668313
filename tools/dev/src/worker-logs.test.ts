import { expect, it } from 'vitest';
import { newlyRunning, sourceOf } from './worker-logs.ts';

it('reports a pod once, when it runs', () => {
  const seen = new Set<string>();
  const lines = ['mails-5f-x7k2p   Pending', 'mails-5f-x7k2p   Running', 'mails-5f-x7k2p   Running', ''];
  expect(lines.map((line) => newlyRunning(line, seen))).toEqual([undefined, 'mails-5f-x7k2p', undefined, undefined]);
});

it('names a pod by what no other pod has', () => {
  expect(sourceOf('email-workers-6d5f9c-x7k2p')).toBe('worker x7k2p');
});
