import { GROUP } from '../kinds/meta.ts';
import { customResourceDefinition } from './definition.ts';
import { kinds } from './kinds.ts';
import { referencePage } from './reference-page.ts';
import { generatedYaml } from './yaml.ts';

/** Everything that is generated from the kinds: path below the repository's root → text. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const kind of kinds) {
    const definition = customResourceDefinition(kind);
    files.set(`crds/${GROUP}_${kind.plural}.yaml`, generatedYaml(definition));
    files.set(`docs/reference/${kind.kind.toLowerCase()}.md`, referencePage(kind));
  }
  return files;
}
