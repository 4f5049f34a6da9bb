import { NEW_REPOSITORY, ROUTES } from '@landfall/contract';
import { Body, Controller, Inject, Param, Req } from '@nestjs/common';
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
import type { z } from 'zod';
import { actorOf } from '../access/actor.js';
import { Serves } from '../http/serves.js';
import { PORTS, type ApiPorts } from '../ports.js';
import { canonicalUrl, parseRepositoryUrl } from './repository-url.js';

type ScannedRepository = RepositoryRecord & Omit<z.infer<typeof SCAN_RESULT>, 'points'>;

@Controller()
export class RepositoriesController {
  constructor(@Inject(PORTS) private readonly ports: ApiPorts) {}

  @Serves(ROUTES.listRepositories)
  list(): Promise<readonly RepositoryRecord[]> {
    return this.ports.catalogue.repositories();
  }

  @Serves(ROUTES.showRepository)
  async show(@Param('name') name: string): Promise<RepositoryRecord> {
    return (await this.ports.catalogue.repository(name)) ?? unknownRepository(name);
  }

  @Serves(ROUTES.addRepository)
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

  @Serves(ROUTES.rescanRepository)
  async rescan(@Param('name') name: string): Promise<ScannedRepository> {
    if ((await this.ports.catalogue.repository(name)) === null) return unknownRepository(name);
    return this.scan(name);
  }

  @Serves(ROUTES.removeRepository)
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
