import type { Rehydration } from './rehydrations.js';

/** Shows in an answer of List Blobs which of them are pending, as Azure does. */
export function showPending(xml: string, find: (name: string) => Rehydration | undefined): string {
  return xml.replace(/<Blob>.*?<\/Blob>/gs, (blob) => {
    if (/<Snapshot>|<VersionId>/.test(blob)) return blob;
    const name = element(blob, 'Name');
    const row = name === null ? undefined : find(unescaped(name));
    if (row === undefined) return blob;
    const copied = row.copy === null ? blob : blob.replace(/<CopyStatus>\w+</, `<CopyStatus>${copyStatus(row)}<`);
    if (row.copy?.aborted === true) return copied;
    const shown = `<AccessTier>Archive</AccessTier><ArchiveStatus>${archiveStatus(row)}</ArchiveStatus>`;
    return copied
      .replace(/<AccessTier>\w*<\/AccessTier>|<AccessTierInferred>\w*<\/AccessTierInferred>/g, '')
      .replace('</Properties>', `${shown}<RehydratePriority>${row.priority}</RehydratePriority></Properties>`);
  });
}

export function archiveStatus(row: Rehydration): string {
  return `rehydrate-pending-to-${row.tier.toLowerCase()}`;
}

export function copyStatus(row: Rehydration): string {
  return row.copy?.aborted === true ? 'aborted' : 'pending';
}

function element(xml: string, name: string): string | null {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? null;
}

function unescaped(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return named[name ?? ''] ?? whole;
  });
}
