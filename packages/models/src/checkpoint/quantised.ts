/**
 * @file Quantised checkpoints: weights as numbers of 8 bits, or of 4 (MXFP4), with scales are multiplied out to float32; every other kind is refused
 * by its name, from `quantization_config` in config.json or from the tensors themselves.
 *
 *     bitsandbytes int8      W = weight · SCB / 127, a scale for each row (https://arxiv.org/abs/2208.07339)
 *     compressed-tensors     W = (weight − weight_zero_point) · weight_scale, int8 or float8 (E4M3); a scale for the
 *                            tensor, for each row, or for each group of columns
 *     fp8                    W = weight · weight_scale_inv (or weight_scale): a scale for the tensor, each row or each block
 *     mxfp4                  a scale for each 32 numbers of a row (`mxfp4.ts`)
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import type { SafetensorsDType, SafetensorsFile } from '@auto-circuit/core/run';
import { z } from 'zod';
import { parseConfig, type RawConfig } from './config.js';
import { blocksOfScales, holdsBlocks, numbersOfBlocks, scalesOfBlocks, shapeOfBlocks } from './mxfp4.js';

type SafetensorsArray = ReturnType<SafetensorsFile['read']>;

/** A checkpoint whose tensors are as the file has them. */
export interface StoredCheckpoint {
  /** What errors call it. */
  readonly source: string;
  readonly config: RawConfig;
  readonly names: readonly string[];
  has(name: string): boolean;
  tensor(name: string): { readonly shape: readonly number[]; readonly dtype: SafetensorsDType };
  /** The numbers of a tensor, row-major, in their own type. */
  stored(name: string): SafetensorsArray;
}

/** How a checkpoint's quantised weights become numbers. */
export interface Quantisation {
  /** For sentences: `bitsandbytes int8`. */
  readonly title: string;
  /** The names of what belongs to a weight `NAME.weight`, without `NAME`; the first scale that is there counts. */
  readonly scales: readonly string[];
  readonly zeroPoint?: string;
  /** What else belongs to quantised weights, and is not needed for their numbers. */
  readonly others: readonly string[];
  /** The stored type of quantised weights. */
  readonly dtypes: readonly SafetensorsDType[];
  /** What weight · scale is divided by. */
  readonly divisor: number;
  /** Whether weights lie as `NAME_blocks` and `NAME_scales` (`mxfp4.ts`). Default false. */
  readonly microscaled?: boolean;
  /** Rows and columns of a block with one scale. Default: what follows from the shapes. */
  readonly block?: readonly [number, number];
}

const FLOATS: readonly SafetensorsDType[] = ['F64', 'F32', 'F16', 'BF16'];
const BYTE_FLOATS: readonly SafetensorsDType[] = ['F8_E4M3', 'F8_E5M2'];

const keys = z.looseObject({
  quant_method: z.string().nullish(),
  load_in_8bit: z.boolean().nullish(),
  load_in_4bit: z.boolean().nullish(),
  bits: z.number().nullish(),
  format: z.string().nullish(),
  quantization_status: z.string().nullish(),
  config_groups: z
    .record(
      z.string(),
      z.looseObject({
        format: z.string().nullish(),
        weights: z.looseObject({ num_bits: z.number(), type: z.string().default('int') }).nullish(),
      }),
    )
    .nullish(),
  sparsity_config: z.looseObject({ format: z.string().nullish() }).nullish(),
  transform_config: z.looseObject({}).nullish(),
  weight_block_size: z.tuple([z.int().positive(), z.int().positive()]).nullish(),
  fmt: z.string().nullish(),
  store_dtype: z.string().nullish(),
});
type Keys = z.output<typeof keys>;
const config = z.looseObject({ quantization_config: keys.nullish(), compression_config: keys.nullish() });

/** Formats of compressed-tensors with a number for each weight: not packed, not sparse. */
const DENSE_FORMATS = ['int-quantized', 'float-quantized', 'naive-quantized'];
/** Ends of the names of tensors that hold several weights in one number, whatever config.json says. */
const PACKED = /\.(qweight|weight_packed|absmax|qzeros|weight_scale_2)$|_(blocks|scales)$/;

/**
 * How the weights of a checkpoint are quantised; null where they are not.
 * @throws AutoCircuitError `unsupported-model` for a kind that is not multiplied out here; fields: key, method
 */
export function readQuantisation(raw: Omit<StoredCheckpoint, 'stored'>): Quantisation | null {
  const { quantization_config, compression_config } = parseConfig(config, raw.config, raw.source);
  const own = quantization_config ?? compression_config;
  const found = own ? schemeOf(own, raw) : null;
  const read = (name: string): boolean => isBlocks(found, name) || isCompanion(raw, found, name);
  const packed = raw.names.find((name) => PACKED.test(name) && !read(name));
  if (packed !== undefined) throw refused(raw, 'packed weights', `tensor ${packed}`);
  const plain = raw.names.find((name) => name.endsWith('.weight') && !isReadable(raw, found, name));
  if (plain !== undefined) throw unreadable(raw, found, plain);
  return found;
}

function schemeOf(own: Keys, raw: Omit<StoredCheckpoint, 'stored'>): Quantisation {
  const method = own.quant_method ?? (own.load_in_8bit || own.load_in_4bit ? 'bitsandbytes' : 'unnamed');
  const kind = Object.hasOwn(KINDS, method) ? KINDS[method] : undefined;
  const found = kind?.(own, raw) ?? `${method}${own.bits ? `, ${own.bits} bits` : ''}`;
  if (typeof found === 'object') return found;
  throw refused(raw, found, `quantization_config ${method}`, method);
}

/** The methods that are multiplied out, by `quant_method`: how, or the name of what is not read. */
const KINDS: Readonly<Record<string, (own: Keys, raw: Omit<StoredCheckpoint, 'stored'>) => Quantisation | string>> = {
  bitsandbytes(own, raw) {
    if (!own.load_in_8bit) return 'bitsandbytes, 4 bits';
    // there the matrices of GPT-2 are stored the other way round
    if (raw.config.model_type === 'gpt2') return 'bitsandbytes, 8 bits, for GPT-2';
    return {
      ...{ title: 'bitsandbytes int8', dtypes: ['I8'], divisor: 127 },
      ...{ scales: ['.SCB'], others: ['.weight_format'] },
    };
  },
  'compressed-tensors'(own) {
    const groups = Object.values(own.config_groups ?? {});
    const formats = [own.format, ...groups.map(({ format }) => format)].filter((name) => typeof name === 'string');
    const other = formats.find((name) => !DENSE_FORMATS.includes(name));
    if (other !== undefined) return `compressed-tensors, ${other}`;
    const wide = groups.find(
      ({ weights }) => weights && (weights.num_bits !== 8 || !/^(int|float)$/.test(weights.type)),
    );
    if (wide?.weights) return `compressed-tensors, ${wide.weights.type}, ${wide.weights.num_bits} bits`;
    const sparse = own.sparsity_config?.format;
    if (sparse && sparse !== 'dense') return `compressed-tensors, ${sparse}`;
    if (Object.keys(own.transform_config ?? {}).length > 0) return 'compressed-tensors with transforms';
    return {
      ...{ title: 'compressed-tensors', dtypes: ['I8', 'F8_E4M3'], divisor: 1 },
      ...{ scales: ['.weight_scale'], zeroPoint: '.weight_zero_point' },
      others: ['.input_scale', '.input_zero_point', '.output_scale', '.output_zero_point', '.k_scale', '.v_scale'],
    };
  },
  mxfp4: () => ({ title: 'MXFP4', dtypes: ['U8'], divisor: 1, scales: [], others: [], microscaled: true }),
  fp8(own) {
    if (own.fmt && own.fmt !== 'e4m3') return `fp8, ${own.fmt}`;
    return {
      ...{ title: 'fp8', dtypes: ['F8_E4M3'], divisor: 1 },
      ...{ scales: ['.weight_scale_inv', '.weight_scale'] },
      others: ['.input_scale', '.activation_scale', '.k_scale', '.v_scale'],
      ...(own.weight_block_size ? { block: own.weight_block_size } : {}),
    };
  },
};

/** Whether a tensor holds blocks that are multiplied out. */
const isBlocks = (found: Quantisation | null, name: string): boolean =>
  found?.microscaled === true && holdsBlocks(name);

/** The shape of what is read of a tensor: of the matrices themselves, where these are packed. */
export const readShape = (found: Quantisation | null, name: string, shape: readonly number[]): readonly number[] =>
  isBlocks(found, name) ? shapeOfBlocks(shape) : shape;

/** Whether a tensor of this name belongs to a quantised weight: a scale, say. */
export function isCompanion(raw: Pick<StoredCheckpoint, 'has'>, found: Quantisation | null, name: string): boolean {
  if (found === null) return false;
  const blocks = found.microscaled ? blocksOfScales(name) : null;
  if (blocks !== null) return raw.has(blocks);
  const ends = [...found.scales, ...found.others, ...(found.zeroPoint ? [found.zeroPoint] : [])];
  return ends.some((end) => name.endsWith(end) && raw.has(`${name.slice(0, -end.length)}.weight`));
}

/** `NAME.weight` → `NAME.SCB`, where the checkpoint has it. */
function scaleOf(raw: Pick<StoredCheckpoint, 'has'>, found: Quantisation | null, name: string): string | undefined {
  const stem = name.replace(/\.weight$/, '');
  return found?.scales.map((end) => stem + end).find((scale) => scale !== name && raw.has(scale));
}

const ANY_SCALE = ['.SCB', '.weight_scale', '.weight_scale_inv'];

function isReadable(raw: Pick<StoredCheckpoint, 'has' | 'tensor'>, found: Quantisation | null, name: string): boolean {
  const { dtype } = raw.tensor(name);
  if (FLOATS.includes(dtype)) return true;
  const scale = scaleOf(raw, found, name);
  if (scale !== undefined) return found!.dtypes.includes(dtype);
  // 8-bit floats without scales, in a checkpoint that names no quantisation, are numbers like any others
  const stem = name.replace(/\.weight$/, '');
  return BYTE_FLOATS.includes(dtype) && found === null && !ANY_SCALE.some((end) => raw.has(stem + end));
}

/**
 * The numbers of a tensor as float32: plain ones as they are, quantised ones multiplied out.
 * @throws AutoCircuitError `unsupported-model` for integers without a scale, `wrong-tensor` for a scale of another shape
 */
export function numbersOf(raw: StoredCheckpoint, found: Quantisation | null, name: string): Float32Array {
  if (isBlocks(found, name)) {
    const scales = scalesOfBlocks(name);
    const tensor = (own: string) => ({ shape: raw.tensor(own).shape, data: raw.stored(own) });
    return numbersOfBlocks(raw.source, name, tensor(name), raw.has(scales) ? tensor(scales) : { shape: [], data: [] });
  }
  if (!isReadable(raw, found, name)) throw unreadable(raw, found, name);
  const data = raw.stored(name);
  const scale = FLOATS.includes(raw.tensor(name).dtype) ? undefined : scaleOf(raw, found, name);
  if (scale === undefined) return data instanceof Float32Array ? data : Float32Array.from(data);
  return scaled(raw, found!, name, scale, data);
}

/** (weight − zero point) · scale / divisor in float64, rounded once: [rows, columns] → the same. */
function scaled(
  raw: StoredCheckpoint,
  { divisor, block, zeroPoint }: Quantisation,
  name: string,
  scaleName: string,
  data: SafetensorsArray,
): Float32Array {
  const [rows, columns] = matrixShape(raw.tensor(name).shape);
  const scaleShape = raw.tensor(scaleName).shape;
  const [down, across] = gridOf(scaleShape, rows);
  const [height, width] = block && down * across > 1 ? block : [rows / down, columns / across];
  if (
    ![height, width].every(Number.isInteger) ||
    Math.ceil(rows / height) !== down ||
    Math.ceil(columns / width) !== across
  ) {
    throw new AutoCircuitError({
      code: 'wrong-tensor',
      fields: { tensor: scaleName, shape: scaleShape, weight: name },
      where: 'checkpoint',
      what: `tensor "${scaleName}" of ${raw.source} does not fit the weight that it scales`,
      expected: `a scale for all, for each row, or for each block of [${rows}, ${columns}]`,
      got: `[${scaleShape.join(', ')}]`,
    });
  }
  const scales = raw.stored(scaleName);
  const zeroName = zeroPoint === undefined ? undefined : name.replace(/\.weight$/, zeroPoint);
  const zeros = zeroName !== undefined && raw.has(zeroName) ? raw.stored(zeroName) : null;
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const cell = Math.floor(row / height) * across + Math.floor(column / width);
      out[at] = ((data[at]! - (zeros?.[cell] ?? 0)) * scales[cell]!) / divisor;
    }
  }
  return out;
}

const matrixShape = (shape: readonly number[]): readonly [number, number] => [
  shape.slice(0, -1).reduce((a, b) => a * b, 1),
  shape.at(-1) ?? 1,
];
/** A scale's shape as rows and columns of blocks: one number for all, or one for each row, may lack axes. */
function gridOf(shape: readonly number[], rows: number): readonly [number, number] {
  if (shape.length >= 2) return matrixShape(shape);
  const count = shape[0] ?? 1;
  return count === rows ? [rows, 1] : [count, 1];
}

function unreadable(raw: Pick<StoredCheckpoint, 'source' | 'tensor'>, found: Quantisation | null, name: string) {
  const { dtype } = raw.tensor(name);
  return new AutoCircuitError({
    code: 'unsupported-model',
    fields: { key: 'quantization_config', tensor: name, dtype },
    where: 'checkpoint',
    what: `tensor "${name}" of ${raw.source} holds ${dtype} where weights are expected`,
    expected: found
      ? `floats, or ${found.dtypes.join(' or ')} with ${found.scales.join(' or ')}`
      : 'floats, or a quantization_config in config.json that says what they mean',
    fix: 'use the float32, float16 or bfloat16 checkpoint that it was made from',
  });
}

function refused({ source }: Pick<StoredCheckpoint, 'source'>, kind: string, got: string, method = kind) {
  return new AutoCircuitError({
    code: 'unsupported-model',
    fields: { key: 'quantization_config', method },
    where: 'checkpoint',
    what: `${source} is quantised (${kind}), and such weights cannot be read`,
    expected: 'floats, bitsandbytes or compressed-tensors in 8 bits, fp8, or MXFP4',
    got,
    fix: 'use the float32, float16 or bfloat16 checkpoint that it was made from',
  });
}

/** One line that says what was done; null for plain weights. */
export const quantisationNote = (source: string, found: Quantisation | null): string | null =>
  found &&
  `[checkpoint] the weights of ${source} are quantised (${found.title}): they are multiplied out to float32, and activations are not rounded`;
