import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { abortable } from './deadline.ts';
import { uploadInParts, type MultipartCalls } from './multipart.ts';
import { isPath, namesOf } from './object-path.ts';
import { partsOf, type Part } from './parts.ts';
import { Retries } from './retries.ts';
import { NAMES_PER_PAGE } from './s3-answers.ts';
import { CA, createS3Client, type S3ClientOptions } from './s3-client.ts';
import { isObjectMissing, isUploadMissing } from './s3-errors.ts';
import { readBody, request, tryOnce, unless, type RequestOptions, type S3Request } from './s3-requests.ts';
import type { S3Spec } from './storage-spec.ts';
import { ObjectNotFoundError, StorageError, type Storage } from './storage.ts';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** MinIO takes keys of 8 characters, the least of all. To take a shorter text out of messages would leave no message. */
const SHORTEST_SECRET = 8;
const DAY_MS = 86_400_000;

/** S3 takes so many parts of one object. */
const MAX_PARTS = 10_000;

/** AWS puts an object of many parts together within minutes, and says meanwhile that it does. */
const COMPLETE_MS = 180_000;
const ABORT_MS = 10_000;

/** In the metadata of an object: which upload made it. */
const UPLOAD = 'redis-queue-upload';

/** A server that names more pages has no backups, or no end. */
const MAX_PAGES = 40_000;

/** After so many bytes of one answer its failure is the first. */
const PROGRESS_BYTES = 256 * 1_024;

export interface S3Options extends S3ClientOptions, RequestOptions {
  /** Of a part of a larger object; S3 takes 5 MiB and more. */
  readonly partBytes: number;
}

/**
 * Objects in a bucket of an S3 service. Nothing is asked of the server yet.
 * @throws {StorageError} when the spec or the credentials cannot be used.
 */
export function openS3(spec: S3Spec, options: S3Options): Storage {
  if (!BUCKET.test(spec.bucket)) {
    const says = `${JSON.stringify(spec.bucket)} is no name of a bucket: 3 to 63 lower-case letters, digits, dots, hyphens`;
    throw new StorageError('BucketNotFound', says, { retryable: false });
  }
  if (spec.prefix !== undefined) namesOf(spec.prefix, 'the prefix');
  return new S3(spec, options);
}

class S3 implements Storage {
  readonly location: string;
  readonly #spec: S3Spec;
  readonly #options: S3Options;
  /** With a slash at its end, unless it is empty. */
  readonly #prefix: string;
  readonly #endpoint: string;
  readonly #secrets: readonly string[];
  readonly #client: S3Client;
  readonly #closeClient: () => void;
  readonly #closed = new AbortController();

  constructor(spec: S3Spec, options: S3Options) {
    this.#spec = spec;
    this.#options = options;
    this.#prefix = spec.prefix === undefined ? '' : `${spec.prefix}/`;
    this.#endpoint = spec.endpoint ?? `AWS ${spec.region ?? 'us-east-1'}`;
    this.location = `s3://${[spec.bucket, spec.prefix].filter(Boolean).join('/')} at ${this.#endpoint}`;
    const { [CA]: _, ...keys } = options.credentials;
    this.#secrets = Object.values(keys).filter((text) => text.length >= SHORTEST_SECRET);
    const { client, close } = createS3Client(spec, options);
    this.#client = client;
    this.#closeClient = close;
  }

  async put(path: string, body: AsyncIterable<Uint8Array>, { signal }: { signal: AbortSignal }): Promise<void> {
    const about = this.#about('PutObject', path, signal);
    const parts = partsOf(abortable(body, about.signal), this.#options.partBytes);
    try {
      const first = await parts.next();
      if (first.done) return;
      if (first.value.last) await this.#putWhole(first.value.data, about);
      else await uploadInParts(chain(first.value, parts), about.signal, this.#multipart(path, signal));
    } finally {
      await parts.return();
    }
  }

  async *get(
    path: string,
    { signal, maxBytes = Infinity }: { signal: AbortSignal; maxBytes?: number },
  ): AsyncGenerator<Uint8Array, void> {
    const about = this.#about('GetObject', path, signal);
    const retries = new Retries({ ...this.#options, signal: about.signal });
    const limited = (bytes: number): void => {
      if (bytes > maxBytes) throw this.#failed(about, `it has more than the ${maxBytes} bytes that are read of it`);
    };
    let given = 0;
    let etag: string | undefined;
    let size: number | undefined;
    for (;;) {
      try {
        // What broke off goes on where it did, if it is the same object still.
        const rest = given > 0 ? { Range: `bytes=${given}-`, IfMatch: etag } : {};
        const answer = await tryOnce(about, this.#options, (abortSignal) =>
          unless(
            isObjectMissing,
            this.#client.send(new GetObjectCommand({ ...this.#key(path), ...rest }), { abortSignal }),
          ),
        );
        if (!answer) throw new ObjectNotFoundError(path, this.location);
        if (given === 0) ({ ETag: etag, ContentLength: size } = answer);
        limited(size ?? 0);
        const from = given;
        for await (const chunk of readBody(answer.Body as Readable, about, this.#options)) {
          limited((given += chunk.length));
          if (given - from >= PROGRESS_BYTES) retries.reset();
          yield chunk;
        }
        return;
      } catch (error) {
        const all = given > 0 && given === size;
        if (given > 0 && (etag === undefined || all)) throw error;
        await retries.next(error);
      }
    }
  }

  async *list(
    prefix: string,
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<{ path: string; bytes: number }, void> {
    const about = this.#about('ListObjectsV2', prefix, signal);
    const { bucket: Bucket } = this.#spec;
    const Prefix = `${this.#prefix}${prefix}`;
    let ContinuationToken: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const command = new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken, MaxKeys: NAMES_PER_PAGE });
      const answer = await request(about, this.#options, (abortSignal) => this.#client.send(command, { abortSignal }));
      for (const { Key = '', Size = 0 } of answer.Contents ?? []) {
        const path = Key.slice(this.#prefix.length);
        if (Key.startsWith(Prefix) && isPath(path)) yield { path, bytes: Size };
      }
      ContinuationToken = answer.NextContinuationToken;
      if (!answer.IsTruncated || ContinuationToken === undefined) return;
    }
    throw this.#failed(about, `there are more than ${MAX_PAGES} pages; give the backups a prefix of their own`);
  }

  async remove(path: string, { signal }: { signal: AbortSignal }): Promise<void> {
    const command = new DeleteObjectCommand(this.#key(path));
    await request(this.#about('DeleteObject', path, signal), this.#options, (abortSignal) =>
      unless(isObjectMissing, this.#client.send(command, { abortSignal })),
    );
  }

  close(): void {
    this.#closed.abort(new StorageError('StorageFailed', `${this.location} was closed`, { retryable: false }));
    this.#closeClient();
  }

  async #putWhole(data: Buffer, about: S3Request & { readonly path: string }): Promise<void> {
    const input = { ...this.#key(about.path), ...this.#stored(), ChecksumAlgorithm: 'CRC32' as const, Body: data };
    const answer = await request({ ...about, bytes: data.length }, this.#options, (abortSignal) =>
      this.#client.send(new PutObjectCommand(input), { abortSignal }),
    );
    try {
      this.#checkEncryption(about, answer.ServerSideEncryption);
    } catch (error) {
      await this.remove(about.path, about);
      throw error;
    }
  }

  #multipart(path: string, signal: AbortSignal): MultipartCalls<CompletedPart> {
    const key = this.#key(path);
    const id = randomUUID();
    const calls: MultipartCalls<CompletedPart> = {
      create: async () => {
        const about = this.#about('CreateMultipartUpload', path, signal);
        const input = { ...key, ...this.#stored(), ChecksumAlgorithm: 'CRC32' as const, Metadata: { [UPLOAD]: id } };
        const { UploadId, ServerSideEncryption } = await request(about, this.#options, (abortSignal) =>
          this.#client.send(new CreateMultipartUploadCommand(input), { abortSignal }),
        );
        if (UploadId === undefined) throw this.#failed(about, 'the server gave the upload no id');
        try {
          this.#checkEncryption(about, ServerSideEncryption);
        } catch (error) {
          await calls.abort(UploadId);
          throw error;
        }
        return UploadId;
      },
      send: async (UploadId, PartNumber, Body, either) => {
        const about = { ...this.#about('UploadPart', path, either), bytes: Body.length };
        if (PartNumber > MAX_PARTS)
          throw this.#failed(about, `it has more than ${MAX_PARTS} parts, the most that S3 takes`);
        const input = { ...key, UploadId, PartNumber, Body, ChecksumAlgorithm: 'CRC32' as const };
        const { ETag, ChecksumCRC32 } = await request(about, this.#options, (abortSignal) =>
          this.#client.send(new UploadPartCommand(input), { abortSignal }),
        );
        return { PartNumber, ETag, ChecksumCRC32 };
      },
      complete: async (UploadId, Parts) => {
        const about = { ...this.#about('CompleteMultipartUpload', path, signal), answerMs: COMPLETE_MS };
        const command = { ...key, UploadId, MultipartUpload: { Parts: [...Parts] } };
        await request(about, this.#options, async (abortSignal) => {
          const sending = this.#client.send(new CompleteMultipartUploadCommand(command), { abortSignal });
          if (await unless(isUploadMissing, sending)) return;
          // An earlier try did it and its answer was lost, or somebody aborted the upload.
          const there = unless(isObjectMissing, this.#client.send(new HeadObjectCommand(key), { abortSignal }));
          if ((await there)?.Metadata?.[UPLOAD] !== id)
            throw this.#failed(about, 'the upload is gone; another process or a lifecycle rule of the bucket ended it');
        });
      },
      abort: async (UploadId) => {
        const about = { ...this.#about('AbortMultipartUpload', path), answerMs: ABORT_MS };
        const command = new AbortMultipartUploadCommand({ ...key, UploadId });
        await tryOnce(about, this.#options, (abortSignal) => this.#client.send(command, { abortSignal })).catch(
          () => undefined,
        );
      },
    };
    return calls;
  }

  #key(path: string): { Bucket: string; Key: string } {
    const Key = `${this.#prefix}${path}`;
    namesOf(Key);
    return { Bucket: this.#spec.bucket, Key };
  }

  /** What an object is stored with. */
  #stored(): Partial<PutObjectCommandInput> {
    const { serverSideEncryption: encryption, objectLock: lock } = this.#spec;
    return {
      ...(encryption && {
        ServerSideEncryption: encryption.algorithm,
        ...(encryption.kmsKeyId !== undefined && { SSEKMSKeyId: encryption.kmsKeyId }),
      }),
      ...(lock && {
        ObjectLockMode: lock.mode === 'Compliance' ? 'COMPLIANCE' : 'GOVERNANCE',
        ObjectLockRetainUntilDate: new Date(this.#options.now() + lock.days * DAY_MS),
      }),
    };
  }

  /** S3 says how it encrypts; a server that says nothing of it has stored plain text in spite of what was asked. */
  #checkEncryption(about: S3Request, algorithm: string | undefined): void {
    const { serverSideEncryption: asked } = this.#spec;
    if (asked === undefined || asked.algorithm === algorithm) return;
    const says = `the server does not encrypt with ${asked.algorithm}; leave serverSideEncryption out, or have it set up there`;
    throw this.#failed(about, says);
  }

  #about(operation: string, path: string, signal?: AbortSignal): S3Request & { readonly path: string } {
    const { bucket } = this.#spec;
    return {
      operation,
      path,
      target: `s3://${bucket}/${this.#prefix}${path}`,
      bucket,
      endpoint: this.#endpoint,
      secrets: this.#secrets,
      signal: signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal,
    };
  }

  #failed({ operation, target, endpoint }: S3Request, why: string): StorageError {
    return new StorageError('StorageFailed', `${operation} ${target} at ${endpoint}: ${why}`, { retryable: false });
  }
}

async function* chain(first: Part, rest: AsyncIterable<Part>): AsyncGenerator<Part, void> {
  yield first;
  yield* rest;
}
