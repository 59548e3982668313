import { expect, it } from 'vitest';
import { readySlots } from './ready-slots.ts';

const pod = (ready: string, more: { deletionTimestamp?: string } = {}) => ({
  metadata: { name: 'p', ...more },
  status: { conditions: [{ type: 'Ready', status: ready }] },
});

it('slots are those of pods that are ready and stay', () => {
  const leaving = pod('True', { deletionTimestamp: '2026-01-01T00:00:00Z' });
  expect(readySlots([pod('True'), pod('True'), pod('False'), leaving, { metadata: { name: 'new' } }], 5)).toBe(10);
});
