import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { forbidden } from './gate.js';
import { mayDo, REQUIREMENT, type Requirement } from './roles.js';

/** Behind the gate, before every route: lets through who has the role that the route names. */
@Injectable()
export class RolesGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const requirement = this.reflector.getAllAndOverride<Requirement | undefined>(REQUIREMENT, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (requirement === undefined) throw new Error(`${context.getClass().name}: a route does not say whom it is for.`);
    const { principal } = context.switchToHttp().getRequest<Request>();
    if (!mayDo(principal, requirement)) throw forbidden(requirement);
    return true;
  }
}
