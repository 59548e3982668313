import { expect, it } from 'vitest';
import { isConditionTrue, removeCondition, setCondition } from './conditions.ts';

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'Applied',
  message: 'All is applied.',
  observedGeneration: 1,
} as const;
const first = new Date('2026-01-01T00:00:00.123Z');
const later = new Date('2026-01-02T00:00:00Z');

it('notes when a condition first came, to the second', () => {
  expect(setCondition(undefined, ready, first)).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
});

it('gives an equal list when nothing changed, so that nothing is written', () => {
  const conditions = setCondition([], ready, first);
  expect(setCondition(conditions, ready, later)).toEqual(conditions);
});

it('moves the transition time with the status only, not with reason, message or generation', () => {
  const conditions = setCondition([], ready, first);
  const reworded = setCondition(conditions, { ...ready, reason: 'Adopted', observedGeneration: 2 }, later);
  expect(reworded).toMatchObject([
    { reason: 'Adopted', observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]);
  const failed = setCondition(conditions, { ...ready, status: 'False' }, later);
  expect(failed).toMatchObject([{ status: 'False', lastTransitionTime: '2026-01-02T00:00:00Z' }]);
});

it('leaves the others and their order alone', () => {
  const conditions = setCondition(
    setCondition([], ready, first),
    { ...ready, type: 'Stalled', status: 'False' },
    first,
  );
  const changed = setCondition(conditions, { ...ready, message: 'new' }, later);
  expect(changed.map(({ type }) => type)).toEqual(['Ready', 'Stalled']);
  expect(changed[1]).toBe(conditions[1]);
  expect(isConditionTrue(removeCondition(changed, 'Stalled'), 'Ready')).toBe(true);
});
