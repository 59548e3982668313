import { expect, it } from 'vitest';
import { FetchWatch, type FetchState } from './fetch-watch.ts';

const check = (watch: FetchWatch, times: number, due = 1, hasRoom = true): FetchState[] =>
  Array.from({ length: times }, () => watch.checked(due, hasRoom));

it('a worker that fetches nothing of what is due for four checks has to go, as has the next', () => {
  const watch = new FetchWatch();
  // It may have fetched before the first check.
  expect(check(watch, 4)).toEqual(['fetches', 'fetches', 'fetches', 'fetches']);
  expect(check(watch, 5)).toEqual(['replace', 'stuck', 'stuck', 'stuck', 'replace']);
  watch.fetched();
  expect(check(watch, 1)).toEqual(['fetches']);
});

it.each<[string, (watch: FetchWatch) => FetchState[]]>([
  ['nothing is due', (watch) => check(watch, 20, 0)],
  ['it holds as many as it may', (watch) => check(watch, 20, 5, false)],
  [
    'it fetches one now and then',
    (watch) =>
      Array.from({ length: 20 }, (_, at) => {
        if (at % 4 === 0) watch.fetched();
        return watch.checked(5, true);
      }),
  ],
])('the worker stays while %s', (_, checks) => {
  expect(new Set(checks(new FetchWatch()))).toEqual(new Set(['fetches']));
});
