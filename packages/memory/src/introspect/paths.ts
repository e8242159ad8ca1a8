// SPDX-License-Identifier: Apache-2.0
// Names of files: dentries up to the root, across mounts.
import type { GuestKernel } from './guest-kernel.ts';

/** Longest name and deepest path followed: the kernel's own limits are 255 bytes and 4096 bytes. */
const MAX_NAME = 255;
const MAX_DEPTH = 512;

export class Paths {
  readonly #kernel: GuestKernel;
  readonly #dentry;
  readonly #mount;
  readonly #file;
  readonly #inode;
  readonly #ofDentry = new Map<number, string>();

  constructor(kernel: GuestKernel) {
    this.#kernel = kernel;
    const { btf } = kernel;
    this.#dentry = {
      parent: btf.offset('dentry', 'd_parent'),
      name: btf.offset('dentry', 'd_name.name'),
      // The union d_u is anonymous since 7.x.
      alias: btf.offsetOfAny(['dentry', 'd_u.d_alias'], ['dentry', 'd_alias']),
    };
    this.#mount = {
      self: btf.offset('mount', 'mnt'),
      parent: btf.offset('mount', 'mnt_parent'),
      point: btf.offset('mount', 'mnt_mountpoint'),
      root: btf.offset('vfsmount', 'mnt_root'),
    };
    this.#file = {
      dentry: btf.offset('file', 'f_path.dentry'),
      mount: btf.offset('file', 'f_path.mnt'),
    };
    this.#inode = {
      dentries: btf.offset('inode', 'i_dentry'),
      number: btf.offset('inode', 'i_ino'),
      superBlock: btf.offset('inode', 'i_sb'),
      id: btf.offset('super_block', 's_id'),
      host: btf.offset('address_space', 'host'),
    };
  }

  /** Path of an open file as its process sees it, from the root of the mounts. */
  ofFile(file: number): string {
    const kernel = this.#kernel;
    let dentry = kernel.follow(file + this.#file.dentry);
    let vfsmount = kernel.follow(file + this.#file.mount);
    let path = '';
    for (let depth = 0; depth < MAX_DEPTH && dentry > 0 && vfsmount > 0; depth++) {
      if (dentry === kernel.follow(vfsmount + this.#mount.root)) {
        const mount = vfsmount - this.#mount.self;
        const parent = kernel.follow(mount + this.#mount.parent);
        if (parent === mount || parent <= 0) break;
        dentry = kernel.follow(mount + this.#mount.point);
        vfsmount = parent + this.#mount.self;
        continue;
      }
      const parent = kernel.follow(dentry + this.#dentry.parent);
      if (parent === dentry) break;
      path = `/${this.#nameOf(dentry)}${path}`;
      dentry = parent;
    }
    return path;
  }

  /**
   * Name of the file whose pages an address_space holds: its path within its file system, or, where no
   * name leads to it any more, inode and file system.
   */
  ofAddressSpace(space: number): string {
    const kernel = this.#kernel;
    const inode = kernel.follow(space + this.#inode.host);
    if (inode <= 0) return '';
    const alias = kernel.follow(inode + this.#inode.dentries);
    const path = alias > 0 ? this.#withinFileSystem(alias - this.#dentry.alias) : '';
    if (path !== '') return path;
    const superBlock = kernel.follow(inode + this.#inode.superBlock);
    const id = superBlock > 0 ? kernel.memory.text(superBlock + this.#inode.id, 32) : '';
    const number = kernel.memory.u32(inode + this.#inode.number);
    // The file system of block devices numbers them by device: 12 bits of major, 20 of minor.
    if (id === 'bdev') return `block device ${number >>> 20}:${number & 0xf_ffff}`;
    return `${id}:inode ${number}`;
  }

  #withinFileSystem(leaf: number): string {
    const names: string[] = [];
    for (let dentry = leaf; dentry > 0 && names.length < MAX_DEPTH; ) {
      const parent = this.#kernel.follow(dentry + this.#dentry.parent);
      if (parent === dentry) return `/${names.reverse().join('/')}`;
      names.push(this.#nameOf(dentry));
      dentry = parent;
    }
    return '';
  }

  #nameOf(dentry: number): string {
    let name = this.#ofDentry.get(dentry);
    if (name === undefined) {
      const at = this.#kernel.follow(dentry + this.#dentry.name);
      name = at > 0 ? this.#kernel.memory.text(at, MAX_NAME) : '?';
      this.#ofDentry.set(dentry, name);
    }
    return name;
  }
}
