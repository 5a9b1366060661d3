/**
 * @file Reads what Python's `torch.save` wrote (a zip of a pickle and the numbers of its tensors) as plain data: maps, arrays, texts,
 * numbers and tensors. A pickle can name any function of Python to be called; here only those that make tensors and
 * dictionaries are known, and a file that names another is refused. https://docs.pytorch.org/docs/stable/notes/serialization.html
 */
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** Numbers of a tensor in row-major order; booleans as 0 and 1. */
export interface TorchTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** The numbers that tensors are views of. */
type Storage = ArrayLike<number>;

/** A tensor among what was read: pickles hold arrays and maps, so a class of its own tells it apart. */
class Tensor implements TorchTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  constructor(shape: readonly number[], data: Float64Array) {
    this.shape = shape;
    this.data = data;
  }
}
export const isTorchTensor = (value: unknown): value is TorchTensor => value instanceof Tensor;

/**
 * @param bytes the file
 * @param path the file in errors
 * @returns what was saved; dictionaries are maps, tuples and lists are arrays
 * @throws AutoCircuitError `unsupported-format` for another kind of file, `invalid-file` for one that is damaged or names other
 * functions than those of tensors and dictionaries
 */
export async function readTorchFile(bytes: Uint8Array, path: string, where: string): Promise<unknown> {
  const { decodeNumbers } = await import('@auto-circuit/core/run');
  const [{ unzipSync }, { BufferReader, Parser }] = await Promise.all([import('fflate'), import('pickleparser')]);
  const refuse = (what: string, cause?: unknown): AutoCircuitError =>
    new AutoCircuitError({
      code: 'invalid-file',
      fields: { path },
      ...{ where, what: `${path} ${what}`, cause },
      expected: 'a file of torch.save with tensors, dictionaries, lists, texts and numbers',
      fix: 'write it again in Python, or save the graph as JSON',
    });
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) {
    throw new AutoCircuitError({
      code: 'unsupported-format',
      fields: { path },
      where,
      what: `${path} is not a zip archive, as torch.save has written them since PyTorch 1.6`,
      fix: 'load it in Python and save it again, or save the graph as JSON',
    });
  }
  let files: Record<string, Uint8Array>;
  let left = bytes.length / LEAST_ENTRY_BYTES;
  try {
    files = unzipSync(bytes, {
      filter({ name, compression }) {
        // A damaged archive may say that it has billions.
        if (--left < 0) throw refuse('is damaged: it has more entries than bytes for them');
        // What torch.save writes is as large as the file says; something packed could be any size.
        if (compression !== 0) throw refuse(`has a packed entry, "${name.slice(0, 80)}"`);
        return /(^|\/)(data\.pkl|byteorder|data\/\d+)$/.test(name);
      },
    });
  } catch (cause) {
    throw cause instanceof AutoCircuitError ? cause : refuse('is damaged', cause);
  }
  const named = new Map(
    Object.entries(files).map(([name, data]) => [name.replace(/^.*?\/(?=data\.pkl$|byteorder$|data\/)/, ''), data]),
  );
  const pickle = named.get('data.pkl');
  if (!pickle) throw refuse('has no data.pkl');
  if (named.has('byteorder') && new TextDecoder().decode(named.get('byteorder')) !== 'little') {
    throw refuse('has numbers in big-endian order');
  }
  const parser = new Parser({
    unpicklingTypeOfDictionary: 'Map',
    nameResolver: { resolve: (module, name) => known(module, name, refuse) as never },
    persistentResolver: {
      resolve(id: unknown): Storage {
        const [kind, type, key] = Array.isArray(id) ? (id as unknown[]) : [];
        const data = named.get(`data/${String(key)}`);
        const dtype = DTYPES.get(type as string);
        if (kind !== 'storage' || !dtype || !data) throw refuse('refers to numbers that it lacks');
        return decodeNumbers(dtype, data, path);
      },
    },
  });
  /** A length below zero would lead back to what was read, for ever. */
  class ForwardReader extends BufferReader {
    override skip(offset: number): void {
      if (!(offset >= 0)) throw refuse('has a text of a length below zero');
      super.skip(offset);
    }
  }
  try {
    return parser.read(new ForwardReader(pickle));
  } catch (cause) {
    throw cause instanceof AutoCircuitError ? cause : refuse('is damaged', cause);
  }
}

/** Of an entry in the directory of a zip archive. */
const LEAST_ENTRY_BYTES = 46;

type Refusal = (what: string) => AutoCircuitError;

/** What a name of Python in a pickle stands for. Types of storage stand for themselves, as texts. */
function known(module: string, name: string, refuse: Refusal): unknown {
  if (module === 'torch' && DTYPES.has(name)) return name;
  if (module === 'torch._utils' && name === '_rebuild_tensor_v2') {
    return (storage: Storage, offset: number, shape: number[], strides: number[]) =>
      tensor(storage, offset, shape, strides, refuse);
  }
  // OrderedDict, called, and EAP-IG's GraphConfig, a dictionary with other clothes on, made by `new`.
  if (module === 'collections' && name === 'OrderedDict') return () => new Map();
  if (name === 'GraphConfig') return Map;
  throw refuse(`names ${`${module}.${name}`.slice(0, 80)}, which is not read`);
}

/** Types of storage, and what the type is called in safetensors. */
const DTYPES: ReadonlyMap<string, 'F32' | 'F64' | 'F16' | 'BF16' | 'BOOL'> = new Map([
  ['FloatStorage', 'F32'],
  ['DoubleStorage', 'F64'],
  ['HalfStorage', 'F16'],
  ['BFloat16Storage', 'BF16'],
  ['BoolStorage', 'BOOL'],
]);

/** A view of a storage, copied in row-major order. */
function tensor(numbers: Storage, offset: number, shape: number[], strides: number[], refuse: Refusal): Tensor {
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
  if (!numbers?.length && numbers?.length !== 0) throw refuse('has a tensor without numbers');
  if (!whole([offset]) || !whole(shape) || !whole(strides) || shape.length !== strides.length) {
    throw refuse('has a tensor without a proper shape');
  }
  const count = shape.reduce((product, n) => product * n, 1);
  const last = shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis]!, offset);
  // A tensor that shows numbers more than once could be any size.
  if (count > numbers.length || (count > 0 && last >= numbers.length))
    throw refuse('has a tensor that is larger than its numbers');
  const data = new Float64Array(count);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0, at = offset; i < count; i++) {
    data[i] = numbers[at]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return new Tensor(shape, data);
}
