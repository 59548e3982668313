/** What a server shows, and whether clients have to show something too. */
export interface ServerTls {
  /** Paths of PEM files. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** Clients need a certificate that `ca` has signed; default false. */
  readonly asksClients?: boolean;
}

/** Lines of redis.conf by which a server speaks TLS at `port`, to other servers too. */
export function tlsLines({ ca, certificate, key, asksClients = false }: ServerTls, port: number): string[] {
  return [
    `tls-port ${port}`,
    `tls-cert-file ${certificate}`,
    `tls-key-file ${key}`,
    `tls-ca-cert-file ${ca}`,
    `tls-auth-clients ${asksClients ? 'yes' : 'no'}`,
    'tls-replication yes',
  ];
}

/** The same as arguments of redis-server. */
export function tlsArguments(tls: ServerTls, port: number): string[] {
  return tlsLines(tls, port).flatMap((line) => `--${line}`.split(' '));
}
