import type { VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface } from '@azure/arm-network';
import {
  PermanentError,
  SOURCE_CHANGES,
  tagOf,
  type CallJournal,
  type CloudSources,
  type MadeAnew,
  type OpenChange,
  type SavedVm,
  type SourceVm,
  type Tags,
} from '@landfall/domain';
import type { AzureConnection } from './connection.js';
import { modelOf } from './model-rules.js';
import { perform, type Change } from './perform.js';
import type { AzureReader } from './reader.js';
import { notSeen } from './saved-vm.js';
import { beforeIn, changeOf, giveBackOf, settingOf, undoOf, type Setting, type Values } from './settings.js';
import { isSource, sourceReplaced } from './source-identity.js';
import {
  addressOptionsOfNic,
  allocationOfPublicAddress,
  allocationsOfNic,
  deleteOptionsOfVm,
  optionsAsIn,
  ownTagsOfDisk,
  ownTagsOfVm,
  tagsOfVm,
} from './source-settings.js';
import { vmMissing } from './virtual-machines.js';
import { addressesOf } from './vm-parts.js';

export class AzureSources implements CloudSources {
  constructor(
    private readonly connection: AzureConnection,
    private readonly reader: Pick<AzureReader, 'vmModel' | 'nicModel' | 'publicAddressModel' | 'disk'>,
  ) {}

  async claim(source: SourceVm, tags: Tags, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    const check = (model: VirtualMachine): void => {
      requireSource(model, source);
      requireUnclaimed(model, source.azureId, tags);
    };
    const before = await this.#modelOf(source);
    check(before);
    const setting = this.#tags(Object.keys(tags));
    const change = { azureId: source.azureId, before, wantedOf: () => tags, check, isOurs: true };
    await this.#perform(changeOf(setting, change), journal, signal);
  }

  async keepParts(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    const { azureId } = source;
    const before = await this.#modelOf(source);
    const check = (model: VirtualMachine): void => requireSource(model, source);
    const wantedOf = allSetTo('Detach');
    await this.#perform(changeOf(this.#options(), { azureId, before, wantedOf, check }), journal, signal);
    for (const { id, nic } of await this.#nicsOf(before)) {
      if (addressesOf([nic]).length === 0) continue;
      const change = changeOf(this.#addressOptions(), { azureId: id, before: nic, wantedOf });
      await this.#perform(change, journal, signal);
    }
  }

  async holdAddresses(source: SourceVm, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    const wantedOf = allSetTo('Static');
    for (const { id, nic } of await this.#nicsOf(await this.#modelOf(source))) {
      const change = changeOf(this.#allocations(), { azureId: id, before: nic, wantedOf });
      await this.#perform(change, journal, signal);
      for (const { id: addressId = '' } of addressesOf([nic])) {
        const before = await this.reader.publicAddressModel(addressId);
        if (before === null) throw notSeen(addressId);
        const held = changeOf(this.#allocation(), { azureId: addressId, before, wantedOf });
        await this.#perform(held, journal, signal);
      }
    }
  }

  async undo(open: OpenChange, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    await this.#perform(this.#undoing(open), journal, signal);
  }

  async giveBack(made: MadeAnew, tags: Tags, journal: CallJournal, signal?: AbortSignal): Promise<void> {
    const { kind, instanceId: number, saved } = made;
    const names = Object.keys(tags);
    const theirs = modelOf(saved.body['tags']) as Tags;
    const was = { number, made: tags, values: Object.fromEntries(names.map((name) => [name, tagOf(theirs, name)])) };
    const change =
      kind === 'vm'
        ? giveBackOf(ownTagsOfVm(this.connection, this.#vm, names), saved.azureId, was)
        : giveBackOf(
            ownTagsOfDisk(this.connection, (id) => this.reader.disk(id), names),
            saved.azureId,
            was,
          );
    await this.#perform(change, journal, signal);
  }

  async giveOptionsBack(
    { azureId, instanceId: number }: SourceVm,
    saved: SavedVm,
    journal: CallJournal,
    signal?: AbortSignal,
  ): Promise<void> {
    const doing = 'let what the VM consists of go along with it, as it did before';
    const change = settingOf({ ...this.#options(), doing }, { azureId, number }, (model) => optionsAsIn(saved, model));
    await this.#perform(change, journal, signal);
  }

  #undoing(open: OpenChange): Change<null> {
    const was = beforeIn(open.was);
    if (was === null) throw unknownChange(open);
    switch (open.what) {
      case SOURCE_CHANGES.claim:
        return undoOf(this.#tags(Object.keys(was.made)), open.azureId, was);
      case SOURCE_CHANGES.deleteOptions:
        return undoOf(this.#options(), open.azureId, was);
      case SOURCE_CHANGES.addressDeleteOptions:
        return undoOf(this.#addressOptions(), open.azureId, was);
      case SOURCE_CHANGES.privateAddresses:
        return undoOf(this.#allocations(), open.azureId, was);
      case SOURCE_CHANGES.publicAddress:
        return undoOf(this.#allocation(), open.azureId, was);
      default:
        throw unknownChange(open);
    }
  }

  /** @throws PermanentError `VM_MISSING`, `SOURCE_REPLACED` */
  async #modelOf(source: SourceVm): Promise<VirtualMachine> {
    const model = await this.reader.vmModel(source.azureId);
    if (model === null) throw vmMissing(source.azureId);
    requireSource(model, source);
    return model;
  }

  async #nicsOf({
    networkProfile,
  }: VirtualMachine): Promise<{ readonly id: string; readonly nic: NetworkInterface }[]> {
    const ids = (networkProfile?.networkInterfaces ?? []).flatMap(({ id }) => id ?? []);
    return Promise.all(
      ids.map(async (id) => {
        const nic = await this.reader.nicModel(id);
        if (nic === null) throw notSeen(id);
        return { id, nic };
      }),
    );
  }

  readonly #vm = (id: string) => this.reader.vmModel(id);
  readonly #nic = (id: string) => this.reader.nicModel(id);

  #tags(names: readonly string[]): Setting<VirtualMachine> {
    return tagsOfVm(this.connection, this.#vm, names);
  }

  #options(): Setting<VirtualMachine> {
    return deleteOptionsOfVm(this.connection, this.#vm);
  }

  #addressOptions(): Setting<NetworkInterface> {
    return addressOptionsOfNic(this.connection, this.#nic);
  }

  #allocations(): Setting<NetworkInterface> {
    return allocationsOfNic(this.connection, this.#nic);
  }

  #allocation() {
    return allocationOfPublicAddress(this.connection, (id) => this.reader.publicAddressModel(id));
  }

  async #perform(change: Change<null>, journal: CallJournal, signal: AbortSignal | undefined): Promise<void> {
    await perform(change, { connection: this.connection, journal, signal });
  }
}

function allSetTo(value: string): (values: Values) => Values {
  return (values) => Object.fromEntries(Object.keys(values).map((name) => [name, value]));
}

function requireSource({ vmId = '' }: VirtualMachine, source: SourceVm): void {
  if (!isSource({ instanceId: vmId }, source)) throw sourceReplaced(source.azureId);
}

function requireUnclaimed(model: VirtualMachine, azureId: string, tags: Tags): void {
  for (const [name, value] of Object.entries(tags)) {
    const before = tagOf(model.tags ?? {}, name);
    if (before !== null && before !== value) throw claimed(azureId, name, before);
  }
}

function claimed(azureId: string, name: string, value: string): PermanentError {
  return new PermanentError({
    code: 'SOURCE_CLAIMED',
    message: `${azureId} is claimed by another: it carries the tag "${name}" with the value "${value}".`,
    fix: 'Find out whose it is: wait until that has ended, or take the tag off where nothing of it is left, then resume.',
  });
}

function unknownChange({ what, azureId }: OpenChange): PermanentError {
  return new PermanentError({
    code: 'CHANGE_UNKNOWN',
    message: `How the change "${what}" of ${azureId} is undone is not known to this version of Landfall.`,
    fix: 'Install the version that has made the change, or put it back by hand in Azure.',
  });
}
