import { parseArgs } from 'node:util';
import type { KmsSpec } from '../encryption/kms-client.ts';

export const USAGE = `redis-queue-backup COMMAND STORAGE [DIRECTORY] [options]

Reads backups of redis-queue where they lie. Needs no cluster, and writes nothing.

  list STORAGE [DIRECTORY]      the backups below a directory, without a key
  verify STORAGE DIRECTORY      reads a backup and checks every part of it
  export STORAGE DIRECTORY      the records of a backup, a line of JSON each, on standard output

An increment is read together with the backups that it continues, back to a full one, which lie in directories beside its
own: verify checks all of them, export gives what a full backup would have had.

STORAGE is file:///DIRECTORY or s3://BUCKET/PREFIX?endpoint=https://HOST&region=NAME. Credentials for S3 are found as
the AWS command line finds them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or the machine's role.

  --key-file FILE               the key of an encrypted backup, as in its Secret: 32 bytes in base64 per line
  --kms-key ID                  instead of it: the key in AWS KMS, with credentials as for S3
  --namespace NAME              with --kms-key: the namespace of the QueueBackup, to which the key is bound
  --kms-region NAME, --kms-endpoint URL
  --manifest-sha256 HEX         status.manifestSha256 of the QueueBackup: refuse any other backup in its place
  --queue NAME                  export only this queue; may be repeated
  --help                        this text

Exit status: 0 done, and what was read is as it was written; 1 the backup is damaged; 2 wrong usage; 3 the key is missing,
wrong or not to be had, or the backup is of a later version; 4 the storage failed; 5 anything else; 130 interrupted.
`;

const COMMANDS = ['list', 'verify', 'export'] as const;

/** A key in AWS KMS, and the namespace whose backups it opens. */
export interface KmsArguments {
  readonly spec: KmsSpec;
  readonly namespace: string;
}

export interface Arguments {
  readonly command: (typeof COMMANDS)[number];
  /** The URL of the storage. */
  readonly storage: string;
  /** Empty: the storage itself. */
  readonly directory: string;
  readonly keyFile?: string;
  readonly kms?: KmsArguments;
  readonly manifestSha256?: string;
  /** Names of the queues to export; empty for all. */
  readonly queues: readonly string[];
}

/** A command line that cannot be understood, and why. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} */
export function parseArguments(argv: readonly string[]): Arguments | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help) return 'help';
  const [name, storage, place = '', ...rest] = positionals;
  const directory = place.replace(/\/+$/, '');
  const command = COMMANDS.find((each) => each === name);
  if (!command) throw new UsageError(`"${name ?? ''}" is none of the commands ${COMMANDS.join(', ')}`);
  if (storage === undefined) throw new UsageError(`${command} needs a STORAGE`);
  if (directory === '' && command !== 'list') throw new UsageError(`${command} needs a DIRECTORY, as "list" prints it`);
  if (rest.length > 0) throw new UsageError(`"${rest[0]}" is too much`);
  const { 'key-file': keyFile, 'manifest-sha256': manifestSha256, queue: queues = [] } = values;
  if (manifestSha256 !== undefined && !/^[0-9a-f]{64}$/.test(manifestSha256)) {
    throw new UsageError('--manifest-sha256 has 64 hexadecimal digits');
  }
  const kms = kmsOf(values);
  if (keyFile !== undefined && kms) throw new UsageError('give --key-file or --kms-key, not both');
  if (command === 'list' && (keyFile ?? kms ?? manifestSha256) !== undefined) {
    throw new UsageError('list reads manifests as they are, without a key or a hash');
  }
  if (command !== 'export' && queues.length > 0) throw new UsageError('--queue is for export');
  return {
    command,
    storage,
    directory,
    ...(keyFile && { keyFile }),
    ...(kms && { kms }),
    ...(manifestSha256 && { manifestSha256 }),
    queues,
  };
}

function kmsOf(values: ReturnType<typeof parse>['values']): KmsArguments | undefined {
  const { 'kms-key': keyId, 'kms-region': region, 'kms-endpoint': endpoint, namespace } = values;
  if (keyId === undefined) {
    if ((region ?? endpoint ?? namespace) === undefined) return undefined;
    throw new UsageError('--namespace, --kms-region and --kms-endpoint are for --kms-key');
  }
  if (!namespace) throw new UsageError('--kms-key needs --namespace, that of the QueueBackup');
  return { spec: { keyId, ...(region && { region }), ...(endpoint && { endpoint }) }, namespace };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        'key-file': { type: 'string' },
        'kms-key': { type: 'string' },
        'kms-region': { type: 'string' },
        'kms-endpoint': { type: 'string' },
        namespace: { type: 'string' },
        'manifest-sha256': { type: 'string' },
        queue: { type: 'string', multiple: true },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
