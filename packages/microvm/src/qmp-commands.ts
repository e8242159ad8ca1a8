// SPDX-License-Identifier: Apache-2.0
// The part of QEMU's machine protocol that we speak (docs/interop/qmp-spec.rst, qapi/*.json; QEMU 7.2 to 10).

export type RunState =
  | 'debug'
  | 'inmigrate'
  | 'internal-error'
  | 'io-error'
  | 'paused'
  | 'postmigrate'
  | 'prelaunch'
  | 'finish-migrate'
  | 'restore-vm'
  | 'running'
  | 'save-vm'
  | 'shutdown'
  | 'suspended'
  | 'watchdog'
  | 'guest-panicked'
  | 'colo';

export interface MigrationInfo {
  readonly status?: string;
  readonly 'error-desc'?: string;
}

/** Commands by name: what each takes and what it returns. */
export interface QmpCommands {
  qmp_capabilities: { arguments: undefined; returns: Record<string, never> };
  'query-status': { arguments: undefined; returns: { status: RunState; running: boolean } };
  stop: { arguments: undefined; returns: Record<string, never> };
  cont: { arguments: undefined; returns: Record<string, never> };
  quit: { arguments: undefined; returns: Record<string, never> };
  'qom-get': { arguments: { path: string; property: string }; returns: unknown };
  'migrate-set-capabilities': {
    arguments: { capabilities: readonly { capability: string; state: boolean }[] };
    returns: Record<string, never>;
  };
  migrate: { arguments: { uri: string }; returns: Record<string, never> };
  'migrate-incoming': { arguments: { uri: string }; returns: Record<string, never> };
  'query-migrate': { arguments: undefined; returns: MigrationInfo };
  'query-balloon': { arguments: undefined; returns: { actual: number } };
  balloon: { arguments: { value: number }; returns: Record<string, never> };
}

export interface QmpEvents {
  STOP: undefined;
  RESUME: undefined;
  RESET: { guest: boolean; reason?: string };
  SHUTDOWN: { guest: boolean; reason?: string };
  GUEST_PANICKED: { action: string };
  BALLOON_CHANGE: { actual: number };
  MIGRATION: { status: string };
}

export interface QmpGreeting {
  readonly QMP: {
    readonly version: {
      readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number };
      readonly package: string;
    };
  };
}
