/** @file The devices of tfjs: the package of each, how to get it, and what its kernels do badly. A total table. */

/** The names of the devices, in the order in which they are tried when none is asked for. */
export const TFJS_DEVICES = Object.freeze(['gpu', 'node', 'wasm', 'cpu'] as const);
/** One of `TFJS_DEVICES`. */
export type TfjsDevice = (typeof TFJS_DEVICES)[number];

/** What the kernels of a runtime do badly, so that the ops are written around it. */
export interface RuntimeTraits {
  /** A matrix product reads a transposed operand as fast as a plain one. */
  readonly fastTransposes: boolean;
  /** Batches of matrices of which each operand lacks some axes are multiplied rightly, without copies. */
  readonly broadcastsBatches: boolean;
  /** A batch of matrix products is as fast as the same products one by one. */
  readonly fastBatches: boolean;
  /** Sums are made one number after the other in float32, so that long ones lose digits. */
  readonly plainSums: boolean;
  /** Bytes that all tensors together may take where the runtime does not check it: beyond them it overwrites memory. */
  readonly heapBytes: number;
  /** The runtime keeps a second copy of a right-hand matrix, laid out for its kernels, as long as the matrix lives. */
  readonly packsRightMatrices: boolean;
}
/** What is known of a device before its package is loaded. */
export interface DeviceDescription {
  readonly package: string;
  /** The name under which the package registers itself with tfjs. */
  readonly tfjsName: string;
  readonly howToGet: string;
  readonly traits: RuntimeTraits;
}

const NATIVE: RuntimeTraits = Object.freeze({
  fastTransposes: true,
  broadcastsBatches: true,
  fastBatches: true,
  plainSums: false,
  heapBytes: Number.POSITIVE_INFINITY,
  packsRightMatrices: false,
});
/** The module is linked with this maximum: 2³² less one page. */
const WASM_HEAP_BYTES = 2 ** 32 - 2 ** 16;

/** The description of each device. */
export const DEVICES: { readonly [D in TfjsDevice]: DeviceDescription } = Object.freeze({
  gpu: {
    package: '@tensorflow/tfjs-node-gpu',
    tfjsName: 'tensorflow',
    howToGet: 'npm install @tensorflow/tfjs-node-gpu (it needs an NVIDIA card, its driver, CUDA and cuDNN)',
    traits: NATIVE,
  },
  node: {
    package: '@tensorflow/tfjs-node',
    tfjsName: 'tensorflow',
    howToGet: 'npm install @tensorflow/tfjs-node (Node 20 or 22)',
    traits: NATIVE,
  },
  wasm: {
    package: '@tensorflow/tfjs-backend-wasm',
    tfjsName: 'wasm',
    howToGet: 'npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm',
    traits: {
      fastTransposes: false,
      broadcastsBatches: false,
      fastBatches: false,
      plainSums: true,
      heapBytes: WASM_HEAP_BYTES,
      packsRightMatrices: true,
    },
  },
  cpu: {
    package: '@tensorflow/tfjs-backend-cpu',
    tfjsName: 'cpu',
    howToGet: 'npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-cpu',
    traits: { ...NATIVE, broadcastsBatches: false },
  },
});
