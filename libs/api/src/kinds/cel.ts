/** A CEL rule of a schema, as in apiextensions' ValidationRule. */
export interface ValidationRule {
  rule: string;
  /** What the user reads: the field, the reason and the way out. */
  message: string;
  /** CEL for a message with values in it; `message` is used when it fails. */
  messageExpression?: string;
  /** The field that the error names, relative to the schema that carries the rule. */
  fieldPath?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
}

/** Rules as zod metadata: what zod cannot say and the API server checks. */
export function celRules(...rules: ValidationRule[]): { 'x-kubernetes-validations': ValidationRule[] } {
  return { 'x-kubernetes-validations': rules };
}
