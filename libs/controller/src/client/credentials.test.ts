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

const headersOf = async (path: string) => (await findAccess(path, {})()).headers;

it('reads server and token, without the last slash', async () => {
  const path = write('config', yaml('token: abc'));
  expect((await findAccess(path, {})()).server).toBe('https://one.example');
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

it('impersonates', async () => {
  const path = write('config', yaml('token: t, as: other'));
  expect(await headersOf(path)).toEqual({ authorization: 'Bearer t', 'impersonate-user': 'other' });
});

it.each([
  ['current-context: gone\nclusters: []\nusers: []\ncontexts: []', 'context "gone" names no cluster'],
  ['{{{ key: s3cret', 'not valid YAML'],
  [yaml('token: t', 'server: https://x, proxy-url: socks5://p'), 'use an http or https proxy'],
])('says what is wrong, and nothing secret', async (content, message) => {
  const failure = await headersOf(write('config', content)).catch((error: unknown) => String(error));
  expect(failure).toContain(message);
  expect(failure).not.toContain('s3cret');
});

it('refuses files that do not exist, by name', () => {
  expect(() => findAccess('/nowhere/config', {})).toThrow('/nowhere/config does not exist');
  expect(() => findAccess(undefined, { KUBECONFIG: '/nowhere/a:/nowhere/b' })).toThrow('/nowhere/a, /nowhere/b');
});
