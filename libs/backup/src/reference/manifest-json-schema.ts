import { z } from 'zod';
import { manifestSchema } from '../manifest/schema.ts';

/** Below the root of the repository. */
export const MANIFEST_SCHEMA_PATH = 'docs/reference/backup-manifest.schema.json';

/** JSON Schema of a manifest, for readers in other languages. */
export function manifestJsonSchema(): object {
  return z.toJSONSchema(manifestSchema, { io: 'input' });
}
