import type { KnownValues } from './mappers.js';

/*
 * Most enumerations of Azure are open: a mapper says `String`, and the values stand in the package's declarations as
 * `enum KnownDiskState`, for a member that is declared as `diskState?: DiskState`. A value outside of them is one that
 * Azure has not published.
 */
export function knownValuesFrom(declarations: string): KnownValues {
  const enums = readEnums(declarations);
  const interfaces = readInterfaces(declarations);
  const lookUp = (className: string, member: string, depth: number): readonly string[] | undefined => {
    const found = interfaces.get(className);
    if (found === undefined || depth > 10) return undefined;
    const type = found.members.get(member);
    if (type !== undefined) return enums.get(type);
    for (const parent of found.parents) {
      const values = lookUp(parent, member, depth + 1);
      if (values !== undefined) return values;
    }
    return undefined;
  };
  return (className, member) => lookUp(className, member, 0);
}

function readEnums(text: string): ReadonlyMap<string, readonly string[]> {
  const enums = new Map<string, readonly string[]>();
  for (const [, name = '', body = ''] of text.matchAll(/^export declare enum Known(\w+) \{([^}]*)\}/gm)) {
    enums.set(
      name,
      [...body.matchAll(/^\s+\w+ = "([^"]*)"/gm)].map(([, value = '']) => value),
    );
  }
  return enums;
}

interface Declared {
  readonly parents: readonly string[];
  /** Member to the name of its type, or of its elements' type. */
  readonly members: ReadonlyMap<string, string>;
}

function readInterfaces(text: string): ReadonlyMap<string, Declared> {
  const interfaces = new Map<string, Declared>();
  for (const match of text.matchAll(/^export interface (\w+)(?: extends ([\w, ]+))? \{\n([\s\S]*?)^\}/gm)) {
    const [, name = '', parents = '', body = ''] = match;
    const members = [...body.matchAll(/^ {4}(?:readonly )?(\w+)\??: (\w+)(?:\[\])?(?: \| null)?;/gm)];
    interfaces.set(name, {
      parents: parents.split(',').map((parent) => parent.trim()),
      members: new Map(members.map(([, member = '', type = '']) => [member, type])),
    });
  }
  return interfaces;
}
