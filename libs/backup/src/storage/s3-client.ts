import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { checkedEndpoint, guardedLookup } from './endpoint.ts';
import { limitAnswers } from './s3-answers.ts';
import type { S3Spec } from './storage-spec.ts';
import { StorageError } from './storage.ts';

const CONNECT_MS = 10_000;
const CONNECTIONS = 8;

/** Keys in the Secret of a storage. */
export const KEY_ID = 'access-key-id';
export const SECRET_KEY = 'secret-access-key';
export const SESSION_TOKEN = 'session-token';
export const CA = 'ca.crt';

export interface S3ClientOptions {
  readonly credentials: Readonly<Record<string, string>>;
  /** Whether, without keys, those of the environment are used: of the pod's identity, or of the user's profile. */
  readonly defaultCredentialChain: boolean;
  readonly stallMs: number;
}

/** A client, whose tries and deadlines are its caller's, and what ends its connections. */
export function createS3Client(spec: S3Spec, options: S3ClientOptions): { client: S3Client; close: () => void } {
  const ca = options.credentials[CA];
  const connections = { keepAlive: true, maxSockets: CONNECTIONS, lookup: guardedLookup };
  const httpAgent = new HttpAgent(connections);
  const httpsAgent = new HttpsAgent({ ...connections, ...(ca !== undefined && { ca }) });
  const endpoint = spec.endpoint === undefined ? undefined : checkedEndpoint(spec.endpoint);
  const credentials = credentialsOf(options);
  const client = new S3Client({
    region: spec.region ?? 'us-east-1',
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: spec.forcePathStyle ?? endpoint !== undefined,
    ...(credentials && { credentials }),
    maxAttempts: 1,
    // Without progress for so long the connection ends; the deadline of a whole request is its caller's.
    requestHandler: { httpAgent, httpsAgent, connectionTimeout: CONNECT_MS, socketTimeout: options.stallMs },
  });
  limitAnswers(client);
  return {
    client,
    close: () => {
      client.destroy();
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

function credentialsOf({ credentials, defaultCredentialChain }: S3ClientOptions): S3ClientConfig['credentials'] {
  const { [KEY_ID]: accessKeyId, [SECRET_KEY]: secretAccessKey, [SESSION_TOKEN]: sessionToken } = credentials;
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  if (accessKeyId || secretAccessKey)
    throw denied(`the Secret of the storage lacks ${accessKeyId ? SECRET_KEY : KEY_ID}; it has to have both`);
  if (!defaultCredentialChain)
    throw denied(`the storage has no credentials; name a Secret with ${KEY_ID} and ${SECRET_KEY}`);
  return undefined;
}

function denied(why: string): StorageError {
  return new StorageError('StorageDenied', why, { retryable: false });
}
