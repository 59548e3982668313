import { stringify } from 'yaml';

export const GENERATED = 'Generated from libs/api by `npm run generate`; do not edit.';

/**
 * An object as YAML with the header of generated files. Rules and messages stay on one line, so that grep finds them;
 * what YAML 1.1 parsers would take for a date or a boolean is quoted.
 */
export function generatedYaml(object: object): string {
  return `# ${GENERATED}\n${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' })}`;
}
