import { expect, it } from 'vitest';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { buildTopology, type Topology } from './topology.ts';
import { newlyUnseen } from './unseen-queues.ts';

/** Two pools on three queues, of which those in `missing` do not exist. */
const without = (...missing: string[]): Topology =>
  buildTopology({
    pools: [aPool('mail', ['emails', 'sms']), aPool('other', ['pushes'])],
    queue: (_, name) => (missing.includes(name) ? undefined : aQueue(name)),
    secrets: secretSources(() => aSecret('redis://redis')),
  });

it('names each queue once that a pool cannot see any more, with the reason', () => {
  expect(newlyUnseen({ pools: new Map() }, without())).toEqual([]);
  const [sms, ...others] = newlyUnseen(without(), without('sms'));
  expect(sms).toMatchObject({ pool: 'team/mail', queue: 'sms', unseen: 'QueueMissing' });
  expect(sms?.message).toContain('does not exist');
  expect(others).toEqual([]);
  expect(newlyUnseen(without('sms'), without('sms'))).toEqual([]);
  expect(newlyUnseen(without('sms'), without('sms', 'pushes')).map(({ queue }) => queue)).toEqual(['pushes']);
});

it('names a queue again when the reason has become another', () => {
  const unpermitted = buildTopology({
    pools: [aPool('mail', ['emails', 'sms'])],
    queue: (_, name) => aQueue(name),
    secrets: secretSources(() => aSecret('redis://redis'), []),
  });
  const again = newlyUnseen(without('emails'), unpermitted);
  expect(again.map(({ queue, unseen }) => `${queue} ${unseen}`)).toEqual(['emails SensorFailed', 'sms SensorFailed']);
});
