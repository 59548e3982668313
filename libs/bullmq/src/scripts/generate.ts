import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('./', import.meta.url);
export const GENERATED = new URL('../redis/scripts.generated.ts', import.meta.url);

/** The module that carries every `.lua` file of this folder as text, so that one bundled file holds them. */
export function renderScripts(): string {
  const files = readdirSync(FOLDER)
    .filter((file) => file.endsWith('.lua'))
    .toSorted();
  const entries = files.map((file) => `  ${camelCase(file)}: ${JSON.stringify(textOf(file))},`);
  return [
    '// Generated from scripts/*.lua by `npm run generate`; do not edit.',
    '// prettier-ignore',
    'export const SCRIPTS = {',
    ...entries,
    '} as const;',
    '',
  ].join('\n');
}

/**
 * The script with what several scripts share in the place of each line `-- include parts/<file>`: a part that others
 * include as well stands where it is named first.
 */
function textOf(file: string, included = new Set<string>()): string {
  const text = readFileSync(new URL(file, FOLDER), 'utf8');
  return text.replaceAll(/^-- include (parts\/[a-z-]+\.lua)\n/gm, (_, part: string) => {
    if (included.has(part)) return '';
    included.add(part);
    return textOf(part, included);
  });
}

function camelCase(file: string): string {
  return file.replace('.lua', '').replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(GENERATED, renderScripts());
