import { type CallEffect, type LandfallError } from '@landfall/domain';
import { sameId } from './ids.js';
import { bodyHash } from './ownership.js';
import type { Change, Finding } from './perform.js';
import type { Poller } from './polling.js';

/*
 * Settings of resources that are not ours: what is changed of them is put back in the end. The ledger keeps how each was before,
 * and what was made of it; a resource is told by Azure's own number for it.
 */

/** By name, such as that of a tag; null: it has none, or Azure says nothing of it. */
export type Values = Readonly<Record<string, string | null>>;

/** One kind of settings, and how they are read and written. */
export interface Setting<M> {
  /** In the ledger: tells it from the others of the same resource. */
  readonly what: string;
  /** Completes "Azure did not …": with the name of the resource. */
  readonly doing: string;
  readonly operation: string;
  /** Whether null can be written, which takes the value away. Else what had none keeps what it was given. */
  readonly canBeTakenAway: boolean;
  read(azureId: string): Promise<M | null>;
  /** Azure's own number for the resource. */
  numberOf(model: M): string;
  isBusy(model: M): boolean;
  valuesOf(model: M): Values;
  /** @param values to write; all others stay */
  send(azureId: string, model: M, values: Values): Poller;
  resume(pollerState: string): Poller;
  missing(azureId: string): LandfallError;
}

/** What the ledger keeps of a change. */
interface Before {
  /** Azure's own number for the resource. */
  readonly number: string;
  /** Of what was to be changed alone. */
  readonly values: Values;
  readonly made: Values;
}

export interface SettingChange<M> {
  readonly azureId: string;
  /** As it was read before. */
  readonly before: M;
  readonly wantedOf: (values: Values) => Values;
  /** @throws LandfallError when it may not be changed */
  readonly check?: (model: M) => void;
  /** Nobody else sets them so: what is there already was set by us, even if the ledger has lost it, and is taken away in the end. */
  readonly isOurs?: boolean;
}

export function changeOf<M>(setting: Setting<M>, change: SettingChange<M>): Change<null> {
  const { azureId, before, wantedOf, check, isOurs = false } = change;
  const number = setting.numberOf(before);
  const now = setting.valuesOf(before);
  const made = isOurs ? wantedOf(now) : differing(now, wantedOf(now));
  const was: Before = { number, values: only(isOurs ? {} : now, made), made };
  return changing(setting, {
    azureId,
    key: `source.${setting.what}:${azureId.toLowerCase()}`,
    doing: setting.doing,
    effect: { changes: { what: setting.what, was } },
    find(model) {
      if (model === null) throw setting.missing(azureId);
      check?.(model);
      if (!sameId(setting.numberOf(model), number)) throw setting.missing(azureId);
      return wantedOf(setting.valuesOf(model));
    },
  });
}

/** What somebody else has made of it since, stays: that is no change of ours any more. */
export function undoOf<M>(setting: Setting<M>, azureId: string, was: Before): Change<null> {
  return puttingBack(setting, azureId, was, {
    key: `source.undo-${setting.what}:${azureId.toLowerCase()}`,
    doing: `put back what was changed to ${setting.doing}`,
    effect: { changes: { undoes: setting.what } },
  });
}

/** As an undoing, of what is ours until then: it was made so, and no change of it is open. */
export function giveBackOf<M>(setting: Setting<M>, azureId: string, was: Before): Change<null> {
  const key = `source.give-back-${setting.what}:${azureId.toLowerCase()}`;
  return puttingBack(setting, azureId, was, { key, doing: setting.doing, effect: { changes: 'ours' } });
}

/** Of what is ours: nobody has to undo it. Nothing is done to another resource of that name. */
export function settingOf<M>(
  setting: Setting<M>,
  made: { readonly azureId: string; readonly number: string },
  wantedOf: (model: M) => Values,
): Change<null> {
  const { azureId, number } = made;
  return changing(setting, {
    azureId,
    key: `source.set-${setting.what}:${azureId.toLowerCase()}`,
    doing: setting.doing,
    effect: { changes: 'ours' },
    find: (model) => (model === null || !sameId(setting.numberOf(model), number) ? null : wantedOf(model)),
  });
}

function puttingBack<M>(
  setting: Setting<M>,
  azureId: string,
  was: Before,
  about: Pick<Changing<M>, 'key' | 'doing' | 'effect'>,
): Change<null> {
  return changing(setting, {
    ...{ ...about, azureId },
    find(model) {
      if (model === null || !sameId(setting.numberOf(model), was.number)) return null;
      const now = setting.valuesOf(model);
      return Object.fromEntries(
        Object.entries(was.values).filter(
          ([name, value]) =>
            Object.hasOwn(now, name) && now[name] === was.made[name] && (value !== null || setting.canBeTakenAway),
        ),
      );
    },
  });
}

/** Null: not one that `changeOf` has made. */
export function beforeIn(was: unknown): Before | null {
  if (typeof was !== 'object' || was === null) return null;
  const { number, values, made } = was as Partial<Before>;
  return typeof number === 'string' && typeof values === 'object' && typeof made === 'object'
    ? { number, values, made }
    : null;
}

interface Changing<M> {
  readonly azureId: string;
  readonly key: string;
  readonly doing: string;
  readonly effect: CallEffect;
  /** The values that it is to have; null: it is nothing that this is about. @throws LandfallError */
  find(model: M | null): Values | null;
}

function changing<M>(setting: Setting<M>, { azureId, key, doing, effect, find }: Changing<M>): Change<null> {
  let found: { readonly model: M; readonly values: Values } | null = null;
  return {
    doing,
    intent: { key, operation: setting.operation, azureId, bodyHash: bodyHash({ azureId, key }), effect },
    async look(): Promise<Finding<null>> {
      const model = await setting.read(azureId);
      const wanted = find(model);
      if (model === null || wanted === null) return { state: 'done', value: null };
      if (setting.isBusy(model)) return { state: 'busy' };
      const values = differing(setting.valuesOf(model), wanted);
      if (Object.keys(values).length === 0) return { state: 'done', value: null };
      found = { model, values };
      return { state: 'needed' };
    },
    send() {
      if (found === null) throw new Error(`${key} is sent without a look.`);
      return setting.send(azureId, found.model, found.values);
    },
    resume: (state) => setting.resume(state),
  };
}

function differing(now: Values, wanted: Values): Values {
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => (now[name] ?? null) !== value));
}

function only(values: Values, names: Values): Values {
  return Object.fromEntries(Object.keys(names).map((name) => [name, values[name] ?? null]));
}
