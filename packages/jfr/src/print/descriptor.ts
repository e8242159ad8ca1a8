// SPDX-License-Identifier: Apache-2.0
// Field descriptors of the class file format (JVMS 4.3.2) as Java writes types.

const PRIMITIVES: Readonly<Record<string, string>> = {
  I: 'int',
  J: 'long',
  Z: 'boolean',
  D: 'double',
  F: 'float',
  S: 'short',
  C: 'char',
  B: 'byte',
};

/**
 * The types in a row of descriptors: `[ILjava.lang.String;` gives `int[]`, `java.lang.String`.
 * `arraySize` stands in the first pair of brackets of all.
 */
export function decodeDescriptors(descriptor: string, arraySize: string): string[] {
  const types: string[] = [];
  let size = arraySize;
  for (let index = 0; index < descriptor.length; index++) {
    let brackets = '';
    while (descriptor[index] === '[') {
      brackets += `[${size}]`;
      size = '';
      index++;
    }
    const letter = descriptor[index] ?? '';
    let name = PRIMITIVES[letter] ?? '<unknown-descriptor-type>';
    if (letter === 'L') {
      const end = descriptor.indexOf(';', index);
      const stop = end < 0 ? descriptor.length : end;
      name = descriptor.slice(index + 1, stop);
      index = stop;
    }
    types.push(name + brackets);
  }
  return types;
}
