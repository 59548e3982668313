import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readDecision, type Decision } from './decision.ts';

export const DECISIONS = resolve(import.meta.dirname, '../../../../docs/decisions');
export const INDEX = join(DECISIONS, 'README.md');

/** Every page of `docs/decisions/` but the template and the index. Throws as `readDecision` does. */
export function readDecisions(): Decision[] {
  return readdirSync(DECISIONS)
    .filter((file) => file.endsWith('.md') && file !== 'README.md' && !file.startsWith('0000-'))
    .toSorted()
    .map((file) => readDecision(file, readFileSync(join(DECISIONS, file), 'utf8')));
}
