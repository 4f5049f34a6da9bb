import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import {
  BadInputError,
  ConflictError,
  LandfallError,
  NotFoundError,
  type RepositoryRecord,
  SEALING_CONTEXT,
  Secret,
} from '@landfall/domain';
import { SCAN_RESULT } from '@landfall/pipeline';
import type { Request } from 'express';
import { z } from 'zod';
import { actorOf } from '../access/actor.js';
import { Requires } from '../access/roles.js';
import { text } from '../http/text.js';
import { Answers, Problems, REPOSITORY_ANSWER, SCANNED_REPOSITORY_ANSWER } from '../openapi.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { canonicalUrl, parseRepositoryUrl } from './repository-url.js';

const NEW_REPOSITORY = z.strictObject({
  name: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9._-]{0,62}$/i,
      'must be 1–63 letters, digits, ".", "_" or "-", beginning with a letter or digit',
    ),
  kind: z.enum(['restic', 'images', 'snapshots']),
  url: text(1000),
  password: z.string().min(1).max(4096).optional(),
  hostedByProvider: z.boolean().default(false),
});

type ScannedRepository = RepositoryRecord & Omit<z.infer<typeof SCAN_RESULT>, 'points'>;

@ApiTags('repositories')
@Controller('v1/repositories')
export class RepositoriesController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Get()
  @Answers(z.array(REPOSITORY_ANSWER), 'All repositories.')
  @Requires('viewer')
  list(): Promise<readonly RepositoryRecord[]> {
    return this.ports.catalogue.repositories();
  }

  @Get(':name')
  @Answers(REPOSITORY_ANSWER, 'The repository.')
  @Requires('viewer')
  async show(@Param('name') name: string): Promise<RepositoryRecord> {
    return (await this.ports.catalogue.repository(name)) ?? unknownRepository(name);
  }

  /** Adds a repository and reads it at once. When it cannot be read it is not added. */
  @Post()
  @Answers(SCANNED_REPOSITORY_ANSWER, 'Added, and what was found in it.', 201)
  @Requires('operator')
  async add(
    @Body({ schema: NEW_REPOSITORY }) body: z.infer<typeof NEW_REPOSITORY>,
    @Req() request: Request,
  ): Promise<ScannedRepository> {
    const { catalogue, secrets, audit } = this.ports;
    const { name, kind, hostedByProvider } = body;
    const url = canonicalUrl(parseRepositoryUrl(body.url));
    if (kind === 'restic' && body.password === undefined) throw passwordMissing(name);
    if ((await catalogue.repository(name)) !== null) throw nameTaken(name);
    const sealedPassword =
      body.password === undefined
        ? null
        : secrets.seal(new Secret(body.password), SEALING_CONTEXT.repositoryPassword(name));
    await catalogue.addRepository({ name, kind, url, hostedByProvider, sealedPassword });
    try {
      const scanned = await this.scan(name);
      await audit.append({
        actor: actorOf(request),
        action: 'repository.add',
        subject: name,
        details: { kind, url, hostedByProvider },
      });
      return scanned;
    } catch (error) {
      await catalogue.removeRepository(name);
      throw error;
    }
  }

  @Post(':name/rescan')
  @Answers(SCANNED_REPOSITORY_ANSWER, 'What was found in it.')
  @HttpCode(200)
  @Requires('operator')
  async rescan(@Param('name') name: string): Promise<ScannedRepository> {
    if ((await this.ports.catalogue.repository(name)) === null) return unknownRepository(name);
    return this.scan(name);
  }

  @Delete(':name')
  @Problems()
  @HttpCode(204)
  @Requires('operator')
  async remove(@Param('name') name: string, @Req() request: Request): Promise<void> {
    if (!(await this.ports.catalogue.removeRepository(name))) unknownRepository(name);
    await this.ports.audit.append({
      actor: actorOf(request),
      action: 'repository.remove',
      subject: name,
      details: {},
    });
  }

  private async scan(name: string): Promise<ScannedRepository> {
    const { format, machines, skipped } = SCAN_RESULT.parse(await this.ports.planner.scan(name));
    const record = (await this.ports.catalogue.repository(name)) ?? unknownRepository(name);
    return { ...record, format, machines, skipped };
  }
}

function unknownRepository(name: string): never {
  throw new NotFoundError({
    code: 'REPOSITORY_UNKNOWN',
    message: `There is no repository called "${name}".`,
    fix: 'List the repositories with GET /v1/repositories or "landfall repo list", and mind capital letters.',
  });
}

function nameTaken(name: string): LandfallError {
  return new ConflictError({
    code: 'REPOSITORY_EXISTS',
    message: `A repository called "${name}" was added before.`,
    fix: 'Choose another name, or remove the old one first; restores that have ended do not need it.',
  });
}

function passwordMissing(name: string): LandfallError {
  return new BadInputError({
    code: 'REPOSITORY_PASSWORD_MISSING',
    message: `The restic repository "${name}" cannot be opened without its password.`,
    fix: 'Give the password in the field "password", or with --password-file on the command line.',
  });
}
