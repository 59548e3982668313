import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartFiles, COMMON_LINK } from './chart-files.ts';
import { controllers } from './controllers.ts';
import { valueSchemas } from './values-schema.ts';
import { valueFiles } from './values.ts';

/**
 * Writes what the charts of the controllers have in common: Chart.yaml, values, their schemas, and the link to the
 * templates. Run by `npm run generate`, which formats the schemas afterwards.
 */
const repository = join(import.meta.dirname, '../../..');
for (const { name } of controllers) {
  const folder = join(repository, 'charts', name, 'charts');
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, 'common'))) symlinkSync(COMMON_LINK, join(folder, 'common'));
}
for (const [path, text] of [...chartFiles(repository), ...valueFiles()]) writeFileSync(join(repository, path), text);
for (const [path, schema] of valueSchemas()) {
  writeFileSync(join(repository, path), JSON.stringify(schema));
}
