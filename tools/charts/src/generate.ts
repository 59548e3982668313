import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { valueSchemas } from './values-schema.ts';
import { valueFiles } from './values.ts';

/** Writes the charts' value schemas and values; run by `npm run generate`, which formats the schemas afterwards. */
const repository = join(import.meta.dirname, '../../..');
for (const [path, text] of valueFiles()) writeFileSync(join(repository, path), text);
for (const [path, schema] of valueSchemas()) {
  writeFileSync(join(repository, path), JSON.stringify(schema));
}
