import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MANIFEST_SCHEMA_PATH, manifestJsonSchema } from './manifest-json-schema.ts';

it('is what `npm run generate` writes', () => {
  const file = join(import.meta.dirname, '../../../..', MANIFEST_SCHEMA_PATH);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(manifestJsonSchema())));
});
