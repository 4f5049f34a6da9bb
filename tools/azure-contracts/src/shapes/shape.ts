/*
 * What a JSON value has to look like. Both published sources (the mappers inside Microsoft's packages, and the OpenAPI
 * documents) are turned into this one small language, and one validator holds values against it.
 */
export type Shape =
  | { readonly kind: 'any' }
  | { readonly kind: 'boolean' }
  | StringShape
  | NumberShape
  | ListShape
  | { readonly kind: 'dictionary'; readonly value: Shape }
  | ObjectShape
  /** A definition that may refer to itself. */
  | { readonly kind: 'reference'; readonly resolve: () => Shape };

export interface StringShape {
  readonly kind: 'string';
  readonly format?: 'date-time' | 'date' | 'time' | 'uuid' | 'base64' | 'duration';
  /** Every value that is allowed; compared with case. */
  readonly values?: readonly string[];
  readonly pattern?: RegExp;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface NumberShape {
  readonly kind: 'number';
  readonly integer?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface ListShape {
  readonly kind: 'list';
  readonly element: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export interface ObjectShape {
  readonly kind: 'object';
  /** As the source names it; for messages. */
  readonly name: string;
  readonly properties: ReadonlyMap<string, Property>;
  /** What other members look like; null: there may be none. */
  readonly additional: Shape | null;
  /** The member that tells which of several shapes the value really has. */
  readonly discriminator?: { readonly property: string; readonly shapes: ReadonlyMap<string, () => Shape> };
}

export interface Property {
  readonly shape: Shape;
  readonly required: boolean;
  /** Only ever set by the service: a request has no business sending it, an answer has to hold it if it is required. */
  readonly readOnly: boolean;
  readonly nullable: boolean;
  /** Taken in and never given out, such as a password. */
  readonly secret?: boolean;
}

export const ANYTHING: Shape = { kind: 'any' };
