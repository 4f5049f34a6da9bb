import { PermanentError, type ErrorDetails } from '@landfall/domain';

/** The stack does not run, does not answer, or does not let us in. */
export class Unreachable extends PermanentError {}

/** What the API has said is not what its contract says. */
export class UnreadableAnswer extends PermanentError {}

/** The API's answer in problem+json. */
export class ApiProblem extends PermanentError {
  readonly status: number;

  constructor(status: number, details: ErrorDetails) {
    super(details);
    this.status = status;
  }
}
