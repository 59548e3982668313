import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Credentials } from './credentials.ts';
import { findAccess, podAccess } from './access-sources.ts';

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

const headersOf = async (path: string) => (await findAccess(path, {})({ refused: false })).headers;

it('reads server and token, without the last slash', async () => {
  const path = write('config', yaml('token: abc'));
  expect((await findAccess(path, {})({ refused: false })).server).toBe('https://one.example');
  expect(await headersOf(path)).toEqual({ authorization: 'Bearer abc' });
});

it('reads certificates from data, or from files beside the kubeconfig', async () => {
  write('key.pem', 'the key');
  const cluster = `server: https://x, certificate-authority-data: ${Buffer.from('the ca').toString('base64')}`;
  const path = write('config', yaml('client-certificate-data: dGhlIGNlcnQ=, client-key: key.pem', cluster));
  const { tls } = await new Credentials(findAccess(path, {})).current();
  expect(Object.fromEntries(Object.entries(tls).map(([name, value]) => [name, String(value)]))).toEqual({
    ca: 'the ca',
    cert: 'the cert',
    key: 'the key',
  });
});

it('keeps the TLS options the same object until a certificate is rotated', async () => {
  const ca = write('ca.pem', 'old');
  const path = write('config', yaml('token: x', 'server: https://x, certificate-authority: ca.pem'));
  const credentials = new Credentials(findAccess(path, {}));
  const first = await credentials.current();
  credentials.forget();
  expect((await credentials.current()).tls).toBe(first.tls);
  writeFileSync(ca, 'new');
  credentials.forget();
  expect(String((await credentials.current()).tls.ca)).toBe('new');
});

it('in a pod it is the ServiceAccount, whose rotated token is read when the server refuses the old one', async () => {
  write('ca.crt', 'the ca');
  const token = write('token', 'old\n');
  const credentials = new Credentials(podAccess({ KUBERNETES_SERVICE_HOST: 'fd00::1' }, folder));
  expect(await credentials.current()).toMatchObject({
    server: 'https://[fd00::1]:443',
    headers: { authorization: 'Bearer old' },
  });
  writeFileSync(token, 'new\n');
  credentials.forget();
  expect((await credentials.current()).headers.authorization).toBe('Bearer new');
});

it('asks a credential plugin', async () => {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'from-plugin' },
  };
  const file = write('credential.json', JSON.stringify(credential));
  const exec = `exec: {apiVersion: client.authentication.k8s.io/v1, command: cat, args: ["${file}"]}`;
  expect(await headersOf(write('config', yaml(exec)))).toEqual({ authorization: 'Bearer from-plugin' });
});

it('asks the plugin again only when the server refused what it gave', async () => {
  const credential = { kind: 'ExecCredential', status: { token: 'one' } };
  const file = write('credential.json', JSON.stringify(credential));
  const exec = `exec: {apiVersion: client.authentication.k8s.io/v1, command: cat, args: ["${file}"]}`;
  const source = findAccess(write('config', yaml(exec)), {});
  const token = async (refused: boolean) => (await source({ refused })).headers.authorization;
  expect(await token(false)).toBe('Bearer one');
  writeFileSync(file, JSON.stringify({ kind: 'ExecCredential', status: { token: 'two' } }));
  expect(await token(false)).toBe('Bearer one');
  expect(await token(true)).toBe('Bearer two');
});

it('reveals nothing of the output of a plugin that fails', async () => {
  const script = 'command: sh, args: [-c, "echo s3cret >&2; exit 3"], installHint: Install it.';
  const path = write('config', yaml(`exec: {apiVersion: client.authentication.k8s.io/v1, ${script}}`));
  const failure = await headersOf(path).catch((error: unknown) => String(error));
  expect(failure).toContain('Credential plugin sh failed');
  expect(failure).toContain('Install it.');
  expect(failure).not.toContain('s3cret');
});

it('impersonates, and logs in with a password', async () => {
  const path = write('config', yaml('username: me, password: pw, as: other'));
  expect(await headersOf(path)).toEqual({ authorization: 'Basic bWU6cHc=', 'impersonate-user': 'other' });
});

it('merges the files of KUBECONFIG, the first of a name counting, absent ones left out', async () => {
  const first = write('first', 'current-context: here\nclusters: [{name: c, cluster: {server: https://first}}]\n');
  const second = write('second', yaml('token: abc', 'server: https://second'));
  const env = { KUBECONFIG: [join(folder, 'absent'), first, second].join(':') };
  expect(await findAccess(undefined, env)({ refused: false })).toMatchObject({
    server: 'https://first',
    headers: { authorization: 'Bearer abc' },
  });
});

it.each([
  ['current-context: gone', 'current-context "gone" is not among the contexts'],
  ['current-context: a\ncontexts: [{name: a, context: {cluster: none}}]', 'cluster "none" is missing'],
  ['{{{ key: s3cret', 'is not a YAML object'],
  [yaml('auth-provider: {name: gcp}'), 'use exec'],
  [yaml('token: t', 'server: https://x, proxy-url: socks5://p'), 'must be http or https'],
])('says what is wrong in which file, and nothing secret', (content, message) => {
  const path = write('config', content);
  const find = (): unknown => findAccess(path, {});
  expect(find).toThrow(message);
  expect(find).toThrow(path);
  expect(find).not.toThrow('s3cret');
});

it('refuses files that do not exist, by name', () => {
  expect(() => findAccess('/nowhere/config', {})).toThrow('/nowhere/config does not exist');
  expect(() => findAccess(undefined, { KUBECONFIG: '/nowhere/a:/nowhere/b' })).toThrow('/nowhere/a, /nowhere/b');
});
