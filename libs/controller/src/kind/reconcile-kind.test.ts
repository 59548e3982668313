import { describe, expect, it } from 'vitest';
import { ApiError } from '../client/api-error.ts';
import type { KubeClient, RequestOptions } from '../client/kube-client.ts';
import type { Condition } from '../objects/conditions.ts';
import { WIDGET_FINALIZER, widgetKind, type WidgetKindOptions } from '../testing/widget-kind.ts';
import { silentLog, widget, WIDGETS, type Widget } from '../testing/widgets.ts';
import { reconcileKind, reportKindFailure, type KindRuntime } from './reconcile-kind.ts';
import { StatusWriter } from './status-writer.ts';

const NOW = new Date('2026-03-04T05:06:07Z');
const notFound = new ApiError('PATCH /x', { code: 404, reason: 'NotFound', message: 'widgets "a" not found' });

interface Request {
  readonly verb: 'get' | 'mergePatch' | 'apply';
  readonly body?: Record<string, unknown>;
  readonly signal?: AbortSignal | undefined;
}

/** An API server that records what it is asked, and holds one Widget or none. */
function fakeServer(stored: Widget | undefined, refuse: (request: Request) => Error | undefined = () => undefined) {
  const requests: Request[] = [];
  const answer = <T>(request: Request, result: T): Promise<T> => {
    requests.push(request);
    const error = refuse(request);
    return error ? Promise.reject(error) : Promise.resolve(result);
  };
  const client = {
    get: ({ kind }: { kind: string }, _: unknown, { signal }: RequestOptions = {}) =>
      answer({ verb: 'get', signal }, kind === WIDGETS.kind ? stored : undefined),
    mergePatch: (_: unknown, __: unknown, body: Record<string, unknown>, { signal }: RequestOptions = {}) =>
      answer({ verb: 'mergePatch', body, signal }, stored),
    apply: (_: unknown, body: Record<string, unknown>, { signal }: RequestOptions) =>
      answer({ verb: 'apply', body, signal }, body),
  } as unknown as KubeClient;
  const statuses = (): unknown[] => requests.filter(({ body }) => body?.status).map(({ body }) => body?.status);
  return { client, requests, statuses };
}

function runtimeOf(client: KubeClient): KindRuntime<Widget> {
  const status = new StatusWriter<Widget>({ client, type: WIDGETS, fieldManager: 'test' });
  return { client, status, now: () => NOW, events: { record: () => {} } };
}

function aWidget(change: Partial<Widget['metadata']> = {}, status?: Widget['status']): Widget {
  const object = widget('shop', 'a');
  const metadata = { ...object.metadata, uid: 'u1', generation: 2, resourceVersion: '7', ...change };
  return { ...object, metadata, ...(status && { status }) };
}

interface Run {
  readonly result: unknown;
  readonly planned: number;
  readonly reported: readonly string[];
}

/** One reconcile of `object`. */
async function run(
  client: KubeClient,
  object: Widget,
  options: Omit<WidgetKindOptions, 'client'> & { signal?: AbortSignal; onObserve?: () => void } = {},
): Promise<Run> {
  const { signal = new AbortController().signal, onObserve, ...hooks } = options;
  const kind = widgetKind({ client, ...hooks });
  const reported: string[] = [];
  let planned = 0;
  const context = { key: { namespace: 'shop', name: 'a' }, object, signal, log: silentLog };
  const result: unknown = await reconcileKind(
    {
      ...kind,
      observe: async (...args) => {
        const observed = await kind.observe(...args);
        onObserve?.();
        return observed;
      },
      plan: (...args) => {
        planned++;
        return kind.plan(...args);
      },
      report: (_, { done }) => void reported.push(...done.map((step) => step.kind)),
    },
    context,
    runtimeOf(client),
  ).catch((error: unknown) => error);
  return { result, planned, reported };
}

describe('a step that throws', () => {
  it('has the steps before it reported all the same', async () => {
    const error = new Error('no');
    const { client, statuses } = fakeServer(aWidget());
    const { result, reported } = await run(client, aWidget(), { beforeStep: () => Promise.reject(error) });
    expect(result).toBe(error);
    expect(reported).toEqual(['addFinalizer']);
    expect(statuses()).toEqual([]);
  });
});

describe('a reconcile that was given up', () => {
  const late = new Error('late');

  it('plans nothing when what hung answers at last', async () => {
    const abort = new AbortController();
    const { client } = fakeServer(aWidget());
    const { result, planned } = await run(client, aWidget(), {
      signal: abort.signal,
      onObserve: () => abort.abort(late),
    });
    expect(result).toBe(late);
    expect(planned).toBe(0);
  });

  it('begins no further step, and writes no status', async () => {
    const abort = new AbortController();
    const { client, statuses } = fakeServer(aWidget());
    const { result, reported } = await run(client, aWidget(), {
      signal: abort.signal,
      beforeStep: () => Promise.resolve(abort.abort(late)),
    });
    expect(result).toBe(late);
    expect(reported).toEqual(['addFinalizer', 'applyConfigMap']);
    expect(statuses()).toEqual([]);
  });
});

it('every write carries the signal of its reconcile, that of the finalizer too', async () => {
  const { signal } = new AbortController();
  const { client, requests } = fakeServer(aWidget());
  await run(client, aWidget(), { signal });
  const finalizer = requests.filter(({ verb }) => verb === 'mergePatch');
  expect(finalizer).toMatchObject([{ body: { metadata: { finalizers: ['test.example/widget'] } } }]);
  expect(finalizer[0]?.signal).toBe(signal);
});

const missing = ({ verb }: Request): Error | undefined => (verb === 'mergePatch' ? notFound : undefined);
const withoutStatus = ({ body }: Request): Error | undefined => (body?.status ? notFound : undefined);

describe('an object that was deleted meanwhile', () => {
  it.each([
    ['is gone', undefined],
    ['has a successor of its name', aWidget({ uid: 'u2' })],
  ])('%s: that a write does not find it is no failure', async (_, stored) => {
    const { client } = fakeServer(stored, missing);
    expect((await run(client, aWidget())).result).toBeUndefined();
  });

  it('is still there: what is not found is something else, and a failure', async () => {
    const { client } = fakeServer(aWidget(), missing);
    expect((await run(client, aWidget())).result).toBe(notFound);
  });

  it('has no status to be written, whatever failed before', async () => {
    const { client, statuses } = fakeServer(undefined, withoutStatus);
    expect((await run(client, aWidget({ finalizers: ['test.example/widget'] }))).result).toBeUndefined();
    const context = { key: { name: 'a' }, object: aWidget(), signal: new AbortController().signal, log: silentLog };
    await reportKindFailure(widgetKind({ client }), context, new Error('no'), runtimeOf(client));
    expect(statuses()).toHaveLength(2);
  });
});

it('a failure is one of the generation that failed, so that kstatus reads its conditions', async () => {
  const ready: Condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Created',
    message: 'the ConfigMap is there',
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const object = aWidget({}, { seen: 1, observedGeneration: 1, conditions: [ready] });
  const { client, statuses } = fakeServer(object);
  const context = { key: { name: 'a' }, object, signal: new AbortController().signal, log: silentLog };
  const forbidden = new ApiError('PATCH /x', { code: 403, reason: 'Forbidden', message: 'no right' });
  await reportKindFailure(widgetKind({ client }), context, forbidden, runtimeOf(client));
  const failed = { status: 'False', reason: 'ApiForbidden', observedGeneration: 2 };
  expect(statuses()).toMatchObject([
    {
      seen: 1,
      observedGeneration: 2,
      conditions: [
        { type: 'Ready', ...failed },
        { type: 'Available', status: 'Unknown' },
        { type: 'Stalled', status: 'True' },
        { type: 'Degraded', status: 'Unknown' },
      ],
    },
  ]);
});

function versionOf({ body }: Request): string | undefined {
  const metadata = body?.['metadata'] as Widget['metadata'] | undefined;
  return metadata?.resourceVersion;
}

// A watch may be silent for minutes: a run that has ended is to be said in the status all the same.
it('an object whose status was written since is reconciled once more as it is now, and its newer status is not undone', async () => {
  const conflict = new ApiError('PATCH /x', { code: 409, reason: 'Conflict' });
  const newest = aWidget({ resourceVersion: '9', finalizers: [WIDGET_FINALIZER] }, { seen: 5, observedGeneration: 1 });
  const server = fakeServer(newest, (request) => (versionOf(request) === '7' ? conflict : undefined));
  const { planned } = await run(server.client, aWidget({ finalizers: [WIDGET_FINALIZER] }, { seen: 1 }));
  expect(planned).toBe(2);
  const versions = server.requests.filter(({ body }) => body?.['status']).map(versionOf);
  expect(versions).toEqual(['7', '9']);
});
