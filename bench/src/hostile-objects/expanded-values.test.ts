import { expect, it } from 'vitest';
import { expandedValues } from './expanded-values.ts';

it('finds what the kubelet expands, and not what is written with a doubled $', () => {
  const env = ['$(A)', 'a$$(A)', '$$$(A)', 'plain', '$'].map((value, index) => ({ name: `V${index}`, value }));
  const spec = { template: { spec: { containers: [{ env }] } } };
  const found = expandedValues({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec });
  expect(found).toEqual(['$(A)', '$$$(A)']);
});
