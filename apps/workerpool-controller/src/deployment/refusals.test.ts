import { ApiError } from '@redis-queue/controller';
import { describe, expect, it } from 'vitest';
import type { PoolPlan } from '../steps.ts';
import { aPool, liveDeployment, someQueues } from '../testing/objects.ts';
import { desiredDeployment } from './deployment.ts';
import { desiredBudget } from './disruption-budget.ts';
import { describeRefusal, isRefusal, OVERRULED_MS, REFUSAL_MS, Refusals } from './refusals.ts';
import type { PoolStep } from './steps.ts';

const built = desiredDeployment(aPool(), someQueues);
const step: PoolStep = { kind: 'applyTemplate', deployment: built, drift: false };
const scale: PoolStep = { kind: 'scale', replicas: 3, fence: { epoch: 1, sequence: 1 }, reason: 'test' };
const budget: PoolStep = { kind: 'applyBudget', budget: desiredBudget(aPool()), drift: false };
const plan: PoolPlan = { steps: [scale, step, budget] };
const live = liveDeployment(built, 1);
const problem = { reason: 'TemplateInvalid', message: 'no' } as const;

describe('a refusal', () => {
  // Wall 6: what a webhook or policy no longer refuses is there within 10 s.
  it('is tried again within 10 s', () => {
    expect(REFUSAL_MS).toBeLessThan(8_000);
  });

  it('stands for the same build over the same Deployment, and stops all but the size', () => {
    const refusals = new Refusals();
    refusals.note('pool', { step, plan, live }, problem, 1_000);
    expect(refusals.recall('pool', plan, live, 2_000)).toMatchObject({ problem, stillToDo: [scale] });
    expect(refusals.recall('other', plan, live, 2_000)).toBeUndefined();
  });

  it('of another step than the build is not remembered: the build may be fine', () => {
    const refusals = new Refusals();
    for (const other of [scale, budget]) {
      expect(refusals.note('pool', { step: other, plan, live }, problem, 1_000)).toBe(1_000 + REFUSAL_MS);
    }
    expect(refusals.recall('pool', plan, live, 2_000)).toBeUndefined();
  });

  it('stands although the size changes', () => {
    const refusals = new Refusals();
    refusals.note('pool', { step, plan, live }, problem, 1_000);
    const sized = liveDeployment(built, 5);
    expect(refusals.recall('pool', { steps: [step, budget] }, sized, 2_000)).toMatchObject({ stillToDo: [] });
  });

  it('stands although the annotations of a rollout that cannot begin move on', () => {
    const refusals = new Refusals();
    refusals.note('pool', { step, plan, live }, problem, 1_000);
    const later = desiredDeployment(aPool(), someQueues, { annotations: { started: 'later' } });
    expect(refusals.recall('pool', { steps: [{ ...step, deployment: later }] }, live, 2_000)).toBeDefined();
  });

  it('is over when the build or the Deployment changes, after a while, and when it is forgotten', () => {
    const refusals = new Refusals();
    refusals.note('pool', { step, plan, live }, problem, 1_000);
    const other = desiredDeployment(aPool({ version: '2' }), someQueues);
    expect(refusals.recall('pool', { steps: [{ ...step, deployment: other }] }, live, 2_000)).toBeUndefined();
    const written = { ...live, spec: { ...live.spec, paused: true } };
    expect(refusals.recall('pool', plan, written, 2_000)).toBeUndefined();
    expect(refusals.recall('pool', plan, live, 1_000 + REFUSAL_MS)).toBeUndefined();
    refusals.forget('pool');
    expect(refusals.recall('pool', plan, live, 2_000)).toBeUndefined();
  });
});

describe('a build that is stored differently from how it was sent', () => {
  const again: PoolPlan = { steps: [scale, { ...step, drift: true }, budget] };

  it('is not written again over the same Deployment, and stops nothing else', () => {
    const refusals = new Refusals();
    expect(refusals.noteOverruled('pool', again, live, 1_000)).toBe(true);
    const standing = refusals.recall('pool', again, live, 2_000);
    expect([standing?.problem, standing?.stillToDo]).toEqual([undefined, [scale, budget]]);
    expect(refusals.recall('pool', again, live, 1_000 + OVERRULED_MS)).toBeUndefined();
  });

  it('is distinguished from one that is as it should be, and from a change that is still to come', () => {
    const refusals = new Refusals();
    expect(refusals.noteOverruled('pool', { steps: [] }, live, 1_000)).toBe(false);
    expect(refusals.noteOverruled('pool', plan, live, 1_000)).toBe(false);
    expect(refusals.recall('pool', again, live, 2_000)).toBeUndefined();
  });
});

const answer = (code: number, message: string, causes?: { field?: string; message?: string }[]) =>
  new ApiError('PATCH /apis/apps/v1/namespaces/a/deployments/b', {
    code,
    reason: 'X',
    message,
    ...(causes && { details: { causes } }),
  });

describe('of the answers of the API server', () => {
  it.each<[string, unknown, boolean]>([
    ['invalid fields', answer(422, 'is invalid'), true],
    [
      'an unknown field of a typed patch',
      answer(
        500,
        'failed to create typed patch object (a/b; apps/v1, Kind=Deployment): .spec.x: field not declared in schema',
      ),
      true,
    ],
    ['a denial by a webhook', answer(403, 'admission webhook "x" denied the request: no'), true],
    ['a denial by a policy', answer(403, "ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no"), true],
    ['a missing right', answer(403, 'User "x" cannot patch resource "deployments"'), false],
    ['a failure of its own', answer(500, 'etcdserver: request timed out'), false],
    ['a conflict', answer(409, 'the object has been modified'), false],
    ['no answer at all', new Error('connect ECONNREFUSED'), false],
  ])('%s: %j finds fault with the object: %s', (_, error, expected) => {
    expect(isRefusal(error)).toBe(expected);
  });

  it.each<[string, ApiError, string]>([
    [
      'the fields',
      answer(422, 'long', [{ field: 'spec.a', message: 'Invalid value' }, { message: 'bad' }]),
      'spec.a: Invalid value; bad',
    ],
    [
      'the text without the request and its type',
      answer(
        500,
        'failed to create typed patch object (a/b; apps/v1, Kind=Deployment): errors:\n  .spec.x: not\n  declared',
      ),
      '.spec.x: not declared',
    ],
  ])('says %s', (_, error, expected) => {
    expect(describeRefusal(step, error)).toEqual({
      reason: 'TemplateInvalid',
      message: `the API server refuses the Deployment, which stays as it is: ${expected}`,
    });
  });

  it('cuts what nobody would read to its end, and names the object', () => {
    const { message } = describeRefusal(budget, answer(422, 'x'.repeat(5_000)));
    expect([message.length, message.at(-1)]).toEqual([1_000, '…']);
    expect(message).toContain('refuses the PodDisruptionBudget');
  });
});
