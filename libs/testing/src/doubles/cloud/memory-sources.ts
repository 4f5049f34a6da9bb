import {
  SOURCE_CHANGES,
  tagOf,
  type CallJournal,
  type CloudSources,
  type CloudVm,
  type MadeAnew,
  type OpenChange,
  type SavedVm,
  type SourceVm,
  type Tags,
  sameId,
} from '@landfall/domain';
import {
  CHANGES_OURS,
  nameOf,
  type Changeable,
  type CloudCall,
  type MemorySubscription,
} from './memory-subscription.js';
import { refuse } from './refusals.js';
import { SHOWN_VM } from './saved-vm.js';

/** What the double keeps of a change: whose it is, and what was made of which names. */
interface Before {
  readonly number: string;
  readonly made: Tags;
}

export class MemorySources implements CloudSources {
  constructor(private readonly subscription: MemorySubscription) {}

  async claim(source: SourceVm, tags: Tags, journal: CallJournal): Promise<void> {
    const vm = this.#require(source);
    for (const [name, value] of Object.entries(tags)) {
      if ((tagOf(vm.tags, name) ?? value) !== value) throw refuse('SOURCE_CLAIMED', `${vm.azureId} is claimed.`);
    }
    const was: Before = { number: vm.instanceId, made: tags };
    await this.#changed('sources.claim', vm.azureId, SOURCE_CHANGES.claim, was, journal, () => {
      vm.tags = { ...without(vm.tags, tags), ...tags };
    });
  }

  async keepParts(source: SourceVm, journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const vm = this.#require(source);
    const made: Tags = subscription.osDiskGoesAlong(vm) ? { [vm.osDiskId ?? '']: 'Detach' } : {};
    const was: Before = { number: vm.instanceId, made };
    await this.#changed('sources.keepParts', vm.azureId, SOURCE_CHANGES.deleteOptions, was, journal, () => {
      subscription.keeping.add(vm.azureId.toLowerCase());
    });
  }

  async holdAddresses(source: SourceVm, journal: CallJournal): Promise<void> {
    const { subscription } = this;
    const vm = this.#require(source);
    for (const nicId of vm.nicIds) {
      const allocation = subscription.require(subscription.allocations, nicId);
      const made: Tags = allocation.isDynamic ? { primary: 'Static' } : {};
      const was: Before = { number: allocation.number, made };
      await this.#changed('sources.holdAddresses', nicId, SOURCE_CHANGES.privateAddresses, was, journal, () => {
        allocation.isDynamic = false;
      });
    }
  }

  async undo(open: OpenChange, journal: CallJournal): Promise<void> {
    const { azureId, what, was } = open;
    if (!Object.values<string>(SOURCE_CHANGES).includes(what)) throw refuse('CHANGE_UNKNOWN', `${what} is not known.`);
    const effect = { changes: { undoes: what } } as const;
    const call = { key: `source.undo-${what}:${azureId.toLowerCase()}`, azureId, effect };
    await this.subscription.recorded('sources.undo', call, journal, () => this.#putBack(azureId, what, was as Before));
  }

  async giveBack({ kind, instanceId, saved }: MadeAnew, tags: Tags, journal: CallJournal): Promise<void> {
    const { azureId, body } = saved;
    const call = { key: `source.give-back:${azureId.toLowerCase()}`, azureId, effect: CHANGES_OURS };
    const theirs = (body['tags'] ?? {}) as Tags;
    await this.subscription.recorded('sources.giveBack', call, journal, () => {
      const { vms, disks } = this.subscription;
      const [vm, disk] = [vms.get(azureId.toLowerCase()), disks.get(azureId.toLowerCase())];
      const found = kind === 'vm' ? vm : disk;
      if (found === undefined || !sameId((kind === 'vm' ? vm?.instanceId : disk?.uniqueId) ?? '', instanceId)) return;
      const ours = Object.fromEntries(
        Object.entries(tags).filter(([name, value]) => tagOf(found.tags, name) === value),
      );
      const had = Object.keys(ours).flatMap((name) => {
        const value = tagOf(theirs, name);
        return value === null ? [] : [[name, value] as const];
      });
      found.tags = { ...without(found.tags, ours), ...Object.fromEntries(had) };
    });
  }

  async giveOptionsBack(
    { azureId, instanceId }: SourceVm,
    { vm: saved }: SavedVm,
    journal: CallJournal,
  ): Promise<void> {
    const id = azureId.toLowerCase();
    const call = { key: `source.set-delete-options:${id}`, azureId, effect: CHANGES_OURS };
    await this.subscription.recorded('sources.giveOptionsBack', call, journal, () => {
      const { vms, keeping, takingAlong } = this.subscription;
      if (vms.get(id)?.instanceId !== instanceId) return;
      const { deleteOption } = SHOWN_VM.parse(saved.body).properties.storageProfile.osDisk;
      if (deleteOption === undefined) return;
      keeping.delete(id);
      if (deleteOption === 'Delete') takingAlong.add(id);
      else takingAlong.delete(id);
    });
  }

  #putBack(azureId: string, what: string, { number, made }: Before): void {
    const { vms, keeping, allocations } = this.subscription;
    const vm = vms.get(azureId.toLowerCase());
    const allocation = allocations.get(azureId.toLowerCase());
    if (Object.keys(made).length === 0) return;
    if (what === SOURCE_CHANGES.privateAddresses && allocation?.number === number) allocation.isDynamic = true;
    if (vm?.instanceId !== number) return;
    if (what === SOURCE_CHANGES.deleteOptions) keeping.delete(azureId.toLowerCase());
    const ours = Object.fromEntries(Object.entries(made).filter(([name, value]) => tagOf(vm.tags, name) === value));
    if (what === SOURCE_CHANGES.claim) vm.tags = without(vm.tags, ours);
  }

  #require({ azureId, instanceId }: SourceVm): Changeable<CloudVm> {
    const vm = this.subscription.vms.get(azureId.toLowerCase());
    if (vm === undefined) throw refuse('VM_MISSING', `${azureId} does not exist.`);
    if (vm.instanceId !== instanceId) throw refuse('SOURCE_REPLACED', `${azureId} is another VM by now.`);
    return vm;
  }

  #changed(
    call: CloudCall,
    azureId: string,
    what: string,
    was: Before,
    journal: CallJournal,
    act: () => void,
  ): Promise<void> {
    const key = `source.${what}:${nameOf(azureId)}`;
    return this.subscription.recorded(call, { key, azureId, effect: { changes: { what, was } } }, journal, act);
  }
}

function without(tags: Tags, names: Tags): Tags {
  return Object.fromEntries(
    Object.entries(tags).filter(([name]) => !Object.keys(names).some((each) => sameId(each, name))),
  );
}
