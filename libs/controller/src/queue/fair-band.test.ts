import { expect, it } from 'vitest';
import { FairBand } from './fair-band.ts';

function drain(band: FairBand<string>, path: (item: string) => string[], admits?: (part: string) => boolean): string[] {
  const items: string[] = [];
  for (let item = band.peek(admits); item !== undefined; item = band.peek(admits)) {
    band.remove(item, path(item));
    items.push(item);
  }
  return items;
}
const exceptHung = (share: string): boolean => share !== 'hung';
const pathOf = (item: string): string[] => item.split('.').slice(0, -1);

function bandOf(...items: string[]): FairBand<string> {
  const band = new FairBand<string>();
  for (const item of items) band.push(item, pathOf(item));
  return band;
}

it('is first come, first served within a path, and gives paths turns', () => {
  expect(drain(bandOf('a.1', 'a.2', 'a.3', 'b.1', 'b.2', 'c.1'), pathOf)).toEqual([
    'a.1',
    'b.1',
    'c.1',
    'a.2',
    'b.2',
    'a.3',
  ]);
});

it('gives a namespace with many servers no more turns than one with one', () => {
  const band = bandOf('a.s1.1', 'a.s2.1', 'a.s3.1', 'a.s1.2', 'b.s1.1', 'b.s1.2');
  expect(drain(band, pathOf)).toEqual(['a.s1.1', 'b.s1.1', 'a.s2.1', 'b.s1.2', 'a.s3.1', 'a.s1.2']);
  expect(band.size).toBe(0);
});

it('passes over what is not admitted, at either level, and keeps its place', () => {
  const band = bandOf('a.s1.1', 'a.s2.1', 'b.s1.1', 'c.s3.1');
  expect(band.peek((part) => part !== 'a')).toBe('b.s1.1');
  expect(drain(band, pathOf, (part) => part !== 's1')).toEqual(['a.s2.1', 'c.s3.1']);
  expect(drain(band, pathOf)).toEqual(['b.s1.1', 'a.s1.1']);
});

it('passes over 10,000 tenants of one server that is used up once, and serves them in their order when it is not', () => {
  const band = new FairBand<number>();
  for (let tenant = 0; tenant < 10_000; tenant++) band.push(tenant, [`t${tenant}`, 'hung']);
  let asked = 0;
  let hung = true;
  const admits = (share: string): boolean => {
    asked++;
    return share !== 'hung' || !hung;
  };
  for (let tenant = 10_000; tenant < 10_100; tenant++) {
    band.push(tenant, [`t${tenant}`, 'fast']);
    expect(band.peek(admits)).toBe(tenant);
    band.remove(tenant, [`t${tenant}`, 'fast']);
  }
  expect(asked).toBeLessThan(50_000);
  hung = false;
  for (let tenant = 0; tenant < 10; tenant++) {
    expect(band.peek(admits)).toBe(tenant);
    band.remove(tenant, [`t${tenant}`, 'hung']);
  }
  expect(band.size).toBe(9_990);
});

it('a tenant that waits for a server is served as soon as something of it needs another', () => {
  const band = bandOf('a.hung.1', 'b.hung.1');
  expect(band.peek(exceptHung)).toBeUndefined();
  band.push('a.fast.1', pathOf('a.fast.1'));
  expect(drain(band, pathOf, exceptHung)).toEqual(['a.fast.1']);
  expect(drain(band, pathOf)).toEqual(['b.hung.1', 'a.hung.1']);
});
