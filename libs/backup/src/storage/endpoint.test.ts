import { expect, it } from 'vitest';
import { checkedEndpoint, guardedLookup, isRefusedAddress } from './endpoint.ts';

it.each([
  'http://169.254.169.254',
  'http://169.254.170.23/v1/credentials',
  'http://2852039166', // 169.254.169.254
  'http://0xa9fea9fe',
  'http://[fd00:ec2::254]',
  'http://[fe80::1]:9000',
  'http://[::ffff:169.254.169.254]',
  'http://[64:ff9b::169.254.169.254]',
  'http://100.100.100.200',
  'http://168.63.129.16',
])('refuses %s, where only a node asks', (endpoint) => {
  expect(() => checkedEndpoint(endpoint)).toThrow('network of a node');
});

it.each([
  ['minio:9000', 'begins with https:// or http://'],
  ['not a url', 'is a URL'],
  ['https://a:hush-hush@host', 'no credentials'],
  ['https://host/?x=1', 'neither a query'],
])('refuses %s', (endpoint, why) => {
  expect(() => checkedEndpoint(endpoint)).toThrow(why);
  expect(() => checkedEndpoint(endpoint)).not.toThrow('hush-hush');
});

it('takes servers of any other network', () => {
  expect(checkedEndpoint('https://minio.storage:9000/')).toBe('https://minio.storage:9000');
  expect(checkedEndpoint('http://10.1.2.3/s3')).toBe('http://10.1.2.3/s3');
  expect(['10.1.2.3', '127.0.0.1', '::1', 'fd12::1', '52.216.1.1', 'minio'].filter(isRefusedAddress)).toEqual([]);
});

const look = (host: string, all: boolean): Promise<unknown> =>
  new Promise((resolve) => guardedLookup(host, { all }, (error, found) => resolve(error ?? found)));

it('looks at the address that a name leads to, one or all', async () => {
  expect(await look('127.0.0.1', false)).toBe('127.0.0.1');
  expect(await look('127.0.0.1', true)).toEqual([{ address: '127.0.0.1', family: 4 }]);
  for (const all of [true, false])
    expect(await look('169.254.169.254', all)).toMatchObject({
      name: 'RefusedAddressError',
      message: expect.stringContaining('leads to 169.254.169.254') as string,
    });
});
