import type { z } from 'zod';
import type { ValidationRule } from '../kinds/cel.ts';

/** Refuses a change of `spec.<field>`, of a kind whose objects run once: what is done is what was asked for. */
function immutableField(kind: string, field: string): ValidationRule {
  const [now, before] = [`self.spec.${field}`, `oldSelf.spec.${field}`];
  return {
    rule: `has(${now}) == has(${before}) && (!has(${now}) || ${now} == ${before})`,
    message: `spec.${field} is immutable; create another ${kind}, and delete this one`,
    fieldPath: '.spec',
  };
}

/**
 * Refuses a change of every field of a spec but of those that are named: a field that is added later is immutable until
 * somebody decides otherwise.
 */
export function immutableBut<S extends z.ZodRawShape>(
  kind: string,
  spec: z.ZodObject<S>,
  mutable: readonly (keyof S & string)[],
): ValidationRule[] {
  const free = new Set<string>(mutable);
  return Object.keys(spec.shape)
    .filter((field) => !free.has(field))
    .map((field) => immutableField(kind, field));
}
