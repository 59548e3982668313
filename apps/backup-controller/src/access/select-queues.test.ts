import type { QueueBackupSpec } from '@redis-queue/api';
import { expect, it } from 'vitest';
import { queueObject } from '../testing/objects.ts';
import { selectQueues } from './select-queues.ts';

const queues = [
  queueObject('mails', {}, { team: 'crm', tier: 'gold' }),
  queueObject('bills', {}, { team: 'shop' }),
  queueObject('plain'),
];
const all = { get: (name: string) => queues.find(({ metadata }) => metadata.name === name), list: () => queues };
const select = (spec: QueueBackupSpec['queues'], from = all): unknown => {
  const selected = selectQueues(spec, from);
  return selected.ok ? selected.queues.map(({ metadata }) => metadata.name) : selected.problem.reason;
};

it('names have to exist, and come in one order whatever the spec says', () => {
  expect(select({ names: ['plain', 'bills'] })).toEqual(['bills', 'plain']);
  const missing = selectQueues({ names: ['plain', 'gone', 'lost'] }, all);
  expect(missing).toMatchObject({
    problem: { reason: 'QueueNotFound', message: expect.stringContaining('gone, lost') },
  });
});

it.each([
  ['all', {}, ['bills', 'mails', 'plain']],
  ['matchLabels', { matchLabels: { team: 'crm' } }, ['mails']],
  ['all of matchLabels', { matchLabels: { team: 'crm', tier: 'iron' } }, 'NoQueueSelected'],
  ['In', { matchExpressions: [{ key: 'team', operator: 'In', values: ['crm', 'shop'] }] }, ['bills', 'mails']],
  ['NotIn', { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['crm'] }] }, ['bills', 'plain']],
  ['Exists', { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, ['mails']],
  ['DoesNotExist', { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] }, ['plain']],
  ['no field of JavaScript', { matchLabels: { constructor: 'Object' } }, 'NoQueueSelected'],
  ['values that In needs', { matchExpressions: [{ key: 'team', operator: 'In' }] }, 'SelectorInvalid'],
  [
    'values that Exists has not',
    { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
    'SelectorInvalid',
  ],
] as const)('a selector selects as Kubernetes does: %s', (_, selector, expected) => {
  expect(select({ selector } as QueueBackupSpec['queues'])).toEqual(expected);
});

it('a selector that selects more than a backup has is refused, with their number', () => {
  const many = Array.from({ length: 101 }, (__, n) => queueObject(`q${n}`));
  const selected = selectQueues({ selector: {} }, { ...all, list: () => many });
  expect(selected).toMatchObject({ problem: { reason: 'TooManyQueues', message: expect.stringContaining('101') } });
});
