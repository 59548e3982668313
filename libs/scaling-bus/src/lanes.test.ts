import { expect, it } from 'vitest';
import { NewestFirst } from './lanes.ts';

function recorder() {
  const sent: string[] = [];
  const gates: { open: () => void; fail: (error: Error) => void }[] = [];
  const lanes = new NewestFirst<string>(
    (item) =>
      new Promise((open, fail) => {
        sent.push(item);
        gates.push({ open, fail });
      }),
  );
  return { sent, gates, lanes };
}

it('only the newest of what piles up behind a slow send is sent, and all callers are notified', async () => {
  const { sent, gates, lanes } = recorder();
  const offers = ['1', '2', '3', '4'].map((item) => lanes.offer('pool', item));
  expect(sent).toEqual(['1']);
  gates[0]!.open();
  await offers[0];
  await Promise.resolve();
  expect(sent).toEqual(['1', '4']);
  gates[1]!.open();
  await Promise.all(offers);
});

it('goes on after a failed send, of which only its own caller is notified', async () => {
  const { sent, gates, lanes } = recorder();
  const [first, second] = [lanes.offer('pool', '1'), lanes.offer('pool', '2')];
  gates[0]!.fail(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await Promise.resolve();
  expect(sent).toEqual(['1', '2']);
  gates[1]!.open();
  await second;
  void lanes.offer('pool', '3');
  expect(sent).toEqual(['1', '2', '3']);
});

it('keys do not wait for each other', () => {
  const { sent, lanes } = recorder();
  void lanes.offer('a', '1');
  void lanes.offer('b', '2');
  expect(sent).toEqual(['1', '2']);
});
