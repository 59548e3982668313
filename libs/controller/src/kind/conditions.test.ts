import { describe, expect, it } from 'vitest';
import { isNews, kindConditions, type Notice } from './conditions.ts';
import type { KindObject } from './types.ts';

const REASONS = {
  Applied: { kind: 'ready' },
  Unreachable: { kind: 'retries' },
  Refused: { kind: 'stalled' },
  Capped: { kind: 'notice' },
} as const;
type Reason = keyof typeof REASONS;
const BEFORE = new Date('2026-01-01T00:00:00Z');
const NOW = new Date('2026-01-02T00:00:00Z');

const object = (status: KindObject['status'] = {}): KindObject => ({
  apiVersion: 'v1',
  kind: 'Sample',
  metadata: { name: 'a', generation: 7 },
  status,
});
const conditions = (reason: Reason, notices: Record<string, Notice<Reason>> = {}, status?: KindObject['status']) =>
  kindConditions(object(status), REASONS, { reason, message: 'why' }, notices, NOW);
const brief = (list: ReturnType<typeof conditions>) =>
  list.map(({ type, status, reason }) => `${type} ${status} ${reason}`);

describe('the conditions of an object', () => {
  it.each<[Reason, string[]]>([
    ['Applied', ['Ready True Applied']],
    ['Unreachable', ['Ready False Unreachable', 'Reconciling True Unreachable']],
    ['Refused', ['Ready False Refused', 'Stalled True Refused']],
  ])('follow from the kind of the reason: %s', (reason, expected) => {
    expect(brief(conditions(reason))).toEqual(expected);
  });

  it('carry the generation that was reconciled', () => {
    expect(conditions('Refused').map(({ observedGeneration }) => observedGeneration)).toEqual([7, 7]);
  });

  it('have the notices that hold, and lose those that do not', () => {
    const capped: Notice<Reason> = { reason: 'Capped', message: 'less', status: 'False' };
    const first = conditions('Applied', { BurstCapped: capped });
    expect(brief(first)).toEqual(['Ready True Applied', 'BurstCapped False Capped']);
    expect(brief(conditions('Applied', { BurstCapped: undefined }, { conditions: first }))).toEqual([
      'Ready True Applied',
    ]);
  });

  it('keep the time of their last change, and conditions that others set', () => {
    const foreign = { type: 'Foreign', status: 'True' as const, reason: 'X', message: '', lastTransitionTime: 'then' };
    const before = kindConditions(object(), REASONS, { reason: 'Unreachable', message: 'why' }, {}, BEFORE);
    const after = conditions('Refused', {}, { conditions: [...before, foreign] });
    expect(after.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ['Ready', '2026-01-01T00:00:00Z'],
      ['Foreign', 'then'],
      ['Stalled', '2026-01-02T00:00:00Z'],
    ]);
  });

  it('have messages that the API server takes and gives back as they are, whatever was to be said', () => {
    const { message } = kindConditions(
      object(),
      REASONS,
      { reason: 'Refused', message: '😀'.repeat(40_000) },
      {},
      NOW,
    )[0]!;
    expect(message.length).toBeLessThanOrEqual(1_024);
    expect(message).toMatch(/^(😀)+…$/u);
    const capped: Notice<Reason> = { reason: 'Capped', message: 'half \ud83d' };
    const notices = kindConditions(
      object(),
      REASONS,
      { reason: 'Applied', message: 'x' },
      { BurstCapped: capped },
      NOW,
    );
    expect(notices[1]?.message).toBe('half \ufffd');
  });

  it('are news when the reason of Ready is new, not while it lasts', () => {
    const lasting = object({ conditions: conditions('Unreachable') });
    expect(isNews(lasting, 'Unreachable')).toBe(false);
    expect(isNews(lasting, 'Refused')).toBe(true);
  });
});
