import { BadInputError } from '@landfall/domain';

/** What a command was called with makes no sense. */
export function badUsage(code: string, message: string, fix: string): BadInputError {
  return new BadInputError({ code, message, fix });
}
