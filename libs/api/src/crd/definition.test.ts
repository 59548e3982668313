import { describe, expect, test } from 'vitest';
import { customResourceDefinition, type KindDefinition } from './definition.ts';
import { kinds } from './kinds.ts';
import { referencePage } from './reference-page.ts';

describe('the scope of a kind', () => {
  const [queue] = kinds as [KindDefinition, ...KindDefinition[]];

  test.each([
    ['Namespaced', 'namespaced', queue],
    ['Namespaced', 'namespaced', { ...queue, scope: 'Namespaced' }],
    ['Cluster', 'cluster-scoped', { ...queue, scope: 'Cluster' }],
  ] as const)('%s is in its definition, and as %s on its reference page', (scope, word, definition) => {
    expect(customResourceDefinition(definition).spec).toMatchObject({ scope });
    expect(referencePage(definition)).toContain(`\`kind: Queue\`, ${word}, short name`);
  });
});
