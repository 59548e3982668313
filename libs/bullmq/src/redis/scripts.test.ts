import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GENERATED, renderScripts } from '../scripts/generate.ts';
import { SCRIPTS } from './scripts.generated.ts';

test('scripts.generated.ts is up to date (else run `npm run generate`)', () => {
  expect(readFileSync(GENERATED, 'utf8')).toBe(renderScripts());
});

test.each(Object.entries(SCRIPTS))('%s says its keys, its cost and what it never does', (_, text) => {
  for (const word of ['KEYS', 'Reply', 'Cost', 'Never']) expect(text.split('--[[')[1]).toContain(word);
});
