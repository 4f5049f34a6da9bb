import type { NextFunction, Request, Response } from 'express';
import { ForbiddenError, UnauthenticatedError } from '../errors/problem.js';
import type { ApiPorts } from '../ports.js';
import { cookie, SESSION_COOKIE } from './cookies.js';
import { mayDo, type Principal, type Requirement } from './roles.js';
import { changesSomething, isCrossSite, isSameOrigin } from './same-origin.js';
import { hashOf, openSession, principalOf } from './session.js';

/*
 * The gate stands in front of everything that this server serves: routes, static files, the queue dashboard, the API
 * documentation. What is not on the list below needs a valid token, also an address that does not exist. Roles are
 * checked behind it, by the guard for routes and by `requires` for what is mounted beside them.
 */
const OPEN: readonly { readonly methods: readonly string[]; readonly path: RegExp }[] = [
  { methods: ['GET', 'HEAD'], path: /^\/health\/(live|ready)$/ },
  { methods: ['GET', 'HEAD'], path: /^\/assets\/sign-in\.css$/ },
  { methods: ['POST', 'DELETE'], path: /^\/session$/ },
  // Guarded by its one-time bootstrap token instead.
  { methods: ['POST'], path: /^\/internal\/v1\/workers\/[^/]+\/register$/ },
];

export function gate(ports: Pick<ApiPorts, 'tokens' | 'workers' | 'secrets'>, now: () => Date = () => new Date()) {
  return async (request: Request, _response: Response, next: NextFunction): Promise<void> => {
    if (isOpen(request)) {
      if (changesSomething(request) && isCrossSite(request)) throw crossSite();
      return next();
    }
    const principal = await identify(request, ports, now());
    if (principal === null) throw new UnauthenticatedError();
    if (
      principal.kind === 'user' &&
      principal.via === 'cookie' &&
      changesSomething(request) &&
      !isSameOrigin(request)
    ) {
      throw crossSite();
    }
    request.principal = principal;
    next();
  };
}

function isOpen(request: Request): boolean {
  return OPEN.some(({ methods, path }) => methods.includes(request.method) && path.test(request.path));
}

/** A bearer token that is wrong is not made good by a cookie beside it. */
async function identify(
  request: Request,
  ports: Pick<ApiPorts, 'tokens' | 'workers' | 'secrets'>,
  now: Date,
): Promise<Principal | null> {
  const authorization = request.headers.authorization;
  if (authorization !== undefined) {
    const token = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
    return token === undefined ? null : byToken(request, ports, hashOf(token));
  }
  const sealed = cookie(request, SESSION_COOKIE);
  const tokenHash = sealed === null ? null : openSession(ports.secrets, sealed, now);
  return tokenHash === null ? null : principalOf(ports.tokens, tokenHash, 'cookie');
}

async function byToken(
  request: Request,
  ports: Pick<ApiPorts, 'tokens' | 'workers'>,
  tokenHash: string,
): Promise<Principal | null> {
  const user = await principalOf(ports.tokens, tokenHash, 'token');
  if (user !== null || !request.path.startsWith('/internal/')) return user;
  const worker = await ports.workers.bySession(tokenHash);
  if (worker !== null) return { kind: 'worker', workerId: worker.id, tokenHash, ended: false };
  if (request.method !== 'POST' || !isReport(request.path)) return null;
  const former = await ports.workers.byAnySession(tokenHash);
  return former === null ? null : { kind: 'worker', workerId: former.id, tokenHash, ended: true };
}

/** The address where a data-mover says what came of a segment. */
export function isReport(path: string): boolean {
  return /^\/internal\/v1\/segments\/[^/]+\/report$/.test(path);
}

/** For what is mounted beside Nest's routes. */
export function requires(requirement: Requirement) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    if (!mayDo(request.principal, requirement)) throw forbidden(requirement);
    next();
  };
}

export function forbidden(requirement: Requirement): ForbiddenError {
  return new ForbiddenError({
    code: 'FORBIDDEN',
    message: `The token that was sent may not do this: it needs the role "${requirement}".`,
    fix: `Use a token with the role "${requirement}" or a higher one, or ask somebody who has it.`,
  });
}

function crossSite(): ForbiddenError {
  return new ForbiddenError({
    code: 'CROSS_SITE',
    message: 'The request was sent by a page of another site, or its browser does not say by which.',
    fix: 'Use the pages of this site, or send the token in the Authorization header.',
  });
}
