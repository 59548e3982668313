/** The part of a CRD's schema that is needed to fill a field in. */
export interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
  readonly items?: FieldSchema;
  readonly additionalProperties?: FieldSchema | boolean;
}

/** A field of a spec, and what sets it to a text, with what its object needs besides. */
export interface StringField {
  readonly path: string;
  readonly fill: (text: string) => unknown;
}

/** Every text below a schema; keys of maps are texts as well. Pure. */
export function stringFields(schema: FieldSchema, path = 'spec'): StringField[] {
  if (schema.type === 'string') return schema.enum ? [] : [{ path, fill: (text) => text }];
  const { items, additionalProperties: values } = schema;
  if (schema.type === 'array' && items) {
    return stringFields(items, `${path}[]`).map((field) => ({ ...field, fill: (text) => [field.fill(text)] }));
  }
  if (typeof values === 'object') {
    const ofKey: StringField = { path: `${path}{key}`, fill: (text) => ({ [text]: smallest(values) }) };
    const ofValues = stringFields(values, `${path}{}`);
    return [ofKey, ...ofValues.map((field) => ({ ...field, fill: (text: string) => ({ key: field.fill(text) }) }))];
  }
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    stringFields(child, `${path}.${name}`).map((field) => ({
      ...field,
      fill: (text) => ({ ...(smallest(schema) as object), [name]: field.fill(text) }),
    })),
  );
}

/** The smallest value that has the type and the required fields; it need not meet patterns. */
function smallest(schema: FieldSchema): unknown {
  const { type, required = [], properties = {} } = schema;
  if (schema.enum) return schema.enum[0];
  if (type === 'string') return 'a';
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return true;
  if (type === 'array') return schema.items ? [smallest(schema.items)] : [];
  return Object.fromEntries(required.map((name) => [name, smallest(properties[name] ?? {})]));
}
