import { randomBytes } from 'node:crypto';
import { type MadeTokenView, NEW_TOKEN, ROUTES, type TokenView } from '@landfall/contract';
import { Body, Controller, Inject, Param, Req } from '@nestjs/common';
import { type ApiTokenRecord, ConflictError, NotFoundError, tokenNameTaken } from '@landfall/domain';
import type { Request } from 'express';
import type { z } from 'zod';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { actorOf } from './actor.js';
import { ADMINISTRATOR } from './administrator.js';
import { hashOf } from './session.js';

const DAY_SECONDS = 24 * 3_600;
/** So that whoever finds one in a log or a repository knows what it opens. */
const PREFIX = 'lft_';
/** Nobody guesses that many. */
const TOKEN_BYTES = 32;

/** Tokens for people and their programs. */
@Controller()
export class TokensController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.listTokens)
  async list(): Promise<TokenView[]> {
    return (await this.ports.tokens.list()).map(viewOfToken);
  }

  @Serves(ROUTES.createToken)
  async create(
    @Body({ schema: NEW_TOKEN }) { name, role, days }: z.infer<typeof NEW_TOKEN>,
    @Req() request: Request,
  ): Promise<MadeTokenView> {
    // Also where its token bears another name for now.
    if (name === ADMINISTRATOR) throw tokenNameTaken(name);
    const token = `${PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
    const validSeconds = days === undefined ? null : days * DAY_SECONDS;
    const order = { name, role, tokenHash: hashOf(token), validSeconds };
    return { ...viewOfToken(await this.ports.tokens.issue(order, actorOf(request))), token };
  }

  @Serves(ROUTES.revokeToken)
  async revoke(@Param('name') name: string, @Req() request: Request): Promise<void> {
    if (name === ADMINISTRATOR) throw fromSettings();
    if (!(await this.ports.tokens.withdraw(name, actorOf(request)))) throw unknown(name);
  }
}

function viewOfToken({ name, role, createdAt, createdBy, expiresAt, revokedAt }: ApiTokenRecord): TokenView {
  return {
    ...{ name, role, createdBy, createdAt: createdAt.toISOString() },
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
  };
}

function unknown(name: string): NotFoundError {
  return new NotFoundError({
    code: 'TOKEN_UNKNOWN',
    message: `There is no token called "${name}" that opens anything.`,
    fix: 'List the tokens with GET /v1/tokens or "landfall token list", and mind capital letters.',
  });
}

function fromSettings(): ConflictError {
  return new ConflictError({
    code: 'TOKEN_OF_SETTINGS',
    message: `The token "${ADMINISTRATOR}" comes from LANDFALL_API_TOKEN: revoked here, nobody could make another one.`,
    fix: 'Set LANDFALL_API_TOKEN to a new random text and start the API anew; that voids the one before.',
  });
}
