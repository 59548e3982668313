import { describe, expect, it } from 'vitest';
import { ApiError } from '../client/api-error.ts';
import type { KubeClient } from '../client/kube-client.ts';
import type { Condition } from '../objects/conditions.ts';
import { widget, WIDGETS, type Widget } from '../testing/widgets.ts';
import { StatusWriter } from './status-writer.ts';

const client = { apply: () => Promise.resolve({}) } as unknown as KubeClient;
const lastTransitionTime = '2026-01-01T00:00:00Z';
const ready: Condition = { type: 'Ready', status: 'True', reason: 'Created', message: '', lastTransitionTime };
const stalled: Condition = { ...ready, type: 'Stalled' };

function aWidget(status?: Widget['status']): Widget {
  const object = widget('shop', 'a');
  return { ...object, metadata: { ...object.metadata, uid: 'u1' }, ...(status && { status }) };
}

const writerOf = (fields?: ('seen' | 'conditions')[]) =>
  new StatusWriter<Widget>({ client, type: WIDGETS, fieldManager: 'test', ...(fields && { fields }) });

it('what was written is not overwritten, in whatever order the API server gives it back', async () => {
  const writer = writerOf();
  await writer.write(aWidget(), { seen: 1, observedGeneration: 2, conditions: [ready, stalled] });
  const { lastTransitionTime: since, ...rest } = ready;
  const back: Condition = { lastTransitionTime: since, ...rest };
  expect(writer.isOverwritten(aWidget({ conditions: [stalled, back], observedGeneration: 2, seen: 1 }))).toBe(false);
});

it.each<[string, Widget['status']]>([
  ['a number', { seen: 2, conditions: [ready] }],
  ['a condition', { seen: 1, conditions: [{ ...ready, status: 'False' }] }],
  ['what was taken out', { seen: 1 }],
  ['everything', undefined],
])('somebody else changed %s', async (_, status) => {
  const writer = writerOf();
  await writer.write(aWidget(), { seen: 1, conditions: [ready] });
  expect(writer.isOverwritten(aWidget(status))).toBe(true);
});

// Wall 1: what is cut out of a tenant's text, or escaped in its JSON, may be half of a character.
it('half of a character, which the API server refuses, is written as the one that stands for it', async () => {
  const { written, writer } = serverWith(at('1'));
  const halved = { seen: 1, conditions: [{ ...ready, message: 'a\uD800b' }] };
  const replaced = { seen: 1, conditions: [{ ...ready, message: 'a\uFFFDb' }] };
  await writer.write(at('1'), halved);
  await writer.writeOnce(at('1'), halved);
  expect(written).toEqual([replaced, replaced]);
  expect(writer.differs(at('2', replaced), halved)).toBe(false);
  expect(writer.isOverwritten(at('2', replaced))).toBe(false);
});

it("another writer's fields do not count", async () => {
  const writer = writerOf(['conditions']);
  await writer.write(aWidget(), { conditions: [ready] });
  expect(writer.isOverwritten(aWidget({ conditions: [ready], seen: 5 }))).toBe(false);
});

it('nothing is known of an object before it was reconciled, and after it is gone', async () => {
  const writer = writerOf();
  expect(writer.isOverwritten(aWidget({ seen: 5 }))).toBe(false);
  writer.accept(aWidget({ seen: 5 }));
  expect(writer.isOverwritten(aWidget({ seen: 6 }))).toBe(true);
  writer.forget('u1');
  expect(writer.isOverwritten(aWidget({ seen: 6 }))).toBe(false);
});

// Each event of a watch asks, and each reconcile twice more.
it('the status of a version of an object is read once to tell whether it was overwritten', () => {
  const writer = writerOf();
  let reads = 0;
  const object: Widget = {
    ...aWidget(),
    get status() {
      reads++;
      return { seen: 5 };
    },
  };
  writer.accept(object);
  for (let event = 0; event < 3; event++) expect(writer.isOverwritten(object)).toBe(false);
  expect(reads).toBe(1);
});

/** The API server has the object as it is `now`; what was written to it there. */
function serverWith(now: Widget, latestWins = false) {
  const written: unknown[] = [];
  const server = {
    get: () => Promise.resolve(now),
    apply: (_: unknown, { metadata, status }: Widget) => {
      if (metadata.resourceVersion !== now.metadata.resourceVersion)
        return Promise.reject(new ApiError('PATCH', { code: 409, reason: 'Conflict' }));
      written.push(status);
      return Promise.resolve({});
    },
  } as unknown as KubeClient;
  const options = { client: server, type: WIDGETS, fieldManager: 'test', latestWins };
  return { written, writer: new StatusWriter<Widget>(options) };
}
const at = (resourceVersion: string, status?: Widget['status']): Widget => {
  const object = aWidget(status);
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
};

describe('on a conflict', () => {
  it('a status is written to a version that differs in something else', async () => {
    const { writer, written } = serverWith(at('2', { seen: 1, conditions: [stalled, ready] }));
    expect(await writer.write(at('1', { conditions: [ready, stalled], seen: 1 }), { seen: 2 })).toBe(true);
    expect(written).toEqual([{ seen: 2 }]);
  });

  // A former leader has noted that a backup is complete: by the status from before it would be taken once more.
  it('a status that somebody has written since is not overwritten, and is decided on anew', async () => {
    const { writer, written } = serverWith(at('2', { seen: 9 }));
    await expect(writer.write(at('1', { seen: 1 }), { seen: 2 })).rejects.toMatchObject({
      reason: 'Conflict',
      newest: at('2', { seen: 9 }),
    });
    expect(written).toEqual([]);
    expect(writer.isOverwritten(at('2', { seen: 9 }))).toBe(false);
  });

  it('what was measured just now is written whatever is there', async () => {
    const { writer, written } = serverWith(at('2', { seen: 9 }), true);
    expect(await writer.write(at('1', { seen: 1 }), { seen: 2 })).toBe(true);
    expect(written).toEqual([{ seen: 2 }]);
  });
});
