import dns from 'node:dns';

/** Names of Services as pods use them. */
export function isServiceName(name: string): boolean {
  return /\.svc(\.cluster\.local)?$/.test(name);
}

/**
 * Makes this process reach every Service of the cluster at `address`, so that a Secret can name Redis once for pods and
 * for a controller outside the cluster. Ports are not translated: they have to be the same on both ways.
 */
export function resolveServicesTo(address: string): void {
  const { lookup } = dns;
  const redirected = ((name: string, ...rest: [never, never]) =>
    lookup(isServiceName(name) ? address : name, ...rest)) as typeof dns.lookup;
  // node:net reads the property at every connection
  dns.lookup = redirected;
}
