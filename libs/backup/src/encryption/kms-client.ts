import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { KMSClient } from '@aws-sdk/client-kms';
import { BackupKeyError } from '../errors/backup-key-error.ts';
import { checkedEndpoint, guardedLookup } from '../storage/endpoint.ts';
import { limited } from '../storage/limited.ts';
import { StorageError } from '../storage/storage.ts';

export { DecryptCommand, EncryptCommand } from '@aws-sdk/client-kms';

/** A key of AWS KMS, or of a service that speaks its protocol. */
export interface KmsSpec {
  /** Id, ARN or alias. */
  readonly keyId: string;
  readonly region?: string;
  /** AWS' own by default. */
  readonly endpoint?: string;
}

export interface KmsOptions {
  /** Keys of a Secret as text: `access-key-id`, `secret-access-key`, `session-token`, `ca.crt`. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Whether, without keys, those of the environment are used: of the pod's identity, or of the user's profile. */
  readonly defaultCredentialChain?: boolean;
  /** Whose backups it is for: a copy of another namespace's backup does not open. */
  readonly namespace: string;
  /** How long a call may take, all its tries together, ms. */
  readonly timeoutMs?: number;
}

/** Tries of the SDK, of which it makes another one when a call fails in a way that passes. */
const ATTEMPTS = 3;
/** An answer has a wrapped key, or a key. */
const LONGEST_ANSWER_BYTES = 64 * 1_024;

/** Whoever imports this file loads the SDK. */
export function createKmsClient(spec: KmsSpec, options: KmsOptions): KMSClient {
  const connections = { keepAlive: false, lookup: guardedLookup };
  const ca = options.credentials['ca.crt'];
  const credentials = credentialsOf(options);
  const client = new KMSClient({
    region: spec.region ?? 'us-east-1',
    ...(spec.endpoint !== undefined && { endpoint: endpointOf(spec.endpoint) }),
    ...(credentials && { credentials }),
    maxAttempts: ATTEMPTS,
    requestHandler: {
      httpAgent: new HttpAgent(connections),
      httpsAgent: new HttpsAgent({ ...connections, ...(ca !== undefined && { ca }) }),
    },
  });
  limitAnswers(client);
  return client;
}

function credentialsOf({ credentials, defaultCredentialChain = false }: KmsOptions) {
  const { 'access-key-id': accessKeyId, 'secret-access-key': secretAccessKey } = credentials;
  if (accessKeyId && secretAccessKey) {
    const sessionToken = credentials['session-token'];
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  }
  if (defaultCredentialChain && !accessKeyId && !secretAccessKey) return undefined;
  const message = 'the key in AWS KMS lacks credentials; name a Secret with access-key-id and secret-access-key';
  throw new BackupKeyError('KeyDenied', message);
}

/** The walls around the endpoint of a storage are those around this one. */
function endpointOf(endpoint: string): string {
  try {
    return checkedEndpoint(endpoint);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new BackupKeyError('KeyDenied', error.message.replace('of a storage', 'of AWS KMS'), error);
  }
}

function limitAnswers(client: KMSClient): void {
  client.middlewareStack.add(
    (next) => async (request) => {
      const result = await next(request);
      const response = result.response as { body?: Readable };
      if (response.body) response.body = limited(response.body, LONGEST_ANSWER_BYTES, tooLong);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'limitAnswers' },
  );
}

function tooLong(): Error {
  return new Error(`the answer is longer than ${LONGEST_ANSWER_BYTES / 1_024} KiB`);
}
