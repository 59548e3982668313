import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { valueSchemas } from './values-schema.ts';

/** Writes the charts' value schemas; run by `npm run generate`, which formats them afterwards. */
for (const [path, schema] of valueSchemas()) {
  writeFileSync(join(import.meta.dirname, '../../..', path), JSON.stringify(schema));
}
