// SPDX-License-Identifier: Apache-2.0
// Columns on their way from one thread to another: typed arrays move, nothing is copied. References
// stay indices; the receiver has the chunk's checkpoints and looks up in them what it needs.
import type { Chunk } from './chunk.ts';
import {
  type Column,
  Columns,
  type LongColumn,
  longColumn,
  type NumberArray,
  type NumberColumn,
  numberColumn,
  referenceColumn,
  textColumn,
  textsOf,
} from './column.ts';
import type { Field } from './type-model.ts';

export type PackedColumn =
  | { readonly kind: NumberColumn['kind']; readonly name: string; readonly values: NumberArray }
  | {
      readonly kind: 'long';
      readonly name: string;
      readonly values: LongColumn['values'];
      readonly base: bigint;
    }
  | {
      readonly kind: 'string';
      readonly name: string;
      readonly indices: Int32Array;
      readonly texts: readonly (string | null)[];
    }
  | { readonly kind: 'reference'; readonly name: string; readonly indices: Int32Array }
  | { readonly kind: 'value'; readonly name: string; readonly offsets: Float64Array };

export interface PackedColumns {
  readonly eventName: string;
  readonly length: number;
  readonly all: readonly PackedColumn[];
}

/** The columns, and the buffers to transfer with them. */
export function packColumns(columns: Columns): { packed: PackedColumns; buffers: ArrayBuffer[] } {
  const buffers = new Set<ArrayBuffer>();
  const all = columns.all.map((column) => {
    const packed = pack(column);
    for (const part of Object.values(packed)) {
      if (ArrayBuffer.isView(part)) buffers.add(part.buffer as ArrayBuffer);
    }
    return packed;
  });
  const { eventName, length } = columns;
  return { packed: { eventName, length, all }, buffers: [...buffers] };
}

function pack(column: Column): PackedColumn {
  const { name } = column;
  switch (column.kind) {
    case 'long':
      return { kind: 'long', name, values: column.values, base: column.base };
    case 'string': {
      const { indices, strings } = column;
      const texts = Array.from({ length: strings.length }, (_, index) => strings.get(index));
      return { kind: 'string', name, indices, texts };
    }
    case 'reference':
      return { kind: 'reference', name, indices: column.indices };
    case 'value':
      return { kind: 'value', name, offsets: column.offsets };
    default:
      return { kind: column.kind, name, values: column.values };
  }
}

/** The columns again, over the chunk they are of. */
export function unpackColumns({ eventName, length, all }: PackedColumns, chunk: Chunk): Columns {
  const fields = chunk.fieldsOf(eventName);
  const columns = all.map((packed) => unpack(packed, fields.get(packed.name)!, eventName, chunk));
  return new Columns(eventName, length, columns);
}

function unpack(packed: PackedColumn, field: Field, eventName: string, chunk: Chunk): Column {
  const { name } = packed;
  switch (packed.kind) {
    case 'long':
      return longColumn(name, field, packed.values, packed.base);
    case 'string':
      return textColumn(name, field, packed.indices, textsOf(packed.texts as readonly string[]));
    case 'reference':
      return referenceColumn(
        name,
        field,
        packed.indices,
        chunk.poolOf(chunk.types.byId(field.typeId)!),
      );
    case 'value': {
      const { offsets } = packed;
      const get: Column['get'] = (row) => chunk.readValue(eventName, name, offsets[row]!);
      return { kind: 'value', name, field, length: offsets.length, offsets, get };
    }
    default:
      return numberColumn(packed.kind, name, field, packed.values);
  }
}
