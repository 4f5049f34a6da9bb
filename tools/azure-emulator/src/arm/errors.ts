/**
 * An answer that refuses, in the shape that Azure Resource Manager gives it:
 * `{"error": {"code", "message", "target"?, "details"?}}`.
 */
export class AzureError extends Error {
  readonly status: number;
  readonly code: string;
  readonly target: string | undefined;
  readonly details: readonly ErrorDetail[] | undefined;
  readonly additionalInfo: readonly AdditionalInfo[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** True where Azure leaves out the `error` around the rest. */
  readonly isUnwrapped: boolean;

  constructor(status: number, code: string, message: string, extra: ErrorExtra = {}) {
    super(message);
    this.name = 'AzureError';
    this.status = status;
    this.code = code;
    this.target = extra.target;
    this.details = extra.details;
    this.additionalInfo = extra.additionalInfo;
    this.headers = extra.headers ?? {};
    this.isUnwrapped = extra.isUnwrapped ?? false;
  }

  toBody(): ErrorBody | ErrorDetail {
    return this.isUnwrapped ? this.toDetail() : { error: this.toDetail() };
  }

  toDetail(): ErrorDetail {
    return {
      code: this.code,
      message: this.message,
      ...(this.target === undefined ? {} : { target: this.target }),
      ...(this.details === undefined ? {} : { details: this.details }),
      ...(this.additionalInfo === undefined ? {} : { additionalInfo: this.additionalInfo }),
    };
  }
}

export interface ErrorExtra {
  readonly target?: string;
  readonly details?: readonly ErrorDetail[];
  readonly additionalInfo?: readonly AdditionalInfo[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly isUnwrapped?: boolean;
}

export interface AdditionalInfo {
  readonly type: string;
  readonly info: unknown;
}

export interface ErrorDetail {
  readonly code: string;
  readonly message: string;
  readonly target?: string;
  readonly details?: readonly ErrorDetail[];
  readonly additionalInfo?: readonly AdditionalInfo[];
}

export interface ErrorBody {
  readonly error: ErrorDetail;
}

/*
 * The refusals that more than one kind of resource uses. Those of a single kind stand beside its rules.
 */
export function badRequest(code: string, message: string, target?: string): AzureError {
  return new AzureError(400, code, message, target === undefined ? {} : { target });
}

export function conflict(code: string, message: string, target?: string): AzureError {
  return new AzureError(409, code, message, target === undefined ? {} : { target });
}

export function invalidParameter(target: string, message: string): AzureError {
  return badRequest('InvalidParameter', message, target);
}

export function missingParameter(target: string): AzureError {
  return badRequest('InvalidParameter', `Required parameter '${target}' is missing (null).`, target);
}

export function resourceNotFound(type: string, name: string, resourceGroup: string): AzureError {
  return new AzureError(
    404,
    'ResourceNotFound',
    `The Resource '${type}/${name}' under resource group '${resourceGroup}' was not found. ` +
      'For more details please go to https://aka.ms/ARMResourceNotFoundFix',
  );
}

export function resourceGroupNotFound(name: string): AzureError {
  return new AzureError(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`);
}

export function resourceGroupBeingDeleted(name: string): AzureError {
  return conflict(
    'ResourceGroupBeingDeleted',
    `The resource group '${name}' is in deprovisioning state and cannot perform this operation.`,
  );
}

export function preconditionFailed(message: string): AzureError {
  return new AzureError(412, 'PreconditionFailed', message);
}
