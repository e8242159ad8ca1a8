// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';

export function demoCommand(): Command {
  return new Command('demo').description('the whole journey, on a small Java service');
}
