import { applyDecorators, HttpCode, RequestMapping, RequestMethod } from '@nestjs/common';
import type { AnswerOf, Route } from '@landfall/contract';
import { Requires } from '../access/roles.js';

/** What a handler returns, as JSON puts it on the wire: a time becomes text. */
type Sent<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? Sent<E>[]
    : T extends object
      ? { -readonly [K in keyof T]: Sent<T[K]> }
      : T;

/** Handlers that write the response themselves return nothing. */
type AnswersWith<R extends Route, H extends (...args: never[]) => unknown> =
  Sent<Awaited<ReturnType<H>>> extends AnswerOf<R> | void ? unknown : { readonly mustAnswerWith: AnswerOf<R> };

/**
 * Makes a handler serve a route of the contract: its address, its status, its role. That what it returns is what the contract
 * says is held by the compiler; that there is nothing besides it, by the tests.
 */
export function Serves<const R extends Route>(route: R) {
  const path = route.path.replace(/\{(\w+)\}/g, ':$1');
  const decorate = applyDecorators(
    RequestMapping({ path, method: RequestMethod[route.method] }),
    HttpCode(route.status),
    Requires(route.role),
  );
  return <H extends (...args: never[]) => unknown>(
    target: object,
    name: string | symbol,
    handler: TypedPropertyDescriptor<H> & AnswersWith<R, H>,
  ): void => decorate(target, name, handler);
}
