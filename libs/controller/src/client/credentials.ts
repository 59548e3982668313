import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { runExecPlugin, type ExecCredential } from './exec-plugin.ts';
import type { ClusterAccess, FileOrData } from './kubeconfig.ts';

export interface TlsOptions {
  ca?: Buffer;
  cert?: Buffer | string;
  key?: Buffer | string;
  rejectUnauthorized?: boolean;
  servername?: string;
}

export interface CurrentCredentials {
  headers: Record<string, string>;
  /** The same object as long as nothing in it was rotated. */
  tls: TlsOptions;
}

/** A mounted token is replaced long before it ends; client-go also looks about once a minute. */
const REFRESH_MS = 30_000;
const EXPIRY_MARGIN_MS = 10_000;

/** Who we are to one API server, read anew as files and plugins renew it. */
export class Credentials {
  readonly #access: ClusterAccess;
  #current: (CurrentCredentials & { until: number }) | undefined;
  #refreshing: Promise<CurrentCredentials> | undefined;
  #tls: { options: TlsOptions; digest: string } | undefined;
  #exec: ExecCredential | undefined;

  constructor(access: ClusterAccess) {
    if (access.proxyUrl?.startsWith('socks')) {
      throw new Error(`kubeconfig: proxy-url ${access.proxyUrl} is not supported; use an http or https proxy.`);
    }
    this.#access = access;
  }

  get server(): string {
    return this.#access.server;
  }

  get proxyUrl(): string | undefined {
    return this.#access.proxyUrl;
  }

  async current(): Promise<CurrentCredentials> {
    if (this.#current && performance.now() < this.#current.until) return this.#current;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** The server did not accept them: ask anew next time. */
  forget(): void {
    this.#current = undefined;
    this.#exec = undefined;
  }

  async #refresh(): Promise<CurrentCredentials> {
    const { exec, ca, clientCertificate, clientKey, insecureSkipTlsVerify, tlsServerName } = this.#access;
    if (exec && !isFresh(this.#exec)) this.#exec = await runExecPlugin(exec);
    const options: TlsOptions = {
      ca: await read(ca),
      cert: this.#exec?.clientCertificate ?? (await read(clientCertificate)),
      key: this.#exec?.clientKey ?? (await read(clientKey)),
      rejectUnauthorized: insecureSkipTlsVerify ? false : undefined,
      servername: tlsServerName,
    };
    const digest = digestOf(options);
    if (this.#tls?.digest !== digest) this.#tls = { options: withoutUndefined(options), digest };
    const headers = await this.#headers();
    this.#current = { headers, tls: this.#tls.options, until: performance.now() + REFRESH_MS };
    return this.#current;
  }

  async #headers(): Promise<Record<string, string>> {
    const { token, tokenFile, username, password, impersonate } = this.#access;
    const bearer = this.#exec?.token ?? (tokenFile ? (await readFile(tokenFile, 'utf8')).trim() : token);
    const headers: Record<string, string> = {};
    if (bearer) headers.authorization = `Bearer ${bearer}`;
    else if (username)
      headers.authorization = `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
    if (impersonate) headers['impersonate-user'] = impersonate;
    return headers;
  }
}

function isFresh(credential: ExecCredential | undefined): boolean {
  if (!credential) return false;
  return credential.expiresAt === undefined || credential.expiresAt - EXPIRY_MARGIN_MS > Date.now();
}

async function read(source: FileOrData | undefined): Promise<Buffer | undefined> {
  if (!source) return undefined;
  return 'data' in source ? source.data : readFile(source.file);
}

function digestOf({ ca, cert, key }: TlsOptions): string {
  const hash = createHash('sha256');
  for (const part of [ca, cert, key]) hash.update(part ?? '').update('\0');
  return hash.digest('hex');
}

/** TLS takes an undefined `rejectUnauthorized` for false. */
function withoutUndefined(options: TlsOptions): TlsOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
