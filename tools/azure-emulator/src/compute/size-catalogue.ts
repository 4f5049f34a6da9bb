/*
 * VM sizes, as a subscription sees them: those that Landfall meets most, and some that are there because something is
 * odd about them (no premium storage, one generation only, not offered in a region or a zone).
 */
export type Controller = 'SCSI' | 'NVMe';

export interface VmSizeEntry {
  readonly name: string;
  readonly family: string;
  readonly vCpus: number;
  readonly memoryGb: number;
  readonly maxDataDisks: number;
  readonly generations: readonly ('V1' | 'V2')[];
  readonly premiumIo: boolean;
  readonly controllers: readonly Controller[];
  /** Of sizes before the fifth version Azure doesn't say which controllers they have: SCSI. */
  readonly tellsControllers: boolean;
  readonly architecture: 'x64' | 'Arm64';
  /** Whether machines of Generation 2 can have a security type other than Standard. */
  readonly trustedLaunch: boolean;
  readonly uncachedMbPerSecond: number;
  readonly uncachedIops: number;
  /** Whether an OS disk can lie on the host. */
  readonly ephemeralOsDisk: boolean;
  /** Regions in which the subscription can't have it. */
  readonly restrictedRegions: readonly string[];
  /** Zones, by region, in which it can't be had. */
  readonly restrictedZones: Readonly<Record<string, readonly string[]>>;
}

type Row = readonly [
  name: string,
  family: string,
  vCpus: number,
  memoryGb: number,
  disks: number,
  mbPerSecond: number,
  iops: number,
  odd?: Partial<VmSizeEntry>,
];

const ONLY_V2 = { generations: ['V2'] } as const;
const ONLY_V1 = { generations: ['V1'], trustedLaunch: false } as const;
const ONLY_ARM = { ...ONLY_V2, architecture: 'Arm64', trustedLaunch: false } as const;

const ROWS: readonly Row[] = [
  ['Standard_B1s', 'standardBSFamily', 1, 1, 2, 10, 320],
  ['Standard_B2s', 'standardBSFamily', 2, 4, 4, 22, 1280],
  ['Standard_B2ms', 'standardBSFamily', 2, 8, 4, 22, 1920],
  ['Standard_B4ms', 'standardBSFamily', 4, 16, 8, 35, 2880],
  ['Standard_D2s_v5', 'standardDSv5Family', 2, 8, 4, 85, 3750],
  ['Standard_D4s_v5', 'standardDSv5Family', 4, 16, 8, 145, 6400],
  ['Standard_D8s_v5', 'standardDSv5Family', 8, 32, 16, 290, 12800],
  ['Standard_D16s_v5', 'standardDSv5Family', 16, 64, 32, 600, 25600],
  ['Standard_D32s_v5', 'standardDSv5Family', 32, 128, 32, 865, 51200],
  ['Standard_D2s_v3', 'standardDSv3Family', 2, 8, 4, 48, 3200],
  ['Standard_D4s_v3', 'standardDSv3Family', 4, 16, 8, 96, 6400],
  ['Standard_E2s_v5', 'standardESv5Family', 2, 16, 4, 85, 3750],
  ['Standard_E4s_v5', 'standardESv5Family', 4, 32, 8, 145, 6400],
  ['Standard_E8s_v5', 'standardESv5Family', 8, 64, 16, 290, 12800],
  ['Standard_E16s_v5', 'standardESv5Family', 16, 128, 32, 600, 25600],
  ['Standard_F2s_v2', 'standardFSv2Family', 2, 4, 4, 47, 3200],
  ['Standard_F4s_v2', 'standardFSv2Family', 4, 8, 8, 95, 6400],
  ['Standard_F8s_v2', 'standardFSv2Family', 8, 16, 16, 190, 12800],
  ['Standard_F16s_v2', 'standardFSv2Family', 16, 32, 32, 380, 25600],
  ['Standard_D2_v2', 'standardDv2Family', 2, 7, 8, 96, 4000, { ...ONLY_V1, premiumIo: false }],
  ['Standard_A2_v2', 'standardAv2Family', 2, 4, 4, 40, 2000, { ...ONLY_V1, premiumIo: false }],
  ['Standard_DC2s_v3', 'standardDCSv3Family', 2, 16, 4, 80, 3750, ONLY_V2],
  ['Standard_M8ms', 'standardMSFamily', 8, 218, 8, 125, 5000, ONLY_V1],
  ['Standard_D2s_v6', 'standardDsv6Family', 2, 8, 8, 106, 3750, { ...ONLY_V2, controllers: ['NVMe'] }],
  ['Standard_E2bs_v5', 'standardEBSv5Family', 2, 16, 4, 156, 5500, { controllers: ['SCSI', 'NVMe'] }],
  ['Standard_D2ps_v5', 'standardDPSv5Family', 2, 8, 4, 85, 3750, ONLY_ARM],
  ['Standard_D2pds_v6', 'standardDPDSv6Family', 2, 8, 8, 106, 3750, { ...ONLY_ARM, controllers: ['NVMe'] }],
  ['Standard_L8s_v3', 'standardLSv3Family', 8, 64, 16, 200, 8000, { restrictedRegions: ['northeurope', 'ukwest'] }],
  [
    'Standard_HB120rs_v3',
    'standardHBrsv3Family',
    120,
    448,
    32,
    400,
    16000,
    { restrictedRegions: ['eastus2', 'westus'] },
  ],
  [
    'Standard_E4ds_v5',
    'standardEDSv5Family',
    4,
    32,
    8,
    145,
    6400,
    { restrictedZones: { westeurope: ['2'], eastus: ['1', '3'] } },
  ],
];

export const VM_SIZES: readonly VmSizeEntry[] = ROWS.map(
  ([name, family, vCpus, memoryGb, maxDataDisks, uncachedMbPerSecond, uncachedIops, odd]) => ({
    name,
    family,
    vCpus,
    memoryGb,
    maxDataDisks,
    uncachedMbPerSecond,
    uncachedIops,
    generations: ['V1', 'V2'],
    premiumIo: true,
    controllers: ['SCSI'],
    tellsControllers: /_v[5-9]$/.test(name),
    architecture: 'x64',
    trustedLaunch: true,
    ephemeralOsDisk: !/[a-z]s_v[5-9]$/.test(name) || /ds_v\d$/.test(name),
    restrictedRegions: [],
    restrictedZones: {},
    ...odd,
  }),
);

const BY_NAME = new Map(VM_SIZES.map((size) => [size.name.toLowerCase(), size]));

export function vmSize(name: string): VmSizeEntry | undefined {
  return BY_NAME.get(name.toLowerCase());
}
