import { describe, expect, it } from 'vitest';
import { contradictions, type Health } from './health.ts';

/** A state of one object: conditions as `type: status reason`. */
function state(kstatus: string, argo: string, conditions: Record<string, string>, change: object = {}): Health {
  const list = Object.entries({ Available: 'True X', Degraded: 'False X', ...conditions }).map(([type, said]) => {
    const [status, reason = ''] = said.split(' ') as ['True' | 'False' | 'Unknown', string?];
    return { type, status, reason, message: '', lastTransitionTime: '' };
  });
  const metadata = { name: 'a', uid: 'u', generation: 2, ...change };
  const status = { observedGeneration: 2, conditions: list };
  return { object: { apiVersion: 'v1', kind: 'X', metadata, status }, kstatus, argo, message: '' };
}
const current = state('Current', 'Healthy', { Ready: 'True Applied' });
const trouble = state('InProgress', 'Progressing', { Ready: 'False Broken', Reconciling: 'True Broken' });
const progress = state('InProgress', 'Progressing', { Ready: 'False Progressing', Reconciling: 'True Progressing' });
const found = (...life: Health[]): string[] =>
  contradictions(life, new Set(['Broken'])).map((sentence) => sentence.split(':')[0]!);

describe('the contradictions of a life', () => {
  it('are none while all is as it should be', () => {
    expect(found(progress, current, trouble, current)).toEqual([]);
  });

  it.each<[string, Health[]]>([
    ['it was Current, and is in progress although nothing failed', [current, progress]],
    ['it is Current and of an old generation', [state('Current', 'Healthy', { Ready: 'True X' }, { generation: 3 })]],
    ['it is Current and not Ready', [state('Current', 'Degraded', { Ready: 'False X' })]],
    ['it has Failed and is not Stalled', [state('Failed', 'Degraded', { Ready: 'False X', Reconciling: 'True X' })]],
    ['it is Healthy and Degraded', [state('Current', 'Healthy', { Ready: 'True X', Degraded: 'True X' })]],
    ['it is not Terminating', [state('Current', 'Healthy', { Ready: 'True X' }, { deletionTimestamp: 'now' })]],
    ['a condition of every object is missing', [state('InProgress', 'Progressing', {})]],
  ])('%s', (sentence, life) => {
    expect(found(...life)).toEqual([sentence]);
  });
});
