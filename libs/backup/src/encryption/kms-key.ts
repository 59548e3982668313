import type { KMSClient } from '@aws-sdk/client-kms';
import { BackupKeyError, type KeyReason } from '../errors/backup-key-error.ts';
import { within } from '../storage/deadline.ts';
import { KEY_BYTES } from './data-key.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import type { KmsOptions, KmsSpec } from './kms-client.ts';

/**
 * Wraps with a key that never leaves AWS KMS. What is wrapped is bound to its context there (`EncryptionContext`), so
 * that a policy of the key and its audit log know the backup and the namespace. Several namespaces may use one key, by
 * the identity of one pod: whose a backup is, its files do not decide. The SDK is loaded here, for whoever uses it.
 */
export async function kmsKey(spec: KmsSpec, options: KmsOptions): Promise<KeyWrapper> {
  const { createKmsClient, DecryptCommand, EncryptCommand } = await import('./kms-client.ts');
  const client = createKmsClient(spec, options);
  const { keyId: KeyId } = spec;
  const bound = (context: Readonly<Record<string, string>>) => ({ ...context, namespace: options.namespace });
  const id = `kms:${KeyId}`;
  const ask = <T>(operation: string, send: (client: KMSClient, signal: AbortSignal) => Promise<T>): Promise<T> =>
    call(operation, spec, options.timeoutMs ?? 10_000, (signal) => send(client, signal));
  return {
    id,
    wrap: async (dataKey, context) => {
      const command = new EncryptCommand({ KeyId, Plaintext: dataKey, EncryptionContext: bound(context) });
      const { CiphertextBlob } = await ask('Encrypt', (kms, abortSignal) => kms.send(command, { abortSignal }));
      if (!CiphertextBlob) throw new BackupKeyError('KeyServiceFailed', `Encrypt with ${id} gave nothing`);
      return CiphertextBlob;
    },
    unwrap: async (wrapped, context, wrappedBy) => {
      if (wrappedBy !== id) {
        const message = `the backup was encrypted with key ${wrappedBy}, and given is ${id}; name that key`;
        throw new BackupKeyError('KeyUnknown', message);
      }
      const command = new DecryptCommand({ KeyId, CiphertextBlob: wrapped, EncryptionContext: bound(context) });
      const { Plaintext } = await ask('Decrypt', (kms, abortSignal) => kms.send(command, { abortSignal }));
      if (Plaintext?.length !== KEY_BYTES)
        throw new BackupKeyError('KeyRefused', `${id} wrapped no data key of a backup`);
      return Plaintext;
    },
  };
}

/** Errors of KMS that say that this is not what the key has wrapped. */
const NOT_WRAPPED_BY_IT = ['InvalidCiphertextException', 'IncorrectKeyException'];
/** Errors that stay until a person does something. */
const DENIED = [
  'AccessDeniedException',
  'CredentialsProviderError',
  'DisabledException',
  'InvalidKeyUsageException',
  'InvalidSignatureException',
  'KMSInvalidStateException',
  'NotFoundException',
  'UnrecognizedClientException',
];

/** One call, with a deadline of ours. */
async function call<T>(
  operation: string,
  { keyId, region = 'us-east-1', endpoint = `AWS KMS in ${region}` }: KmsSpec,
  timeoutMs: number,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const fail = (reason: KeyReason, why: string, cause?: unknown): BackupKeyError =>
    new BackupKeyError(reason, `${operation} with key kms:${keyId} at ${endpoint}: ${why}`, cause);
  const late = (): Error =>
    fail('KeyServiceFailed', `no answer after ${timeoutMs / 1_000} s; check that it can be reached`);
  try {
    return await within(send(over.signal), { deadline: { ms: timeoutMs, late } });
  } catch (error) {
    over.abort();
    if (error instanceof BackupKeyError) throw error;
    const { name, message } = error as Error;
    if (NOT_WRAPPED_BY_IT.includes(name))
      throw fail('KeyRefused', 'it did not wrap the data key of this backup for this namespace', error);
    if (DENIED.includes(name))
      throw fail('KeyDenied', `${message}; check the key, its policy and the credentials`, error);
    throw fail('KeyServiceFailed', `${message || name}; check that it can be reached`, error);
  }
}
