import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Resource } from '../objects/resources.ts';
import { clipText } from '../objects/clip-text.ts';
import type { AdmissionRequest, Defaults, KindAdmission, Verdict } from './types.ts';

/** admission.k8s.io/v1: the API server sends it as JSON, with much more than is read here. */
const OBJECT = z.looseObject({ metadata: z.looseObject({ name: z.string().optional() }) });
const REVIEW = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1).max(100),
    operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    namespace: z.string().default(''),
    subResource: z.string().optional(),
    object: OBJECT.nullish(),
    oldObject: OBJECT.nullish(),
    dryRun: z.boolean().nullish(),
  }),
});

export type Review = z.infer<typeof REVIEW>['request'];

/** @throws Error that says what is wrong with the text: it is no AdmissionReview of this version */
export function parseReview(body: string): Review {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new Error('the body is not JSON');
  }
  const parsed = REVIEW.safeParse(json);
  if (parsed.success) return parsed.data.request;
  const [issue] = parsed.error.issues;
  throw new Error(
    `the body is not an AdmissionReview of admission.k8s.io/v1: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}

/**
 * What there is to judge; undefined: nothing. An object that is being deleted, and one whose spec stays as it is, always
 * pass, so that no finalizer and no controller is ever locked out by a rule that came later.
 */
export function concerns(review: Review, signal: AbortSignal): AdmissionRequest | undefined {
  const { operation, subResource, namespace, dryRun } = review;
  if ((operation !== 'CREATE' && operation !== 'UPDATE') || subResource) return undefined;
  const object = review.object as Resource | null | undefined;
  const oldObject = (review.oldObject ?? undefined) as Resource | undefined;
  if (!object || object.metadata.deletionTimestamp !== undefined) return undefined;
  if (oldObject && isDeepStrictEqual(specOf(object), specOf(oldObject))) return undefined;
  return { operation, namespace, object, oldObject, dryRun: dryRun ?? false, signal };
}

const specOf = (object: Resource): unknown => (object as { spec?: unknown }).spec;

/** What is answered for a request that passes and of which there is nothing to say. */
export const PASSES: Verdict & Defaults = { refusals: [], additions: [] };

/** Asks the kind. @param path the first part of the path: which of the two is asked */
export async function judge(
  admission: KindAdmission,
  path: 'validate' | 'mutate',
  request: AdmissionRequest,
): Promise<Verdict & Defaults> {
  if (path === 'validate') return { ...PASSES, ...(await admission.validate?.(request)) };
  return { ...PASSES, ...(await admission.mutate?.(request)) };
}

/** The API server shows no more of one warning than 256 characters, and of all 4,096. */
const WARNING_LENGTH = 256;
const MAX_WARNINGS = 16;
const MESSAGE_LENGTH = 4_096;

/** The answer as the API server reads it. */
export function answer(uid: string, { refusals, additions, warnings = [] }: Verdict & Defaults): object {
  const isAllowed = refusals.length === 0;
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: isAllowed,
      ...(!isAllowed && {
        status: { code: 422, reason: 'Invalid', message: clipText(refusals.join('; '), MESSAGE_LENGTH) },
      }),
      ...(isAllowed &&
        additions.length > 0 && {
          patchType: 'JSONPatch',
          patch: Buffer.from(JSON.stringify(additions)).toString('base64'),
        }),
      ...(warnings.length > 0 && {
        warnings: warnings.slice(0, MAX_WARNINGS).map((warning) => clipText(warning, WARNING_LENGTH)),
      }),
    },
  };
}
