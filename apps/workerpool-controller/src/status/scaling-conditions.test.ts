import { describe, expect, it } from 'vitest';
import type { StatusInput } from '../status.ts';
import { aDecision, aPool, autoscaled } from '../testing/objects.ts';
import { allReady, brief, deployment, EARLIER, statusOf } from '../testing/statuses.ts';

const auto = aPool(autoscaled(0, 10));
const scalingOf = (change: Partial<StatusInput>, pool = auto) => {
  const {
    Ready: _ready,
    Available: _available,
    Degraded: _degraded,
    ...scaling
  } = brief(statusOf(pool, { deployment: deployment(pool, 1, allReady(1)), ...change }));
  return scaling;
};
const able = { ScalingActive: 'True Decided', AbleToScale: 'True ReadyForNewScale' };
const unlimited = { ScalingLimited: 'False DesiredWithinRange' };
const held = (heldBy: string, wants: number) => ({
  decision: aDecision({ heldBy, signals: [{ queue: 'emails', depth: 4, wants }] }),
});

describe('the conditions of scaling', () => {
  it.each<[string, Partial<StatusInput>, Record<string, string>]>([
    ['no decision yet', {}, { ScalingActive: 'False WaitingForDecision' }],
    ['a decision', { decision: aDecision() }, { ...able, ...unlimited }],
    [
      'a queue that cannot be read',
      held('SensorFailed', 1),
      { ...able, ...unlimited, ScalingActive: 'False SensorFailed' },
    ],
    ['old data', held('StaleData', 1), { ...able, ...unlimited, ScalingActive: 'False StaleData' }],
    ['jobs that fail', held('JobsFailing', 9), { ...able, ...unlimited, AbleToScale: 'False JobsFailing' }],
    ['no node for more pods', held('Unschedulable', 9), { ...able, ...unlimited, AbleToScale: 'False Unschedulable' }],
    [
      'less that would do',
      held('StabilizationWindow', 1),
      { ...able, ...unlimited, AbleToScale: 'True ScaleDownStabilized' },
    ],
    ['a burst', held('Panic', 1), { ...able, ...unlimited, AbleToScale: 'True ScaleDownStabilized' }],
    [
      'a slow scaleUp',
      held('StabilizationWindow', 9),
      { ...able, ...unlimited, AbleToScale: 'True ScaleUpStabilized' },
    ],
    ['a growth in steps', held('StepLimit', 9), { ...able, ScalingLimited: 'True ScaleUpLimit' }],
    ['a shrink that is disabled', held('Disabled', 1), { ...able, ScalingLimited: 'True ScaleDownLimit' }],
    [
      'maxReplicas',
      { decision: aDecision({ safetyLimitHit: true }) },
      { ...able, ScalingLimited: 'True TooManyReplicas' },
    ],
    [
      'a size that the API server refuses',
      { decision: aDecision(), unapplied: { reason: 'ApiForbidden', message: 'no right' } },
      { ...able, ...unlimited, AbleToScale: 'False ApiForbidden' },
    ],
    [
      'the same before any decision was applied',
      { unapplied: { reason: 'ApiUnavailable', message: 'no answer' } },
      { ScalingActive: 'False WaitingForDecision', AbleToScale: 'False ApiUnavailable' },
    ],
    ['a hold of a later release', held('MoonPhase', 1), { ...able, ...unlimited, AbleToScale: 'True Held' }],
    [
      'decisions of a later version of the bus',
      { decision: aDecision(), unknownVersion: '2.0' },
      { ...able, ...unlimited, ScalingActive: 'False UnknownDecisionVersion' },
    ],
    [
      'another writer of the size',
      { decision: aDecision(), contest: { manager: 'kubectl', kind: 'repair', untilMs: 0 } },
      {
        ...unlimited,
        ScalingActive: 'False ReplicasContested',
        AbleToScale: 'False ReplicasContested',
        ReplicasContested: 'True ReplicasContested',
      },
    ],
  ])('report %s', (_, change, expected) => {
    expect(scalingOf(change)).toEqual(expected);
  });

  it('say that a pool at zero cannot be woken, although nothing is held', () => {
    const decision = aDecision({ desiredReplicas: 0, signals: [{ queue: 'emails' }, { queue: 'sms', depth: 0 }] });
    expect(scalingOf({ decision })).toMatchObject({ ScalingActive: 'False SensorFailed' });
  });

  it('carry the sentence with the numbers where something is in the way', () => {
    const decision = aDecision({ heldBy: 'JobsFailing', reason: '3 replicas instead of 9, because 80 % failed' });
    const { conditions } = statusOf(auto, { decision });
    expect(conditions?.find(({ type }) => type === 'AbleToScale')?.message).toBe(decision.reason);
  });

  it('are the same after a restart, until the next decision', () => {
    for (const decision of [aDecision({ safetyLimitHit: true }), held('JobsFailing', 9).decision, aDecision()]) {
      const reported = statusOf(auto, { decision });
      expect(scalingOf({}, { ...auto, status: reported })).toEqual(scalingOf({ decision }));
    }
  });

  it.each<[StatusInput['bus'], RegExp]>([
    [{ state: 'absent', problem: 'Secret a/b does not exist' }, /: Secret a\/b does not exist\. The size stays/],
    [{ state: 'unusable', problem: 'Redis refused the user' }, /: Redis refused the user\. The size stays/],
  ])('say that the bus is lost, also of a pool with decisions, until it is known to be back: %j', (bus, message) => {
    const lost = statusOf(auto, { decision: aDecision(), bus });
    const active = lost.conditions?.find(({ type }) => type === 'ScalingActive');
    expect(active).toMatchObject({ status: 'False', reason: 'BusUnavailable' });
    expect(active?.message).toMatch(message);
    const restarted = { ...auto, status: lost };
    expect(statusOf(restarted, { bus: { state: 'unknown' } }).conditions).toEqual(lost.conditions);
    expect(scalingOf({ bus: { state: 'works' } }, restarted)).toMatchObject(able);
  });

  it.each<[StatusInput['bus'], RegExp]>([
    [{ state: 'absent', problem: 'gone' }, /until a decision comes, spec.replicas rules/i],
    [{ state: 'unusable', problem: 'gone' }, /at least spec.replicas pods run from a minute/],
  ])('say which size a new pool has without a bus: %j', (bus, message) => {
    const { conditions } = statusOf(auto, { bus });
    expect(conditions?.find(({ type }) => type === 'ScalingActive')?.message).toMatch(message);
  });

  it('of autoscaling that is off are one', () => {
    expect(scalingOf({ decision: aDecision() }, aPool())).toEqual({ ScalingActive: 'False Disabled' });
  });
});

describe('decisions that were not understood', () => {
  const reported = {
    type: 'ScalingActive',
    status: 'False',
    reason: 'UnknownDecisionVersion',
    message: 'speaks 2.0',
    lastTransitionTime: EARLIER,
  } as const;
  const pool = aPool(autoscaled(0, 10), { conditions: [reported] });
  const activeOf = (change: Partial<StatusInput>) =>
    statusOf(pool, change).conditions?.find(({ type }) => type === 'ScalingActive');

  it('are reported after a restart too, until one that is', () => {
    expect(activeOf({})).toMatchObject({ reason: 'UnknownDecisionVersion', message: 'speaks 2.0' });
    expect(activeOf({ decision: aDecision() })).toMatchObject({ reason: 'Decided' });
  });
});

const conditionsOf = (change: Partial<StatusInput>, pool = auto) => statusOf(pool, change).conditions ?? [];
const find = (list: ReturnType<typeof conditionsOf>, type: string) => list.find((each) => each.type === type);

describe('a Redis that does not notify of new jobs', () => {
  const polled = { decision: aDecision({ polled: 'the connection for notifications was lost' }) };

  it('degrades the pool, which says why it wakes late, and goes on following decisions', () => {
    const list = conditionsOf({ deployment: deployment(auto, 1, allReady(1)), ...polled });
    const said = {
      reason: 'WakeUpsPolled',
      message: expect.stringMatching(/up to a second late: the connection/) as string,
    };
    expect(find(list, 'ScalingActive')).toMatchObject({ status: 'True', ...said });
    expect(find(list, 'Degraded')).toMatchObject({ status: 'True', ...said });
  });

  it('is said after a restart too, until a decision says otherwise', () => {
    const conditions = conditionsOf(polled);
    const pool = aPool(autoscaled(0, 10), { conditions, autoscaling: { desired: 0, decision: '1.1' } });
    expect(find(conditionsOf({}, pool), 'ScalingActive')).toMatchObject(find(conditions, 'ScalingActive')!);
    expect(find(conditionsOf({ decision: aDecision() }, pool), 'ScalingActive')).toMatchObject({ reason: 'Decided' });
  });
});
