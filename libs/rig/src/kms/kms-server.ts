import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../processes/free-port.ts';
import { startProcess, temporaryFolder } from '../processes/process.ts';
import { program } from '../programs/binaries.ts';

/** A server of AWS KMS' protocol (local-kms) that dies with this process. */
export interface KmsServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly region: 'us-east-1';
  /** It takes any. */
  readonly credentials: { readonly 'access-key-id': string; readonly 'secret-access-key': string };
  /** Of keys that are there from the start. */
  readonly keyIds: readonly string[];
  /** Of the first key. */
  readonly alias: 'alias/backups';
}

const KEY_IDS = ['bc436485-5092-42b8-92a3-0aa8b93536dc', '59c3bd4d-b4a1-4d3a-9f0a-6f6f3c0e1d22'];

const SEED = `Keys:
  Symmetric:
    Aes:
${KEY_IDS.map((id, index) => `      - Metadata:\n          KeyId: ${id}\n        BackingKeys:\n          - ${String(index + 1).repeat(64)}\n`).join('')}
Aliases:
  - AliasName: alias/backups
    TargetKeyId: ${KEY_IDS[0]}
`;

const ATTEMPTS = 5;

/** Starts a server with two keys. It listens on every address, as it cannot do otherwise, and holds nothing secret. */
export async function startKmsServer(): Promise<KmsServer> {
  const folder = temporaryFolder('kms');
  const seed = join(folder, 'seed.yaml');
  writeFileSync(seed, SEED);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = startProcess(program('kms', 'local-kms'), [], {
      env: { PORT: String(port), KMS_SEED_PATH: seed, KMS_DATA_PATH: join(folder, 'data'), KMS_REGION: 'us-east-1' },
    });
    try {
      await server.waitForLine(/Local KMS started/);
    } catch (error) {
      await server.stop();
      const clash = server.lines.some((line) => /address already in use/i.test(line));
      if (!clash || attempt === ATTEMPTS) throw error;
      continue;
    }
    return {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials: { 'access-key-id': 'rig', 'secret-access-key': 'rig' },
      keyIds: KEY_IDS,
      alias: 'alias/backups',
      async [Symbol.asyncDispose]() {
        await server.stop('SIGTERM');
      },
    };
  }
}
