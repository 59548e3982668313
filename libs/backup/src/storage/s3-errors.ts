import { RefusedAddressError } from './endpoint.ts';
import { StorageError, type StorageReason } from './storage.ts';

/** What is asked of which server. */
export interface S3Operation {
  /** As S3 names it, such as `PutObject`. */
  readonly operation: string;
  /** Of an object, or where the storage is. */
  readonly target: string;
  readonly bucket: string;
  /** The server's address, or what stands for it. */
  readonly endpoint: string;
  /** Texts that no message may have in it. */
  readonly secrets: readonly string[];
}

interface Meaning {
  readonly reason: StorageReason;
  readonly retryable: boolean;
  /** What a person can do. */
  readonly wayOut?: string;
}

const LONGEST_ANSWER = 200;

// What a person can do.
const KEYS = 'check access-key-id and secret-access-key in the Secret of the storage';
const PACE = 'make fewer backups at once, or ask for a higher limit';
const SPACE = 'make the storage larger, or keep fewer backups';
const REGION = 'set region to the one of the bucket';

const THROTTLED: Meaning = { reason: 'StorageThrottled', retryable: true, wayOut: PACE };
const DENIED: Meaning = { reason: 'StorageDenied', retryable: false, wayOut: KEYS };
const FULL: Meaning = { reason: 'StorageFull', retryable: false, wayOut: SPACE };
const ELSEWHERE: Meaning = { reason: 'StorageFailed', retryable: false, wayOut: REGION };

/** By the code of the answer, as AWS, MinIO, Ceph and versitygw give it. */
const BY_CODE: Readonly<Record<string, Meaning>> = {
  NoSuchBucket: { reason: 'BucketNotFound', retryable: false, wayOut: 'create the bucket, or name another' },
  InvalidBucketName: { reason: 'BucketNotFound', retryable: false, wayOut: 'name another bucket' },
  InvalidAccessKeyId: DENIED,
  XAdminUserNotFound: DENIED, // versitygw
  SignatureDoesNotMatch: DENIED,
  ExpiredToken: { ...DENIED, wayOut: 'renew the temporary credentials in the Secret of the storage' },
  InvalidToken: DENIED,
  CredentialsProviderError: { ...DENIED, wayOut: 'name a Secret with access-key-id and secret-access-key' },
  RequestTimeTooSkewed: { reason: 'StorageDenied', retryable: true, wayOut: 'set the clocks of both sides' },
  SlowDown: THROTTLED,
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  TooManyRequests: THROTTLED,
  ServiceUnavailable: THROTTLED,
  QuotaExceeded: FULL,
  EntityTooLarge: { reason: 'StorageFailed', retryable: false },
  InsufficientStorage: FULL,
  XMinioStorageFull: FULL,
  XMinioAdminBucketQuotaExceeded: FULL,
  PermanentRedirect: ELSEWHERE,
  AuthorizationHeaderMalformed: ELSEWHERE,
  // The body of a request broke off on its way.
  RequestTimeout: { reason: 'StorageUnreachable', retryable: true },
  IncompleteBody: { reason: 'StorageUnreachable', retryable: true },
  BadDigest: { reason: 'StorageFailed', retryable: true },
  NoSuchUpload: { reason: 'StorageFailed', retryable: false },
};

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  301: ELSEWHERE,
  307: ELSEWHERE,
  401: DENIED,
  408: { reason: 'StorageUnreachable', retryable: true },
  429: THROTTLED,
  502: { reason: 'StorageUnreachable', retryable: true },
  503: THROTTLED,
  504: { reason: 'StorageUnreachable', retryable: true },
  507: FULL,
};

const CA = 'put the CA that signed it into ca.crt of the Secret of the storage';
const NAME = 'check the endpoint';

const BY_NETWORK: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: { reason: 'StorageUnreachable', retryable: true, wayOut: NAME },
  ENOTFOUND: { reason: 'StorageUnreachable', retryable: true, wayOut: NAME },
  EAI_AGAIN: { reason: 'StorageUnreachable', retryable: true },
  SELF_SIGNED_CERT_IN_CHAIN: { reason: 'StorageUnreachable', retryable: false, wayOut: CA },
  DEPTH_ZERO_SELF_SIGNED_CERT: { reason: 'StorageUnreachable', retryable: false, wayOut: CA },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: { reason: 'StorageUnreachable', retryable: false, wayOut: CA },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { reason: 'StorageUnreachable', retryable: false, wayOut: CA },
  ERR_TLS_CERT_ALTNAME_INVALID: { reason: 'StorageUnreachable', retryable: false, wayOut: NAME },
  CERT_HAS_EXPIRED: { reason: 'StorageUnreachable', retryable: false, wayOut: 'renew the certificate of the server' },
};

/** The right in AWS' words that an operation needs, where it is not the operation's own name. */
const RIGHTS: Readonly<Record<string, string>> = {
  CreateMultipartUpload: 'PutObject',
  UploadPart: 'PutObject',
  CompleteMultipartUpload: 'PutObject',
  // Without the right to list, what is missing is denied as well.
  GetObject: 'GetObject and s3:ListBucket',
  ListObjectsV2: 'ListBucket',
};

/** What an SDK throws: an answer of the server, or the error of a connection. */
interface SdkError extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly statusCode?: number };
}

/** Whether the server says that there is no such object. */
export function isObjectMissing(error: unknown): boolean {
  const { name } = error as SdkError;
  return name === 'NoSuchKey' || (name === 'NotFound' && statusOf(error as SdkError) === 404);
}

/** Whether the server does not know a multipart upload: it was completed, aborted, or never begun. */
export function isUploadMissing(error: unknown): boolean {
  return (error as Error).name === 'NoSuchUpload';
}

/** An error of the SDK, as the storage says it. It names no cause: what an SDK keeps with an error may hold credentials. */
export function explainS3Error(error: unknown, about: S3Operation): StorageError {
  if (error instanceof StorageError) return error;
  const thrown = error as SdkError;
  const status = statusOf(thrown);
  const { reason, retryable, wayOut } = meaningOf(thrown, status, about);
  const says = cleaned(thrown.message || thrown.code || thrown.name, about.secrets);
  const code = cleaned(
    status === undefined ? (thrown.code ?? thrown.name) : `${thrown.name}, ${status}`,
    about.secrets,
  );
  const text = `${about.operation} ${about.target} at ${about.endpoint}: ${says} (${code})`;
  return new StorageError(reason, wayOut === undefined ? text : `${text}; ${wayOut}`, { retryable });
}

function meaningOf(error: SdkError, status: number | undefined, { operation, bucket }: S3Operation): Meaning {
  if (error instanceof RefusedAddressError) return { reason: 'StorageDenied', retryable: false };
  if (error.name === 'TimeoutError') return { reason: 'StorageUnreachable', retryable: true };
  const known = own(BY_CODE, error.name) ?? own(BY_NETWORK, error.code);
  if (known) return known;
  if (status === 403) {
    const wayOut = `give these credentials the right s3:${RIGHTS[operation] ?? operation} in the bucket ${bucket}`;
    return { ...DENIED, wayOut };
  }
  if (status === undefined || status < 300) {
    const broken = error.code !== undefined;
    return { reason: broken ? 'StorageUnreachable' : 'StorageFailed', retryable: broken };
  }
  return BY_STATUS[status] ?? { reason: 'StorageFailed', retryable: status >= 500 };
}

/** What a table has for a key that a server may have chosen. */
function own(table: Readonly<Record<string, Meaning>>, key: unknown): Meaning | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
}

function statusOf({ $metadata, $response }: SdkError): number | undefined {
  return $metadata?.httpStatusCode ?? $response?.statusCode;
}

/** A text of a server that anybody may have named: short, on one line, and without what is secret. */
function cleaned(text: unknown, secrets: readonly string[]): string {
  const line = String(text)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  const safe = secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), line);
  return safe.length > LONGEST_ANSWER ? `${safe.slice(0, LONGEST_ANSWER)}…` : safe;
}
