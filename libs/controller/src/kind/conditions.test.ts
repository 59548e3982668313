import { describe, expect, it } from 'vitest';
import { isNews, kindConditions, type Notice } from './conditions.ts';
import type { KindObject } from './types.ts';

const REASONS = {
  Applied: { kind: 'ready' },
  Starting: { kind: 'progressing' },
  Unreachable: { kind: 'retries' },
  Refused: { kind: 'stalled' },
  Blind: { kind: 'degraded' },
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

/** The status after each reason of Ready in turn. */
const after = (...reasons: Reason[]): KindObject['status'] =>
  reasons.reduce<KindObject['status']>((status, reason) => ({ conditions: conditions(reason, {}, status) }), undefined);
const serving = after('Applied');

describe('the conditions of an object', () => {
  it.each<[Reason, string[]]>([
    ['Applied', ['Ready True Applied', 'Available True Applied', 'Degraded False AsExpected']],
    [
      'Starting',
      ['Ready False Starting', 'Available True Applied', 'Degraded False AsExpected', 'Reconciling True Starting'],
    ],
    [
      'Unreachable',
      [
        'Ready False Unreachable',
        'Available True Applied',
        'Degraded True Unreachable',
        'Reconciling True Unreachable',
      ],
    ],
    ['Refused', ['Ready False Refused', 'Available True Applied', 'Degraded True Refused', 'Stalled True Refused']],
  ])('follow from the kind of the reason: %s', (reason, expected) => {
    expect(brief(conditions(reason, {}, serving))).toEqual(expected);
  });

  it('carry the generation that was reconciled', () => {
    expect(conditions('Refused').map(({ observedGeneration }) => observedGeneration)).toEqual([7, 7, 7, 7]);
  });

  it('have the notices that hold, and lose those that do not', () => {
    const capped: Notice<Reason> = { reason: 'Capped', message: 'less', status: 'False' };
    const first = conditions('Applied', { BurstCapped: capped });
    expect(brief(first)).toContain('BurstCapped False Capped');
    expect(brief(conditions('Applied', { BurstCapped: undefined }, { conditions: first }))).toEqual(
      brief(conditions('Applied')),
    );
  });

  it('keep the time of their last change, and conditions that others set', () => {
    const foreign = { type: 'Foreign', status: 'True' as const, reason: 'X', message: '', lastTransitionTime: 'then' };
    const before = kindConditions(object(), REASONS, { reason: 'Unreachable', message: 'why' }, {}, BEFORE);
    const later = conditions('Refused', {}, { conditions: [...before, foreign] });
    expect(Object.fromEntries(later.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]))).toEqual({
      Ready: '2026-01-01T00:00:00Z',
      Available: '2026-01-01T00:00:00Z',
      Degraded: '2026-01-01T00:00:00Z',
      Foreign: 'then',
      Stalled: '2026-01-02T00:00:00Z',
    });
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
    expect(notices.find(({ type }) => type === 'BurstCapped')?.message).toBe('half \ufffd');
  });

  it('are news when the reason of Ready is new, not while it lasts', () => {
    const lasting = object({ conditions: conditions('Unreachable') });
    expect(isNews(lasting, 'Unreachable')).toBe(false);
    expect(isNews(lasting, 'Refused')).toBe(true);
  });
});

const condition = (list: ReturnType<typeof conditions>, type: string) => list.find((each) => each.type === type);

describe('Available', () => {
  it('is Unknown until the object is Ready for the first time, and then what was known last', () => {
    expect(condition(conditions('Unreachable'), 'Available')).toMatchObject({
      status: 'Unknown',
      reason: 'Unreachable',
    });
    expect(condition(conditions('Refused', {}, serving), 'Available')).toMatchObject({
      status: 'True',
      reason: 'Applied',
    });
  });

  it('is what the kind says, which stays while a failure says nothing of it', () => {
    const gone: Notice<Reason> = { status: 'False', reason: 'Unreachable', message: 'gone' };
    const said = conditions('Applied', { Available: gone }, serving);
    expect(condition(said, 'Available')).toMatchObject({ status: 'False', message: 'gone' });
    expect(condition(conditions('Refused', {}, { conditions: said }), 'Available')).toMatchObject({ message: 'gone' });
  });
});

const degraded = (...args: Parameters<typeof conditions>) => condition(conditions(...args), 'Degraded');

describe('Degraded', () => {
  it('is Unknown until the object is Available for the first time, whatever fails', () => {
    expect(degraded('Refused')).toMatchObject({ status: 'Unknown', reason: 'NeverAvailable' });
    expect(degraded('Unreachable', {}, after('Starting', 'Refused'))).toMatchObject({ status: 'Unknown' });
    const gone: Notice<Reason> = { status: 'False', reason: 'Unreachable', message: 'gone' };
    expect(degraded('Unreachable', { Available: gone }, serving)).toMatchObject({ status: 'True' });
  });

  it.each<[string, Record<string, Notice<Reason>>, string]>([
    ['a condition that is abnormal when True', { Blinded: { reason: 'Blind', message: 'b' } }, 'True Blind'],
    ['one that is normal when True', { Sees: { status: 'False', reason: 'Blind', message: 'b' } }, 'True Blind'],
    ['a failure beside Ready', { Sampling: { reason: 'Unreachable', message: 'b' } }, 'True Unreachable'],
    ['what the kind adds', { Degraded: { reason: 'Starting', message: 'for long' } }, 'True Starting'],
    ['no notice', { BurstCapped: { reason: 'Capped', message: 'less' } }, 'False AsExpected'],
  ])('follows from %s', (_, notices, expected) => {
    const found = degraded('Applied', notices);
    expect(`${found?.status} ${found?.reason}`).toBe(expected);
  });

  it('follows from conditions that a failure leaves as they were, and not from those of others', () => {
    const conditionsBefore = conditions('Applied', { Blinded: { reason: 'Blind', message: 'b' } });
    expect(degraded('Starting', {}, { conditions: conditionsBefore })).toMatchObject({
      status: 'True',
      reason: 'Blind',
    });
    const foreign = { type: 'Foreign', status: 'True' as const, reason: 'X', message: '', lastTransitionTime: 'then' };
    expect(degraded('Applied', {}, { conditions: [foreign] })).toMatchObject({ status: 'False' });
  });

  it('does not change while nothing changes', () => {
    const before = { conditions: conditions('Unreachable', {}, serving) };
    expect(conditions('Unreachable', {}, before)).toEqual(before.conditions);
  });
});
