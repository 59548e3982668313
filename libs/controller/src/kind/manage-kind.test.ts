import { expect, it } from 'vitest';
import type { ChangeHandler } from '../cache/object-cache.ts';
import type { KubeClient } from '../client/kube-client.ts';
import type { ControllerOptions, EnqueueOptions } from '../controller/types.ts';
import type { Manager } from '../manager/types.ts';
import { widgetKind } from '../testing/widget-kind.ts';
import { silentLog, widget, WIDGETS, type Widget } from '../testing/widgets.ts';
import { manageKind } from './manage-kind.ts';

/** A Widget kind under a manager whose cache and clock the test moves. */
function managed() {
  let written: Widget['status'];
  const client = {
    get: () => Promise.resolve(undefined),
    mergePatch: () => Promise.resolve(aWidget()),
    apply: (_: unknown, body: Partial<Widget>) => {
      if (body.status) written = body.status;
      return Promise.resolve(body);
    },
  } as unknown as KubeClient;
  const handlers: ChangeHandler<Widget>[] = [];
  const enqueued: EnqueueOptions[] = [];
  const onChange = (handler: ChangeHandler<Widget>): void => void handlers.push(handler);
  const cache = { type: WIDGETS, get: () => aWidget(), onChange };
  let options: ControllerOptions<Widget>;
  const manager = {
    client,
    events: { record: () => undefined },
    cache: () => cache,
    controller: (given: ControllerOptions<Widget>) => {
      options = given;
      return { name: given.name, enqueue: (_: unknown, how: EnqueueOptions = {}) => void enqueued.push(how) };
    },
  } as unknown as Manager;
  let nowMs = 0;
  manageKind(manager, widgetKind({ client }), { elapsedMs: () => nowMs });
  const reconcile = async (object: Widget): Promise<Widget> => {
    const { signal } = new AbortController();
    await options.reconcile({ key: { namespace: 'shop', name: 'a' }, object, signal, log: silentLog });
    return aWidget(written);
  };
  return {
    reconcile,
    enqueued,
    pass: (ms: number) => void (nowMs += ms),
    /** A change of nothing but the status. */
    show: (object: Widget, previous: Widget): void => {
      const change = { event: 'update', object, previous } as const;
      if (options.predicate?.(change) ?? false) enqueued.push({});
      for (const handler of handlers) handler('update', object, previous, { initial: false });
    },
  };
}

function aWidget(status?: Widget['status']): Widget {
  const object = widget('shop', 'a');
  const metadata = { ...object.metadata, uid: 'u1', generation: 1, resourceVersion: '1' };
  return { ...object, metadata, ...(status && { status }) };
}

it('two controllers that disagree about a status do not write it as fast as they can', async () => {
  const { reconcile, show, pass, enqueued } = managed();
  let ours = await reconcile(aWidget());
  const waits: (number | undefined)[] = [];
  for (let round = 0; round < 4; round++) {
    const theirs = aWidget({ ...ours.status, seen: 99 });
    show(theirs, ours);
    waits.push(enqueued.at(-1)?.afterMs);
    pass(enqueued.at(-1)?.afterMs ?? 0);
    ours = await reconcile(theirs);
    expect(ours.status?.seen).toBe(1);
    show(ours, theirs);
  }
  expect(waits).toEqual([0, 10_000, 20_000, 40_000]);
  expect(enqueued).toHaveLength(4);
});
