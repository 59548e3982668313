import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_SCHEMA_PATH, manifestJsonSchema } from './manifest-json-schema.ts';

/** Writes the generated file; run by `npm run generate`, which formats it. */
const file = join(import.meta.dirname, '../../../..', MANIFEST_SCHEMA_PATH);
writeFileSync(file, `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
