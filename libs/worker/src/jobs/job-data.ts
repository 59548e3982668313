/**
 * The part of https://standardschema.dev that is used: Zod, Valibot, ArkType and others implement it.
 * `Output` is what data is once it has passed, after the schema's transformations.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

export type SchemaResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

export type CheckedData = { ok: true; data: unknown } | { ok: false; message: string };

const SHOWN_ISSUES = 5;

/** Checks a job's data against its queue's schema; the message names fields, not values, since it is kept in Redis. */
export async function checkJobData(schema: StandardSchema | undefined, data: unknown): Promise<CheckedData> {
  if (!schema) return { ok: true, data };
  const result = await schema['~standard'].validate(data);
  const { issues } = result;
  if (!issues) return { ok: true, data: result.value };
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ message, path = [] }) => {
    const field = path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
    return field ? `${field}: ${message}` : message;
  });
  const more = issues.length - shown.length;
  return { ok: false, message: `data does not fit the schema: ${shown.join('; ')}${more > 0 ? `; ${more} more` : ''}` };
}
