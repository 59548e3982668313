import type { ValidationRule } from '../kinds/cel.ts';

/** Refuses a change of `spec.<field>`, of a kind whose objects run once: what is done is what was asked for. */
export function immutableField(kind: string, field: string): ValidationRule {
  const [now, before] = [`self.spec.${field}`, `oldSelf.spec.${field}`];
  return {
    rule: `has(${now}) == has(${before}) && (!has(${now}) || ${now} == ${before})`,
    message: `spec.${field} is immutable; create another ${kind}, and delete this one`,
    fieldPath: '.spec',
  };
}
