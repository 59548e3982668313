import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { temporaryFolder, type ControlPlane } from '@redis-queue/rig';

/** What the API server said. */
export interface Answer {
  readonly code: number;
  /** Its message when it refused; empty otherwise. */
  readonly message: string;
}

/** One request, as whoever holds a token can send it. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query, such as `/apis/apps/v1/namespaces/shop/deployments`. */
  readonly path: string;
  /** PATCH: a JSON patch when it is an array; else a merge patch, unless `apply` or `strategic`. */
  readonly body?: object;
  /** PATCH: a strategic merge patch, which finds containers by their names. */
  readonly strategic?: boolean;
  /** Server-side apply, as this field manager. */
  readonly apply?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Whoever holds the token of a ServiceAccount, or the administrator. */
export class Account {
  /** Of this account, for programs. */
  readonly kubeconfigPath: string;
  readonly #token: string;
  readonly #ca: Buffer;
  readonly #server: URL;

  private constructor(kubeconfig: Kubeconfig, token: string) {
    const [{ cluster }] = kubeconfig.clusters;
    this.#token = token;
    this.#server = new URL(cluster.server);
    this.#ca = Buffer.from(cluster['certificate-authority-data'], 'base64');
    this.kubeconfigPath = join(temporaryFolder('account'), 'kubeconfig');
    const [user] = kubeconfig.users;
    const own = { ...kubeconfig, users: [{ name: user.name, user: { token } }] };
    writeFileSync(this.kubeconfigPath, JSON.stringify(own), { mode: 0o600 });
  }

  static administrator({ kubeconfigPath }: ControlPlane): Account {
    const kubeconfig = JSON.parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig;
    return new Account(kubeconfig, kubeconfig.users[0].user.token);
  }

  /** With a new token of the ServiceAccount, as its pod has one. */
  static async of(controlPlane: ControlPlane, namespace: string, name: string): Promise<Account> {
    const token = await controlPlane.kubectl('create', 'token', name, '--namespace', namespace);
    return new Account(JSON.parse(readFileSync(controlPlane.kubeconfigPath, 'utf8')) as Kubeconfig, token.trim());
  }

  /** @throws when the API server cannot be reached; a refusal is an answer. */
  send({ method, path, body, apply, strategic, headers = {} }: ApiRequest): Promise<Answer> {
    const manager = apply && `${path.includes('?') ? '&' : '?'}fieldManager=${apply}&force=true`;
    const merge = strategic
      ? 'strategic-merge-patch+json'
      : Array.isArray(body)
        ? 'json-patch+json'
        : 'merge-patch+json';
    const type = apply ? 'apply-patch+yaml' : method === 'PATCH' ? merge : 'json';
    const { hostname, port } = this.#server;
    return new Promise((resolve, reject) => {
      const call = request(
        {
          hostname,
          port,
          method,
          path: path + (manager ?? ''),
          ca: this.#ca,
          timeout: 20_000,
          headers: { authorization: `Bearer ${this.#token}`, 'content-type': `application/${type}`, ...headers },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            const code = response.statusCode ?? 0;
            resolve({ code, message: code < 400 ? '' : messageOf(text).slice(0, 400) });
          });
        },
      );
      call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer in 20 s`)));
      call.on('error', reject);
      call.end(body && JSON.stringify(body));
    });
  }
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  users: [{ name: string; user: { token: string } }];
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}
