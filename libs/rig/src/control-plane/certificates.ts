import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of the certificates of a control plane, and the tokens of its clients. */
export interface Credentials {
  ca: string;
  serving: KeyPair;
  /** With it the API server proves to an aggregated API (metrics-server, KEDA) that it calls on behalf of a user. */
  frontProxyCa: string;
  frontProxy: KeyPair;
  serviceAccount: KeyPair;
  tokensFile: string;
  adminToken: string;
  kubeletToken: string;
}

/** Paths of a private key and its counterpart. */
export interface KeyPair {
  key: string;
  /** Certificate, or public key of the service account pair. */
  certificate: string;
}

/** Makes a small CA and everything a control plane needs from it, in `folder`, readable by the owner only. */
export async function createCredentials(folder: string, addresses: string[], nodeName: string): Promise<Credentials> {
  const [ca, frontProxyCa] = await Promise.all([
    createAuthority(folder, 'ca', 'redis-queue-test'),
    createAuthority(folder, 'front-proxy-ca', 'redis-queue-test-front-proxy'),
  ]);
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const altNames = [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)];
  const [serving, frontProxy] = await Promise.all([
    issueCertificate(folder, 'apiserver', 'kube-apiserver', ca, `subjectAltName=${altNames.join(',')}`),
    issueCertificate(folder, 'front-proxy', 'front-proxy-client', frontProxyCa, 'extendedKeyUsage=clientAuth'),
  ]);

  const serviceAccount = { key: join(folder, 'sa.key'), certificate: join(folder, 'sa.pub') };
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  writeFileSync(serviceAccount.key, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(serviceAccount.certificate, publicKey.export({ type: 'spki', format: 'pem' }));

  const adminToken = randomBytes(16).toString('hex');
  const kubeletToken = randomBytes(16).toString('hex');
  const tokensFile = join(folder, 'tokens.csv');
  const users = [
    `${adminToken},admin,admin,system:masters`,
    `${kubeletToken},system:node:${nodeName},${nodeName},system:nodes`,
  ];
  writeFileSync(tokensFile, `${users.join('\n')}\n`, { mode: 0o600 });
  return {
    ca: ca.certificate,
    serving,
    frontProxyCa: frontProxyCa.certificate,
    frontProxy,
    serviceAccount,
    tokensFile,
    adminToken,
    kubeletToken,
  };
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes a CA of 30 days, `name`.key and `name`.crt in `folder`. */
export async function createAuthority(folder: string, name: string, commonName: string): Promise<KeyPair> {
  const pair = { key: join(folder, `${name}.key`), certificate: join(folder, `${name}.crt`) };
  const subject = ['-subj', `/CN=${commonName}`, '-days', '30'];
  await openssl('req', '-x509', ...EC_KEY, ...subject, '-keyout', pair.key, '-out', pair.certificate);
  return pair;
}

/**
 * Makes `name`.key and `name`.crt in `folder`, signed by `authority`.
 *
 * @param extension as openssl's `-addext` takes it, such as `subjectAltName=DNS:localhost`.
 */
export async function issueCertificate(
  folder: string,
  name: string,
  commonName: string,
  authority: KeyPair,
  extension: string,
): Promise<KeyPair> {
  const pair = { key: join(folder, `${name}.key`), certificate: join(folder, `${name}.crt`) };
  const subject = ['-subj', `/CN=${commonName}`, '-days', '30', '-addext', extension];
  const signer = ['-CA', authority.certificate, '-CAkey', authority.key];
  // A certificate that may sign is refused as a server's by some clients.
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  await openssl(
    'req',
    '-x509',
    ...EC_KEY,
    ...subject,
    ...leaf,
    ...signer,
    '-keyout',
    pair.key,
    '-out',
    pair.certificate,
  );
  return pair;
}

async function openssl(...args: string[]): Promise<void> {
  try {
    await run('openssl', args);
  } catch (cause) {
    throw new Error('openssl could not make the test certificates; openssl ≥ 3 is needed', { cause });
  }
}
