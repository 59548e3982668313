import { lookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { StorageError } from './storage.ts';

/** Where clouds answer a machine's questions about itself, its credentials among them. */
const REFUSED = new BlockList();
// Link-local: AWS, Google, Azure, and the credentials of pods on EKS. Whoever is asked there asks for the node.
REFUSED.addSubnet('169.254.0.0', 16, 'ipv4');
REFUSED.addSubnet('fe80::', 10, 'ipv6');
// The same by way of NAT64.
REFUSED.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6');
REFUSED.addSubnet('fd00:ec2::', 32, 'ipv6');
REFUSED.addSubnet('fd20:ce::', 32, 'ipv6');
REFUSED.addAddress('168.63.129.16', 'ipv4'); // Azure
REFUSED.addAddress('100.100.100.200', 'ipv4'); // Alibaba
REFUSED.addAddress('192.0.0.192', 'ipv4'); // Oracle

/** Whether an address is one that no storage has, but that tells what only the node may know. */
export function isRefusedAddress(address: string): boolean {
  const [bare = ''] = address.replace(/^\[|\]$/g, '').split('%');
  return isIP(bare) !== 0 && REFUSED.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
}

/** The error of a connection that was not begun, because a name led to an address that is refused. */
export class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError';
  constructor(host: string, address: string) {
    super(`${host} leads to ${address}, an address of the network of a node; name another endpoint`);
  }
}

/** As Node looks up names, but without what no storage has; so also for a name that is pointed there later. */
export const guardedLookup: LookupFunction = (host, options, callback) => {
  lookup(host, options, (error, found, family) => {
    const addresses: (string | undefined)[] = Array.isArray(found) ? found.map(({ address }) => address) : [found];
    const refused = error ? undefined : addresses.find((address) => address !== undefined && isRefusedAddress(address));
    if (refused === undefined) callback(error, found, family);
    else callback(new RefusedAddressError(host, refused), found, family);
  });
};

/**
 * An endpoint that somebody named, checked.
 * @returns it without a slash at its end.
 */
export function checkedEndpoint(endpoint: string): string {
  if (!URL.canParse(endpoint)) throw fail('is a URL, such as https://minio.storage:9000');
  const url = new URL(endpoint);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw fail('begins with https:// or http://');
  if (url.username !== '' || url.password !== '') throw fail('has no credentials in it; they belong into the Secret');
  if (url.search !== '' || url.hash !== '') throw fail('has neither a query nor a fragment');
  if (isRefusedAddress(url.hostname)) throw fail(`is not ${url.hostname}, an address of the network of a node`);
  return url.href.replace(/\/+$/, '');
}

function fail(why: string): StorageError {
  return new StorageError('StorageDenied', `the endpoint of a storage ${why}`, { retryable: false });
}
