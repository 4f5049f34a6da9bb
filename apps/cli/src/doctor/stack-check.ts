import { ROUTES } from '@landfall/contract';
import { detailsOf } from '@landfall/domain';
import { connect } from '../stack/connect.js';
import type { Check } from './check.js';

const NAME = 'running stack';

/** That none runs is no fault. */
export async function runningStackCheck(data: string | undefined): Promise<Check> {
  try {
    const { api } = connect(data);
    await api.ask(ROUTES.isReady, { signal: AbortSignal.timeout(10_000) });
    return { name: NAME, state: 'ok', detail: 'ready' };
  } catch (error) {
    if ((error as { code?: unknown }).code === 'STACK_NOT_RUNNING') {
      return { name: NAME, state: 'ok', detail: 'none on this folder' };
    }
    return {
      name: NAME,
      state: 'fail',
      detail: detailsOf(error).message,
      fix: 'Look into the logs in the data folder; "./landfall down" stops it, "./landfall up --detach" starts it anew.',
    };
  }
}
