import { setTimeout } from 'node:timers/promises';
import type { StorageSpec } from './storage-spec.ts';
import type { Storage } from './storage.ts';
import { openVolume } from './volume.ts';

export interface OpenStorageOptions {
  /**
   * Whether, without keys among the credentials, those of the environment are used (the SDK's default chain): the
   * identity of the pod, or a user's profile. Whoever names the bucket then acts with its rights.
   */
  readonly defaultCredentialChain?: boolean;
  /** How long nothing may happen, ms: no answer, and no byte more of a body. */
  readonly stallMs?: number;
  /** After so long no further try of a request is begun, ms. */
  readonly giveUpMs?: number;
  /** Of a part of a larger object; S3 takes 5 MiB and more, and 10,000 of them. About four are in memory. */
  readonly partBytes?: number;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Tries of a request that fails in a way that passes. */
const ATTEMPTS = 5;

/**
 * Opens a storage. The SDK for S3 is loaded here, the first time that one is opened.
 *
 * @param credentials the keys of a Secret, as text: `access-key-id`, `secret-access-key`, for temporary ones
 *   `session-token`, and `ca.crt` for a server whose certificate a CA of its own has signed.
 * @throws {StorageError} when the spec or the credentials cannot be used, or a volume is not there.
 */
export async function openStorage(
  spec: StorageSpec,
  credentials: Readonly<Record<string, string>>,
  options: OpenStorageOptions = {},
): Promise<Storage> {
  const { stallMs = 30_000, giveUpMs = 60_000, partBytes = 8 * 1_048_576, defaultCredentialChain = false } = options;
  const { now = Date.now, random = Math.random, sleep = pause } = options;
  if ('volume' in spec) return await openVolume(spec.volume, { stallMs, now });
  const { openS3 } = await import('./s3.ts');
  const tries = { stallMs, giveUpMs, attempts: ATTEMPTS, now, random, sleep };
  return openS3(spec.s3, { credentials, defaultCredentialChain, partBytes, ...tries });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal });
}
