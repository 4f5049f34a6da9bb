import { z } from 'zod';
import { KEPT, READ_ONLY_MEMBERS, REFERENCE, TAGS, ZONES } from '../arm/body.js';

/* The models of network resources, as Microsoft.Network has them. */
const NAMED_CHILD = { name: z.string().min(1).max(80), id: z.string().optional(), etag: z.string().optional() };
const OBSERVED = { provisioningState: z.unknown().optional(), resourceGuid: z.unknown().optional() };
const READ_BACK_REFERENCE = z.looseObject({ id: z.string().min(1) });

const IP_CONFIGURATION = z.strictObject({
  ...NAMED_CHILD,
  type: z.string().optional(),
  properties: z.strictObject({
    privateIPAddress: z.ipv4().optional(),
    privateIPAddressPrefixLength: z.number().int().optional(),
    privateIPAllocationMethod: z.enum(['Static', 'Dynamic']).optional(),
    privateIPAddressVersion: z.enum(['IPv4', 'IPv6']).optional(),
    subnet: READ_BACK_REFERENCE.optional(),
    primary: z.boolean().optional(),
    publicIPAddress: READ_BACK_REFERENCE.optional(),
    applicationSecurityGroups: z.array(READ_BACK_REFERENCE).optional(),
    gatewayLoadBalancer: REFERENCE.optional(),
    virtualNetworkTaps: z.array(KEPT).optional(),
    applicationGatewayBackendAddressPools: z.array(KEPT).optional(),
    loadBalancerBackendAddressPools: z.array(KEPT).optional(),
    loadBalancerInboundNatRules: z.array(KEPT).optional(),
    provisioningState: z.unknown().optional(),
    privateLinkConnectionProperties: z.unknown().optional(),
  }),
});

const COMMON = { ...READ_ONLY_MEMBERS, location: z.string().min(1), tags: TAGS.optional() };

export const NETWORK_INTERFACE_BODY = z.strictObject({
  ...COMMON,
  extendedLocation: KEPT.optional(),
  properties: z.strictObject({
    networkSecurityGroup: READ_BACK_REFERENCE.optional(),
    ipConfigurations: z.array(IP_CONFIGURATION).min(1),
    dnsSettings: KEPT.optional(),
    enableAcceleratedNetworking: z.boolean().optional(),
    disableTcpStateTracking: z.boolean().optional(),
    enableIPForwarding: z.boolean().optional(),
    workloadType: z.string().optional(),
    nicType: z.enum(['Standard', 'Elastic']).optional(),
    privateLinkService: READ_BACK_REFERENCE.optional(),
    migrationPhase: z.string().optional(),
    auxiliaryMode: z.string().optional(),
    auxiliarySku: z.string().optional(),
    ...OBSERVED,
    virtualMachine: z.unknown().optional(),
    macAddress: z.unknown().optional(),
    primary: z.unknown().optional(),
    vnetEncryptionSupported: z.unknown().optional(),
    defaultOutboundConnectivityEnabled: z.unknown().optional(),
    tapConfigurations: z.unknown().optional(),
    hostedWorkloads: z.unknown().optional(),
    dscpConfiguration: z.unknown().optional(),
    privateEndpoint: z.unknown().optional(),
  }),
});

export const SUBNET_PROPERTIES = z.strictObject({
  addressPrefix: z.cidrv4().optional(),
  addressPrefixes: z.array(z.cidrv4()).min(1).optional(),
  networkSecurityGroup: READ_BACK_REFERENCE.optional(),
  routeTable: READ_BACK_REFERENCE.optional(),
  natGateway: READ_BACK_REFERENCE.optional(),
  serviceEndpoints: z.array(KEPT).optional(),
  serviceEndpointPolicies: z.array(KEPT).optional(),
  ipAllocations: z.array(KEPT).optional(),
  delegations: z.array(KEPT).optional(),
  privateEndpointNetworkPolicies: z.string().optional(),
  privateLinkServiceNetworkPolicies: z.string().optional(),
  applicationGatewayIPConfigurations: z.array(KEPT).optional(),
  sharingScope: z.string().optional(),
  defaultOutboundAccess: z.boolean().optional(),
  ipamPoolPrefixAllocations: z.array(KEPT).optional(),
  serviceGateway: READ_BACK_REFERENCE.optional(),
  provisioningState: z.unknown().optional(),
  ipConfigurations: z.unknown().optional(),
  privateEndpoints: z.unknown().optional(),
  ipConfigurationProfiles: z.unknown().optional(),
  resourceNavigationLinks: z.unknown().optional(),
  serviceAssociationLinks: z.unknown().optional(),
  purpose: z.unknown().optional(),
});

export const SUBNET_BODY = z.strictObject({
  name: z.string().optional(),
  id: z.string().optional(),
  etag: z.string().optional(),
  type: z.string().optional(),
  properties: SUBNET_PROPERTIES,
});

export const VIRTUAL_NETWORK_BODY = z.strictObject({
  ...COMMON,
  extendedLocation: KEPT.optional(),
  properties: z.strictObject({
    addressSpace: z.strictObject({
      addressPrefixes: z.array(z.cidrv4()).min(1),
      ipamPoolPrefixAllocations: z.array(KEPT).optional(),
    }),
    dhcpOptions: KEPT.optional(),
    flowTimeoutInMinutes: z.number().int().optional(),
    subnets: z
      .array(z.strictObject({ ...NAMED_CHILD, type: z.string().optional(), properties: SUBNET_PROPERTIES }))
      .optional(),
    virtualNetworkPeerings: z.array(KEPT).optional(),
    enableDdosProtection: z.boolean().optional(),
    enableVmProtection: z.boolean().optional(),
    ddosProtectionPlan: REFERENCE.optional(),
    bgpCommunities: KEPT.optional(),
    encryption: KEPT.optional(),
    ipAllocations: z.array(KEPT).optional(),
    privateEndpointVNetPolicies: z.string().optional(),
    summarizedGatewayPrefixes: KEPT.optional(),
    flowLogs: z.unknown().optional(),
    defaultPublicNatGateway: z.unknown().optional(),
    ...OBSERVED,
  }),
});

export const PUBLIC_IP_BODY = z.strictObject({
  ...COMMON,
  extendedLocation: KEPT.optional(),
  zones: ZONES.optional(),
  sku: z
    .strictObject({ name: z.enum(['Basic', 'Standard', 'StandardV2']).optional(), tier: z.string().optional() })
    .optional(),
  properties: z
    .strictObject({
      publicIPAllocationMethod: z.enum(['Static', 'Dynamic']).optional(),
      publicIPAddressVersion: z.enum(['IPv4', 'IPv6']).optional(),
      dnsSettings: KEPT.optional(),
      ddosSettings: KEPT.optional(),
      ipTags: z.array(KEPT).optional(),
      idleTimeoutInMinutes: z.number().int().optional(),
      publicIPPrefix: REFERENCE.optional(),
      deleteOption: z.enum(['Delete', 'Detach']).optional(),
      ipAddress: z.unknown().optional(),
      ipConfiguration: z.unknown().optional(),
      ...OBSERVED,
    })
    .optional(),
});

export const SECURITY_GROUP_BODY = z.strictObject({
  ...COMMON,
  properties: z
    .strictObject({
      flushConnection: z.boolean().optional(),
      securityRules: z.array(KEPT).optional(),
      defaultSecurityRules: z.unknown().optional(),
      networkInterfaces: z.unknown().optional(),
      subnets: z.unknown().optional(),
      ...OBSERVED,
    })
    .optional(),
});

export const TAGS_BODY = z.strictObject({ tags: TAGS.optional() });

export type IpConfiguration = z.infer<typeof IP_CONFIGURATION>;
export type SubnetProperties = z.infer<typeof SUBNET_PROPERTIES>;
export type NetworkInterfaceBody = z.infer<typeof NETWORK_INTERFACE_BODY>;
export type VirtualNetworkBody = z.infer<typeof VIRTUAL_NETWORK_BODY>;
