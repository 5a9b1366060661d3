/** @file Writes safetensors files, atomically and as a stream: no more than one chunk need be in memory. */
import { AutoCircuitError } from '../errors/error.js';
import { elementCount } from '../tensor/tensor.js';
import { type AppendBytes, replaceFileAtomic } from './atomic-file.js';
import { bytesPerElement, PREFIX_BYTES, type SafetensorsDType } from './safetensors-header.js';

type Chunks = Iterable<ArrayBufferView> | AsyncIterable<ArrayBufferView>;

/** One tensor to write; `data` row-major in the dtype's own bytes, whole or in chunks made when their turn comes. */
export interface SafetensorsSource {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView | (() => Chunks);
}

/** How a file is written, and who watches. */
export interface SafetensorsWriting {
  /** Who may read and write the file. */
  readonly mode?: number;
  /** Told of all bytes, in order. */
  readonly onBytes?: (bytes: ArrayBufferView) => void;
  /** Called when all is written and nothing is in place yet: what it throws leaves everything as it was. */
  readonly beforeDone?: () => void;
}

/** The data begins at a multiple of this. */
const ALIGNMENT = 64;

/**
 * Writes the tensors. Those whose size is a multiple of 64 bytes come first, then 32, 16, … and otherwise in the order
 * given: without gaps (the format allows none) each tensor still starts at a multiple of its own dtype, and large ones at 64.
 * @throws AutoCircuitError for a full disk, an unwritable folder, a name twice, data that does not fill its shape;
 *   then `path` is as it was, and nothing else is left
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<SafetensorsSource>,
  metadata: Readonly<Record<string, string>> = {},
  { onBytes, beforeDone, mode }: SafetensorsWriting = {},
): Promise<void> {
  const ordered = inOrder(tensors);
  const header = encodeHeader(path, ordered, metadata);
  const produce = async (appendBytes: AppendBytes): Promise<void> => {
    const append = (bytes: ArrayBufferView): Promise<void> => {
      onBytes?.(bytes);
      return appendBytes(bytes);
    };
    await append(header);
    for (const tensor of ordered) {
      let written = 0;
      for await (const chunk of chunksOf(tensor)) {
        written += chunk.byteLength;
        if (written > byteLength(tensor)) throw sizeMismatch(path, tensor, written);
        await append(chunk);
      }
      if (written !== byteLength(tensor)) throw sizeMismatch(path, tensor, written);
    }
    beforeDone?.();
  };
  await replaceFileAtomic(path, produce, mode);
}

/** Where the tensors of a file lie that is not written at once. */
export interface SafetensorsLayout {
  /** What the file begins with. */
  readonly header: Uint8Array;
  /** Of the whole file. */
  readonly bytes: number;
  /** Where each tensor begins, from the start of the file. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** The layout of the file that `writeSafetensors` would write of these tensors. */
export function safetensorsLayout(
  path: string,
  tensors: Iterable<Omit<SafetensorsSource, 'data'>>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  const ordered = inOrder(tensors);
  const header = encodeHeader(path, ordered, metadata);
  const offsets = new Map<string, number>();
  let bytes = header.length;
  for (const tensor of ordered) {
    offsets.set(tensor.name, bytes);
    bytes += byteLength(tensor);
  }
  return { header, bytes, offsets };
}

/** An array as one tensor; the dtype follows from the array. */
export function safetensorsSource(
  name: string,
  shape: readonly number[],
  data: Float32Array | Float64Array | Int32Array | Uint8Array,
): SafetensorsSource {
  return { name, shape, data, dtype: dtypeOf(data) };
}

function dtypeOf(data: Float32Array | Float64Array | Int32Array | Uint8Array): SafetensorsDType {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  return data instanceof Int32Array ? 'I32' : 'U8';
}

type Described = Omit<SafetensorsSource, 'data'>;

const inOrder = <T extends Described>(tensors: Iterable<T>): T[] =>
  [...tensors].sort((a, b) => alignmentOf(b) - alignmentOf(a));

const byteLength = ({ shape, dtype }: Described): number => elementCount(shape) * bytesPerElement(dtype);

/** The largest power of two up to 64 that divides the tensor's size. */
function alignmentOf(tensor: Described): number {
  let alignment = ALIGNMENT;
  while (byteLength(tensor) % alignment !== 0) alignment /= 2;
  return alignment;
}

const chunksOf = ({ data }: SafetensorsSource): Chunks => (typeof data === 'function' ? data() : [data]);

function encodeHeader(
  path: string,
  tensors: readonly Described[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const fields = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) fields.set('__metadata__', metadata);
  let offset = 0;
  for (const tensor of tensors) {
    if (fields.has(tensor.name) || tensor.name === '__metadata__') {
      throw new AutoCircuitError({
        code: 'internal',
        fields: { path, tensor: tensor.name },
        where: 'safetensors',
        what: `two tensors of ${path} would be named "${tensor.name}"`,
        kind: 'internal',
      });
    }
    const end = offset + byteLength(tensor);
    fields.set(tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] });
    offset = end;
  }
  const json = `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = Buffer.from(json, 'utf8');
  const length = Math.ceil((PREFIX_BYTES + text.length) / ALIGNMENT) * ALIGNMENT - PREFIX_BYTES;
  const bytes = new Uint8Array(PREFIX_BYTES + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, PREFIX_BYTES);
  return bytes;
}

function sizeMismatch(path: string, tensor: SafetensorsSource, got: number): AutoCircuitError {
  return new AutoCircuitError({
    code: 'internal',
    fields: { path, tensor: tensor.name },
    where: 'safetensors',
    what: `the data of tensor "${tensor.name}" for ${path} do not fill its shape`,
    expected: `${byteLength(tensor)} bytes for ${tensor.dtype} [${tensor.shape.join(', ')}]`,
    got: `${got}${got > byteLength(tensor) ? ' or more' : ''}`,
    kind: 'internal',
  });
}
