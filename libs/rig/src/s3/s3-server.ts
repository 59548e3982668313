import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from '../control-plane/certificates.ts';
import { freePort } from '../processes/free-port.ts';
import { startProcess, temporaryFolder, type ChildHandle } from '../processes/process.ts';
import { program } from '../programs/binaries.ts';

export interface S3ServerOptions {
  /** Buckets that are there from the start; default one of the name `backups`. */
  readonly buckets?: readonly string[];
  /** Where its objects lie as files, such as a disk that gets full; default a temporary folder. */
  readonly folder?: string;
  /** Serves HTTPS with this certificate, which has to be for 127.0.0.1. */
  readonly tls?: KeyPair;
  /** Keeps the versions of objects, which locks of objects need. */
  readonly versioning?: boolean;
}

/** An S3 server (versitygw) on loopback that dies with this process. */
export interface S3Server extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, or https. */
  readonly endpoint: string;
  readonly region: 'us-east-1';
  /** What a Secret of a storage has for it. */
  readonly credentials: { readonly 'access-key-id': string; readonly 'secret-access-key': string };
  /** With a folder per bucket. */
  readonly folder: string;
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

const ATTEMPTS = 5;

/** Starts a real S3 server on a free port of 127.0.0.1 and waits until it accepts connections. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const { buckets = ['backups'], tls, versioning = false } = options;
  const own = temporaryFolder('s3');
  const folder = options.folder ?? join(own, 'objects');
  const metadata = join(own, 'metadata');
  const versions = join(own, 'versions');
  for (const each of [metadata, versions, ...buckets.map((bucket) => join(folder, bucket))])
    mkdirSync(each, { recursive: true });
  const credentials = { 'access-key-id': 'rig-access-key-id', 'secret-access-key': 'rig-secret-access-key' };

  const launch = (port: number): ChildHandle => {
    const secured = tls ? ['--cert', tls.certificate, '--key', tls.key] : [];
    const posix = ['posix', '--sidecar', metadata, ...(versioning ? ['--versioning-dir', versions] : []), folder];
    return startProcess(program('s3', 'versitygw'), ['--port', `127.0.0.1:${port}`, ...secured, ...posix], {
      env: {
        ROOT_ACCESS_KEY_ID: credentials['access-key-id'],
        ROOT_SECRET_ACCESS_KEY: credentials['secret-access-key'],
      },
    });
  };
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = launch(port);
    try {
      await server.waitForLine(/S3 service listening|127\.0\.0\.1:/);
    } catch (error) {
      await server.stop();
      const clash = server.lines.some((line) => /address already in use/i.test(line));
      if (!clash || attempt === ATTEMPTS) throw error;
      continue;
    }
    const stop = async (): Promise<void> => {
      await server.stop('SIGTERM');
      await rm(own, { recursive: true, force: true });
    };
    return {
      port,
      endpoint: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials,
      folder,
      lines: server.lines,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }
}
