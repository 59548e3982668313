import type { KubeClient } from '../client/kube-client.ts';
import { applySteps } from '../kind/apply-steps.ts';
import { kindConditions } from '../kind/conditions.ts';
import type { FailureReason } from '../kind/failures.ts';
import { hasFinalizer } from '../finalizers/finalizers.ts';
import type { ReasonKinds } from '../kind/reasons.ts';
import type { StatusPace } from '../kind/status-pace.ts';
import type { Kind, ObjectMemory, Plan } from '../kind/types.ts';
import { controllerOwnerReference } from '../objects/owner-references.ts';
import { CONFIG_MAPS, keyOf, type Resource } from '../objects/resources.ts';
import { WIDGETS, type Widget } from './widgets.ts';

/** Every Widget has a ConfigMap of its name, with a text as long as its size. */
export interface WidgetConfigMap extends Resource {
  data?: { text?: string };
}

export type WidgetReason = FailureReason | 'Created';
export type WidgetStep = { readonly kind: 'applyConfigMap' | 'cleanUp' };
export type WidgetPlan = Plan<WidgetStep, WidgetReason>;
interface ObservedWidget {
  readonly configMap: WidgetConfigMap | undefined;
}

export const WIDGET_FINALIZER = 'test.example/widget';

const WIDGET_REASONS: ReasonKinds<WidgetReason> = {
  Created: { kind: 'ready' },
  ApiForbidden: { kind: 'stalled' },
  ApiQuotaExceeded: { kind: 'retries' },
  ApiRequestTooLarge: { kind: 'stalled' },
  ApiRequestRefused: { kind: 'stalled' },
  ApiThrottled: { kind: 'retries' },
  ApiUnavailable: { kind: 'retries' },
  ReconcileTimeout: { kind: 'retries' },
  WaitingForTurn: { kind: 'progressing' },
  InternalError: { kind: 'retries' },
};

export interface WidgetKindOptions {
  readonly client: KubeClient;
  readonly memories?: readonly ObjectMemory[];
  /** By whose turns a status is written; absent: at once. */
  readonly pace?: StatusPace;
  /** Called before each plan is carried out, so that a test can do in between what others might. */
  readonly beforeApply?: (widget: Widget, plan: WidgetPlan) => Promise<void>;
  /** Called before each step but those of the finalizer. */
  readonly beforeStep?: (widget: Widget, step: WidgetStep) => Promise<void>;
}

/** A small kind with all that the skeleton does for one: a finalizer, steps, conditions, memories. */
export function widgetKind(options: WidgetKindOptions): Kind<Widget, ObservedWidget, WidgetPlan, WidgetReason> {
  const { client, memories = [], pace, beforeApply, beforeStep } = options;
  return {
    name: 'widget',
    type: WIDGETS,
    reasons: WIDGET_REASONS,
    finalizer: WIDGET_FINALIZER,
    memories,
    observe: async (widget) => ({ configMap: await client.get<WidgetConfigMap>(CONFIG_MAPS, keyOf(widget)) }),
    plan: planWidget,
    async apply(widget, { plan }, { signal, applyFinalizer }) {
      await beforeApply?.(widget, plan);
      return await applySteps<WidgetPlan['steps'][number], WidgetReason>(plan.steps, {
        signal,
        applyFinalizer,
        applyStep: async (step) => {
          await beforeStep?.(widget, step);
          if (step.kind === 'applyConfigMap') await applyConfigMap(client, widget);
          return undefined;
        },
      });
    },
    status: (widget, { problem }, now) => ({
      seen: widget.spec.size,
      observedGeneration: widget.metadata.generation ?? 0,
      conditions: kindConditions(
        widget,
        WIDGET_REASONS,
        problem ?? { reason: 'Created', message: 'the ConfigMap is there' },
        {},
        now,
      ),
    }),
    ...(pace && {
      statusDelayMs: (widget, _, { seen }, nowMs) =>
        widget.status?.seen === seen ? undefined : pace.waitMs(widget, 0, nowMs),
      statusWritten: ({ metadata: { uid = '' } }, _, __, { nowMs }) => pace.wrote(uid, nowMs),
    }),
  };
}

function planWidget(widget: Widget, { configMap }: ObservedWidget): WidgetPlan {
  if (widget.metadata.deletionTimestamp) return { steps: [{ kind: 'cleanUp' }, { kind: 'removeFinalizer' }] };
  const steps: WidgetPlan['steps'][number][] = [];
  if (!hasFinalizer(widget, WIDGET_FINALIZER)) steps.push({ kind: 'addFinalizer' });
  if (configMap?.data?.text?.length !== widget.spec.size) steps.push({ kind: 'applyConfigMap' });
  return { steps };
}

async function applyConfigMap(client: KubeClient, widget: Widget): Promise<void> {
  const { namespace, name } = widget.metadata;
  const metadata = { namespace, name, ownerReferences: [controllerOwnerReference(widget)] };
  const data = { text: 'x'.repeat(widget.spec.size) };
  await client.apply(CONFIG_MAPS, { metadata, data }, { fieldManager: 'widget', force: true });
}
