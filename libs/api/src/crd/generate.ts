import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './generated-files.ts';

/** Writes the generated files; run by `npm run generate`. */
const repository = join(import.meta.dirname, '../../../..');
for (const [path, text] of generatedFiles()) {
  const file = join(repository, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
