// SPDX-License-Identifier: Apache-2.0
// manifest.json: what a snapshot is, which files it has, and what it must be restored with.
import type { Accelerator, EngineName, MachineIdentity, MemoryRegion } from './engine.ts';
import { MicrovmError } from './error.ts';

/** Raised when a reader of the old format would misread the new one. 1: first form. */
export const MANIFEST_FORMAT = 1;

/** A file with everything needed to know it again. */
export interface FileRecord {
  /** Inside the snapshot: its name. Outside: an absolute path. */
  readonly path: string;
  readonly bytes: number;
  /** Modification time, nanoseconds since the epoch (beyond what a number holds exactly). */
  readonly mtimeNs: string;
  readonly sha256: string;
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly machine: MachineIdentity;
  readonly guest: {
    readonly kernel: FileRecord;
    readonly initramfs: FileRecord | null;
    readonly image: FileRecord | null;
    readonly commandLine: string;
  };
  readonly files: {
    readonly state: FileRecord;
    /** `dataBytes`: bytes that are not in a hole. */
    readonly memory: FileRecord & { readonly dataBytes: number };
    /** Capture events: who owned which page when the snapshot was made. */
    readonly owners: FileRecord | null;
  };
  /** Guest ports that were reachable. */
  readonly guestPorts: readonly number[];
  /** Where the service answers once restored. */
  readonly probe: { readonly guestPort: number; readonly path: string } | null;
}

/** Reads and checks a manifest; every fault is SNAPSHOT_DAMAGED (or SNAPSHOT_FOREIGN for another format) with the field's name. */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(path, 'it is not JSON', error);
  }
  const root = new Reader(value, path, '');
  const format = root.integer('format');
  if (format !== MANIFEST_FORMAT) {
    throw new MicrovmError(
      'SNAPSHOT_FOREIGN',
      `the snapshot has format ${format}, this rekindle reads format ${MANIFEST_FORMAT}`,
      { place: `${path}: format`, hint: 'restore it with the rekindle that made it' },
    );
  }
  const machine = root.object('machine');
  const guest = root.object('guest');
  const files = root.object('files');
  const pageSize = machine.integer('pageSize', 1);
  const manifest: Manifest = {
    format,
    created: root.text('created'),
    machine: {
      engine: machine.oneOf<EngineName>('engine', ['qemu', 'firecracker']),
      engineVersion: machine.text('engineVersion'),
      accelerator: machine.oneOf<Accelerator>('accelerator', ['kvm', 'tcg']),
      machineType: machine.text('machineType'),
      cpuModel: machine.text('cpuModel'),
      hostCpu: machine.has('hostCpu') ? machine.text('hostCpu') : undefined,
      vcpus: machine.integer('vcpus', 1),
      devices: machine.list('devices', (item) => item.ownText()),
      regions: machine.list('regions', (item) => ({
        guestPhysical: item.integer('guestPhysical', pageSize),
        bytes: item.integer('bytes', pageSize),
        fileOffset: item.integer('fileOffset', pageSize),
      })),
      pageSize,
    },
    guest: {
      kernel: fileRecord(guest.object('kernel')),
      initramfs: guest.has('initramfs') ? fileRecord(guest.object('initramfs')) : null,
      image: guest.has('image') ? fileRecord(guest.object('image')) : null,
      commandLine: guest.text('commandLine'),
    },
    files: {
      state: inside(files.object('state')),
      memory: {
        ...inside(files.object('memory')),
        dataBytes: files.object('memory').integer('dataBytes'),
      },
      owners: files.has('owners') ? inside(files.object('owners')) : null,
    },
    guestPorts: root.list('guestPorts', (item) => item.ownInteger()),
    probe: root.has('probe')
      ? {
          guestPort: root.object('probe').integer('guestPort'),
          path: root.object('probe').text('path'),
        }
      : null,
  };
  checkRegions(manifest.machine.regions, manifest.files.memory.bytes, path);
  return manifest;
}

/** Regions follow each other in the file, fill it exactly, and do not overlap in the guest. */
export function checkRegions(
  regions: readonly MemoryRegion[],
  fileBytes: number,
  path: string,
): void {
  let offset = 0;
  let end = 0;
  for (const region of regions) {
    if (region.fileOffset !== offset) throw damaged(path, 'the memory regions leave a gap');
    if (region.guestPhysical < end) throw damaged(path, 'the memory regions overlap');
    if (region.bytes === 0) throw damaged(path, 'a memory region is empty');
    offset += region.bytes;
    end = region.guestPhysical + region.bytes;
  }
  if (offset !== fileBytes) {
    throw damaged(path, `the memory regions hold ${offset} bytes, the memory file ${fileBytes}`);
  }
}

function fileRecord(reader: Reader): FileRecord {
  const sha256 = reader.text('sha256');
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw reader.fault('sha256', 'is not a SHA-256');
  const mtimeNs = reader.text('mtimeNs');
  if (!/^\d{1,20}$/.test(mtimeNs)) throw reader.fault('mtimeNs', 'is not a time');
  return { path: reader.text('path'), bytes: reader.integer('bytes'), mtimeNs, sha256 };
}

/** A file of the snapshot: a plain name, so that no manifest can point out of its directory. */
function inside(reader: Reader): FileRecord {
  const record = fileRecord(reader);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(record.path)) {
    throw reader.fault('path', 'is not a file name');
  }
  return record;
}

function damaged(path: string, what: string, cause?: unknown): MicrovmError {
  return new MicrovmError('SNAPSHOT_DAMAGED', `bad manifest: ${what}`, {
    place: path,
    hint: 'the manifest is damaged; make the snapshot again',
    cause,
  });
}

/** A JSON value and where it stands. */
class Reader {
  readonly #value: unknown;
  readonly #file: string;
  readonly #field: string;

  constructor(value: unknown, file: string, field: string) {
    this.#value = value;
    this.#file = file;
    this.#field = field;
  }

  fault(name: string, what: string): MicrovmError {
    return damaged(this.#file, `${this.#path(name)} ${what}`);
  }

  has(name: string): boolean {
    const value = this.#get(name);
    return value !== undefined && value !== null;
  }

  text(name: string): string {
    return this.#child(name).ownText();
  }

  ownText(): string {
    if (typeof this.#value !== 'string') throw damaged(this.#file, `${this.#field} is not text`);
    return this.#value;
  }

  integer(name: string, multipleOf = 1): number {
    return this.#child(name).ownInteger(multipleOf);
  }

  ownInteger(multipleOf = 1): number {
    const value = this.#value;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw damaged(this.#file, `${this.#field} is not a whole number`);
    }
    if (multipleOf === 0 || value % multipleOf !== 0) {
      throw damaged(this.#file, `${this.#field} is not a multiple of ${multipleOf}`);
    }
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.text(name) as T;
    if (!values.includes(value)) throw this.fault(name, `is none of ${values.join(', ')}`);
    return value;
  }

  object(name: string): Reader {
    return this.#child(name);
  }

  list<T>(name: string, read: (item: Reader) => T): T[] {
    const value = this.#get(name);
    if (!Array.isArray(value) || value.length > 1024) throw this.fault(name, 'is not a list');
    return value.map((item, index) =>
      read(new Reader(item, this.#file, `${this.#path(name)}[${index}]`)),
    );
  }

  #child(name: string): Reader {
    return new Reader(this.#get(name), this.#file, this.#path(name));
  }

  #get(name: string): unknown {
    const value = this.#value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw damaged(this.#file, `${this.#field || 'it'} is not an object`);
    }
    return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  }

  #path(name: string): string {
    return this.#field === '' ? name : `${this.#field}.${name}`;
  }
}
