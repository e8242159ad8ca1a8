// SPDX-License-Identifier: Apache-2.0
// The part of the package that needs Node.js: file descriptors.
export {};
