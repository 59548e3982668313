import { expect, it } from 'vitest';
import { FIRST_PAGE_SIZE, MAX_PAGE_SIZE, nextPageSize } from './page-size.ts';

/** The sizes of the pages in which `count` objects of `bytes` each are listed. */
function pagesOf(count: number, bytes: number): number[] {
  const pages: number[] = [];
  let pageSize = FIRST_PAGE_SIZE;
  for (let left = count; left > 0; left -= pages.at(-1)!) {
    pages.push(Math.min(pageSize, left));
    pageSize = nextPageSize(pageSize, pages.at(-1)!, pages.at(-1)! * bytes);
  }
  return pages;
}

it('small objects come in pages of 100 after a few', () => {
  expect(pagesOf(1_000, 2_000)).toEqual([5, 10, 20, 40, 80, ...Array.from({ length: 8 }, () => MAX_PAGE_SIZE), 45]);
});

it('objects as large as the API server stores come one by one after the first page', () => {
  expect(pagesOf(30, 1_500_000)).toEqual([5, ...Array.from({ length: 25 }, () => 1)]);
});

it('an empty page changes nothing for the worse', () => {
  expect(nextPageSize(1, 0, 0)).toBe(2);
});
