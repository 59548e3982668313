import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generatedFiles } from './generated-files.ts';

const repository = join(import.meta.dirname, '../../../..');

describe('generated files', () => {
  test.each([...generatedFiles()])('%s is what `npm run generate` writes', (path, text) => {
    expect(readFileSync(join(repository, path), 'utf8')).toBe(text);
  });
});
