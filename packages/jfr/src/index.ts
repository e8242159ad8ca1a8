// SPDX-License-Identifier: Apache-2.0
export type {
  Content,
  Enumeration,
  EventDeclaration,
  FieldDeclaration,
  PoolType,
  ScalarType,
} from './declaration.ts';
