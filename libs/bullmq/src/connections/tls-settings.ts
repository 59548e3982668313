/** What messages call the settings by which TLS is asked for. */
export interface TlsSettings {
  /** Names the Secret of certificates. */
  readonly secretRef: string;
  /** The name that the server's certificate has. */
  readonly serverName: string;
}

export const TLS_OF_QUEUE: TlsSettings = {
  secretRef: 'spec.redis.tls.secretRef of the Queue',
  serverName: 'spec.redis.tls.serverName of the Queue',
};
