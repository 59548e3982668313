import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Credentials } from './credentials.ts';
import { findClusterAccess, inClusterAccess, readKubeConfig } from './kubeconfig.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const yaml = (user: string, cluster = 'server: https://one.example/'): string => `
current-context: here
contexts: [{name: here, context: {cluster: c, user: u, namespace: ignored}}]
clusters:
- name: c
  cluster: {${cluster}}
users:
- name: u
  user: {${user}}
`;

const exec = (command: string): string => `exec: {apiVersion: client.authentication.k8s.io/v1, ${command}}`;

const headersOf = async (path: string) => (await new Credentials(readKubeConfig([path])).current()).headers;

it('reads server and token, without the last slash', async () => {
  const path = write('config', yaml('token: abc'));
  expect(readKubeConfig([path])).toMatchObject({ server: 'https://one.example', token: 'abc' });
  expect(await headersOf(path)).toEqual({ authorization: 'Bearer abc' });
});

it('reads certificates from data, or from files beside the kubeconfig', async () => {
  write('key.pem', 'the key');
  const cluster = `server: https://x, certificate-authority-data: ${Buffer.from('the ca').toString('base64')}`;
  const path = write('config', yaml('client-certificate-data: dGhlIGNlcnQ=, client-key: key.pem', cluster));
  const { tls } = await new Credentials(readKubeConfig([path])).current();
  expect(Object.fromEntries(Object.entries(tls).map(([name, value]) => [name, String(value)]))).toEqual({
    ca: 'the ca',
    cert: 'the cert',
    key: 'the key',
  });
});

it('keeps the TLS options the same object until a certificate is rotated', async () => {
  const ca = write('ca.pem', 'old');
  const path = write('config', yaml('token: x', 'server: https://x, certificate-authority: ca.pem'));
  const credentials = new Credentials(readKubeConfig([path]));
  const first = await credentials.current();
  credentials.forget();
  expect((await credentials.current()).tls).toBe(first.tls);
  writeFileSync(ca, 'new');
  credentials.forget();
  expect(String((await credentials.current()).tls.ca)).toBe('new');
});

it('reads a rotated token when the server refuses the old one', async () => {
  const token = write('token', 'old\n');
  const credentials = new Credentials({ server: 'https://x', tokenFile: token });
  expect((await credentials.current()).headers.authorization).toBe('Bearer old');
  writeFileSync(token, 'new\n');
  credentials.forget();
  expect((await credentials.current()).headers.authorization).toBe('Bearer new');
});

it('asks a credential plugin, and tells no output when it fails', async () => {
  const credential = { kind: 'ExecCredential', status: { token: 'from-plugin' } };
  write('credential.json', JSON.stringify(credential));
  const good = write('good', yaml(exec(`command: cat, args: ["${join(folder, 'credential.json')}"]`)));
  expect(await headersOf(good)).toEqual({ authorization: 'Bearer from-plugin' });
  const bad = write('bad', yaml(exec('command: echo, args: [s3cret], installHint: Install it.')));
  const failure = await headersOf(bad).catch((error: unknown) => String(error));
  expect(failure).toContain('Credential plugin echo failed');
  expect(failure).toContain('Install it.');
  expect(failure).not.toContain('s3cret');
});

it('impersonates and logs in with a password', async () => {
  const path = write('config', yaml('username: me, password: pw, as: other'));
  expect(await headersOf(path)).toEqual({ authorization: 'Basic bWU6cHc=', 'impersonate-user': 'other' });
});

it('merges the files of KUBECONFIG, the first of a name counting, absent ones left out', () => {
  const first = write('first', 'current-context: here\nclusters: [{name: c, cluster: {server: https://first}}]\n');
  const second = write('second', yaml('token: abc', 'server: https://second'));
  const env = { KUBECONFIG: [join(folder, 'absent'), first, second].join(':') };
  expect(findClusterAccess(undefined, env)).toMatchObject({ server: 'https://first', token: 'abc' });
});

it('in a pod it is the ServiceAccount, also over IPv6', () => {
  expect(inClusterAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, '/sa')).toEqual({
    server: 'https://[fd00::1]:6443',
    ca: { file: '/sa/ca.crt' },
    tokenFile: '/sa/token',
  });
});

it.each([
  ['current-context: gone\ncontexts: []', 'current-context "gone" is not among the contexts'],
  ['current-context: a\ncontexts: [{name: a, context: {cluster: none}}]', 'cluster "none" is missing or has no server'],
  ['{{{ key: s3cret', 'is not a YAML object'],
  [yaml('auth-provider: {name: gcp}'), 'use exec'],
])('says what is wrong, and nothing of the content', (content, message) => {
  const path = write('config', content);
  const read = (): unknown => readKubeConfig([path]);
  expect(read).toThrow(message);
  expect(read).toThrow(path);
  expect(read).not.toThrow('s3cret');
});
