// SPDX-License-Identifier: Apache-2.0
// What measured processes find in their environment.

/**
 * Ours, less NODE_EXTRA_CA_CERTS: where that names a bundle of certificates, Node.js parses it at every
 * start, which takes longer than the rest of the start. That is a setting of one machine's network.
 */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}
