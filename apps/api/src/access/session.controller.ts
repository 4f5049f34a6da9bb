import { ROUTES, SIGN_IN, type UserRole } from '@landfall/contract';
import { Body, Controller, Inject, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { z } from 'zod';
import { UnauthenticatedError } from '../errors/problem.js';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { SESSION_COOKIE } from './cookies.js';
import type { Principal } from './roles.js';
import { hashOf, principalOf, sealSession, sessionCookie } from './session.js';
import { localPath, signInPage } from './sign-in-page.js';

/** Sign-in for browsers. Programs send their token with every request and need no session. */
@Controller()
export class SessionController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.signIn)
  async signIn(
    @Body({ schema: SIGN_IN }) body: z.infer<typeof SIGN_IN>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const fromForm = request.is('application/x-www-form-urlencoded') !== false;
    const tokenHash = hashOf(body.token.trim());
    const principal = await principalOf(this.ports.tokens, tokenHash, 'cookie');
    if (principal === null || (principal.kind === 'user' && principal.role === 'mover')) {
      const refusal = new UnauthenticatedError('This token is not valid: it is unknown, has expired or was revoked.');
      if (!fromForm) throw refusal;
      response
        .status(401)
        .type('html')
        .send(signInPage({ next: body.next ?? '/', message: refusal.message }));
      return;
    }
    response.cookie(SESSION_COOKIE, sealSession(this.ports.secrets, tokenHash, new Date()), sessionCookie(request));
    if (fromForm) response.redirect(303, localPath(body.next ?? '/'));
    else response.status(204).end();
  }

  @Serves(ROUTES.whoAmI)
  whoAmI(@Req() request: Request): { name: string; role: UserRole } {
    const { name, role } = request.principal as Extract<Principal, { kind: 'user' }>;
    return { name, role: role as UserRole };
  }

  @Serves(ROUTES.signOut)
  signOut(@Req() request: Request, @Res() response: Response): void {
    const { maxAge: _, ...attributes } = sessionCookie(request);
    response.clearCookie(SESSION_COOKIE, attributes);
    response.status(204).end();
  }
}
