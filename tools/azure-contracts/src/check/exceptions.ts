import type { Exception } from './contract-checker.js';

/* What is right although a source does not have it. Everything else that a source does not have is a fault. */

export const PACKAGE_EXCEPTIONS: readonly Exception[] = [];

export const SPECIFICATION_EXCEPTIONS: readonly Exception[] = [
  {
    operation: /^VirtualMachines_/,
    path: /(^|\.)storageProfile\.diskControllerType$/,
    why: 'newer than the document that the storage profile is described in',
  },
];
