import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BackupKeys } from '../encryption/data-key.ts';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { BackupVersionError } from '../errors/backup-version-error.ts';
import type { PartEntry } from '../parts/part.ts';
import { canonicalJson } from './canonical-json.ts';
import { FORMAT, FORMAT_VERSIONS, manifestSchema, type Manifest, type UnsealedManifest } from './schema.ts';

/** A manifest, and the text in which it is stored. */
export interface WrittenManifest {
  readonly manifest: Manifest;
  readonly text: string;
}

/** Completes a manifest with what shows that nobody changed it. */
export function sealManifest(unsealed: UnsealedManifest, keys: BackupKeys | undefined): WrittenManifest {
  // As JSON has it: without what is undefined, and dates as texts.
  const plain = JSON.parse(JSON.stringify(unsealed)) as UnsealedManifest;
  const content = canonicalJson(plain);
  const integrity: Manifest['integrity'] = keys
    ? { algorithm: 'HMAC-SHA-256', value: keys.authenticate(content) }
    : { algorithm: 'SHA-256', value: sha256Of(content) };
  const manifest: Manifest = { ...plain, integrity };
  return { manifest, text: canonicalJson(manifest) };
}

/**
 * What a manifest says, as far as can be seen without its key: whether it has the form, and agrees with itself. Who has
 * written it is not known before `checkIntegrity`.
 *
 * @param path of the manifest, for messages.
 */
export function parseManifest(text: string, path: string): Manifest {
  const json = parseCanonical(text, path);
  const { format, formatVersion } = json as Record<string, unknown>;
  if (format !== FORMAT) throw new BackupDamagedError(path, 'ManifestDamaged', 'is no manifest of a backup');
  const versions: readonly unknown[] = Object.values(FORMAT_VERSIONS);
  if (!versions.includes(formatVersion)) {
    throw new BackupVersionError(path, formatVersion, Object.values(FORMAT_VERSIONS));
  }
  const { success, data, error } = manifestSchema.safeParse(json);
  if (!success) {
    const [issue] = error.issues;
    const what = `does not have the form of a manifest: ${z.core.toDotPath(issue?.path ?? [])}: ${issue?.message}`;
    throw new BackupDamagedError(path, 'ManifestDamaged', what);
  }
  const contradiction = contradictionIn(data);
  if (contradiction !== undefined) throw new BackupDamagedError(path, 'ManifestDamaged', contradiction);
  return data;
}

/** @throws {BackupDamagedError} when the manifest in `text` is not as it was written. */
export function checkIntegrity(text: string, path: string, keys: BackupKeys | undefined): void {
  const { integrity, ...rest } = JSON.parse(text) as Manifest;
  const content = canonicalJson(rest);
  if (keys) {
    if (keys.isAuthentic(content, integrity.value)) return;
    const what = "was changed, or written by somebody who does not have the backup's key";
    throw new BackupDamagedError(path, 'ManifestNotAuthentic', what);
  }
  if (sha256Of(content) === integrity.value) return;
  throw new BackupDamagedError(path, 'ManifestDamaged', 'does not have the SHA-256 that stands in it');
}

/** SHA-256 over the hashes of a queue's parts. */
export function hashOfParts(parts: readonly PartEntry[]): string {
  const hash = createHash('sha256');
  for (const { sha256 } of parts) hash.update(sha256, 'hex');
  return hash.digest('hex');
}

/** SHA-256 of a text, as hexadecimal digits. */
export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Only the canonical form is a manifest, so that no change of it goes unseen, not even of white space. */
function parseCanonical(text: string, path: string): object {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && canonicalJson(json) === text) return json;
  } catch (cause) {
    throw new BackupDamagedError(path, 'ManifestDamaged', 'is not JSON', cause);
  }
  throw new BackupDamagedError(path, 'ManifestDamaged', 'is not JSON in canonical form');
}

/** What in a manifest disagrees with the rest of it, as the end of a sentence. */
function contradictionIn({ formatVersion, previous, queues, encryption, integrity }: Manifest): string | undefined {
  const isIncrement = formatVersion === FORMAT_VERSIONS.increment;
  if (isIncrement !== (previous !== undefined)) {
    return `has the formatVersion ${formatVersion} and "previous" ${previous ? 'although it is of a full backup' : 'absent'}`;
  }
  if ((integrity.algorithm === 'HMAC-SHA-256') !== (encryption !== undefined)) {
    return `has "encryption" ${encryption ? 'and no' : 'absent and a'} HMAC`;
  }
  const [names, directories] = [new Set<string>(), new Set<string>()];
  for (const queue of queues) {
    if (names.has(queue.name)) return `names queue ${queue.name} twice`;
    if (directories.has(queue.directory)) return `names directory ${queue.directory} twice`;
    names.add(queue.name);
    directories.add(queue.directory);
    if (queue.parts.some(({ holds }) => isIncrement !== (holds !== undefined)))
      return `has the formatVersion ${formatVersion} and parts of queue ${queue.name} ${isIncrement ? 'without' : 'with'} "holds"`;
    for (const field of ['records', 'bytes', 'storedBytes'] as const) {
      const sum = queue.parts.reduce((total, part) => total + part[field], 0);
      if (sum !== queue[field]) return `says ${queue[field]} ${field} of queue ${queue.name}, whose parts have ${sum}`;
    }
    if (hashOfParts(queue.parts) !== queue.sha256)
      return `has a hash of queue ${queue.name} that its parts do not give`;
  }
  return undefined;
}
