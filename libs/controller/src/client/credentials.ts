import { createHash } from 'node:crypto';

export interface TlsOptions {
  ca?: Buffer | string;
  cert?: Buffer | string;
  key?: Buffer | string;
  rejectUnauthorized?: boolean;
  servername?: string;
}

/** How to reach one API server, as somebody, now. */
export interface Access {
  server: string;
  proxyUrl?: string;
  headers: Record<string, string>;
  tls: TlsOptions;
}

/**
 * Where access comes from: a kubeconfig, a pod's ServiceAccount. Called again whenever something may have been rotated;
 * `refused` says that the server did not accept the last answer.
 */
export type AccessSource = (options: { refused: boolean }) => Promise<Access>;

/** A mounted token is replaced long before it ends; client-go also checks about once a minute. */
const REFRESH_MS = 30_000;

/** Who we are to one API server, kept fresh. */
export class Credentials {
  readonly #source: AccessSource;
  #access: { value: Access; until: number } | undefined;
  #refreshing: Promise<Access> | undefined;
  #refused = false;
  #tls: { options: TlsOptions; digest: string } | undefined;

  constructor(source: AccessSource) {
    this.#source = source;
  }

  /** Its `tls` is the same object as long as nothing in it was rotated. */
  async current(): Promise<Access> {
    if (this.#access && performance.now() < this.#access.until) return this.#access.value;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** The server did not accept them: they are read again next time. */
  forget(): void {
    this.#access = undefined;
    this.#refused = true;
  }

  async #refresh(): Promise<Access> {
    const access = await this.#source({ refused: this.#refused });
    this.#refused = false;
    const digest = digestOf(access.tls);
    if (this.#tls?.digest !== digest) this.#tls = { options: withoutUndefined(access.tls), digest };
    const value = { ...access, tls: this.#tls.options };
    this.#access = { value, until: performance.now() + REFRESH_MS };
    return value;
  }
}

function digestOf({ ca, cert, key }: TlsOptions): string {
  const hash = createHash('sha256');
  for (const part of [ca, cert, key]) hash.update(part ?? '').update('\0');
  return hash.digest('hex');
}

/** TLS takes an undefined `rejectUnauthorized` for false. */
function withoutUndefined(options: TlsOptions): TlsOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}
