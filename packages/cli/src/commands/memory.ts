// SPDX-License-Identifier: Apache-2.0
import { Command } from 'commander';
import { captureCommand } from '../memory/capture.ts';
import { introspectCommand } from '../memory/introspect.ts';

export function memoryCommand(): Command {
  return new Command('memory')
    .description('Whose page is it: asked of a running guest, or read off a snapshot')
    .addCommand(captureCommand())
    .addCommand(introspectCommand())
    .addHelpText('after', '\nExample:\n  rekindle memory introspect demo/snapshot');
}
