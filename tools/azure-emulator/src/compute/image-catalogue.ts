import { AzureError, invalidParameter } from '../arm/errors.js';
import type { ImageReference } from './vm-schema.js';

/* The platform images that can be asked for. An image's content is no more than an empty disk of its size. */
export interface Image {
  readonly publisher: string;
  readonly offer: string;
  readonly sku: string;
  readonly osType: 'Linux' | 'Windows';
  readonly generation: 'V1' | 'V2';
  readonly sizeGb: number;
  readonly architecture: 'x64' | 'Arm64';
}

const IMAGES: readonly Image[] = [
  linux('Debian', 'debian-12', '12', 'V1'),
  linux('Debian', 'debian-12', '12-gen2', 'V2'),
  linux('Debian', 'debian-13', '13', 'V1'),
  linux('Debian', 'debian-13', '13-gen2', 'V2'),
  linux('Canonical', 'ubuntu-24_04-lts', 'server', 'V2'),
  linux('Canonical', 'ubuntu-24_04-lts', 'server-gen1', 'V1'),
  linux('Canonical', 'ubuntu-24_04-lts', 'server-arm64', 'V2', 'Arm64'),
  {
    publisher: 'MicrosoftWindowsServer',
    offer: 'WindowsServer',
    sku: '2022-datacenter-g2',
    osType: 'Windows',
    generation: 'V2',
    sizeGb: 127,
    architecture: 'x64',
  },
];

function linux(
  publisher: string,
  offer: string,
  sku: string,
  generation: 'V1' | 'V2',
  architecture: 'x64' | 'Arm64' = 'x64',
): Image {
  return { publisher, offer, sku, osType: 'Linux', generation, sizeGb: 30, architecture };
}

/** The image that the id of a version names, as a disk's `creationData.imageReference` has it. */
export function requireImageVersion(id: string | undefined): Image {
  const named = /\/Publishers\/([^/]+)\/ArtifactTypes\/VMImage\/Offers\/([^/]+)\/Skus\/([^/]+)\/Versions\/([^/]+)$/i;
  const [, publisher, offer, sku, version] = named.exec(id ?? '') ?? [];
  return requireImage(version === undefined ? { id: id ?? '' } : { publisher, offer, sku, version });
}

/** @throws AzureError 404 PlatformImageNotFound or GalleryImageNotFound, 400 for an incomplete reference */
export function requireImage(reference: ImageReference): Image {
  if (
    reference.id !== undefined ||
    reference.sharedGalleryImageId !== undefined ||
    reference.communityGalleryImageId !== undefined
  ) {
    const id = reference.id ?? reference.sharedGalleryImageId ?? reference.communityGalleryImageId ?? '';
    throw new AzureError(
      404,
      'GalleryImageNotFound',
      `The gallery image ${id} is not available in this subscription.`,
      {
        target: 'imageReference',
      },
    );
  }
  const { publisher, offer, sku, version } = reference;
  if (publisher === undefined || offer === undefined || sku === undefined || version === undefined) {
    throw invalidParameter(
      'imageReference',
      "Parameter 'imageReference' needs publisher, offer, sku and version, or an id.",
    );
  }
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  const image = IMAGES.find(
    (known) => same(known.publisher, publisher) && same(known.offer, offer) && same(known.sku, sku),
  );
  if (image !== undefined && (version === 'latest' || /^\d+\.\d+\.\d+$/.test(version))) return image;
  throw new AzureError(
    404,
    'PlatformImageNotFound',
    `The platform image '${publisher}:${offer}:${sku}:${version}' is not available. Verify that all fields in the storage profile are correct.`,
    { target: 'imageReference' },
  );
}
