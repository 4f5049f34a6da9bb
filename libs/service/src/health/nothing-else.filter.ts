import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import type { Request, Response } from 'express';

/** There is nothing here but health and metrics, to be read. */
@Catch(NotFoundException)
export class NothingElseFilter implements ExceptionFilter<NotFoundException> {
  catch(_: NotFoundException, host: ArgumentsHost): void {
    const { method } = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    if (method === 'GET' || method === 'HEAD') response.status(404).json({ status: 'not found' });
    else response.status(405).json({ status: 'not allowed' });
  }
}
