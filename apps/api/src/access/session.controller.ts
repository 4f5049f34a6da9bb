import { Body, Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { UnauthenticatedError } from '../errors/problem.js';
import { text } from '../http/text.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { SESSION_COOKIE } from './cookies.js';
import { type Principal, Requires } from './roles.js';
import { hashOf, principalOf, sealSession, sessionCookie } from './session.js';
import { localPath, signInPage } from './sign-in-page.js';

const SIGN_IN = z.strictObject({ token: text(500), next: z.string().max(2000).optional() });

/** Sign-in for browsers. Programs send their token with every request and need no session. */
@ApiTags('session')
@Controller('session')
export class SessionController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Post()
  @Requires('nobody')
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

  @Get()
  @Requires('viewer')
  whoAmI(@Req() request: Request): { name: string; role: string } {
    const principal = request.principal as Extract<Principal, { kind: 'user' }>;
    return { name: principal.name, role: principal.role };
  }

  @Delete()
  @Requires('nobody')
  signOut(@Req() request: Request, @Res() response: Response): void {
    const { maxAge: _, ...attributes } = sessionCookie(request);
    response.clearCookie(SESSION_COOKIE, attributes);
    response.status(204).end();
  }
}
