/** @file The ONNX backend: it lowers programs, makes sessions of onnxruntime, and disposes of those that are left. */
import {
  AutoCircuitError,
  type Backend,
  type CompileHint,
  type Executable,
  type Program,
  ProgramBuilder,
  type WeightStore,
} from '@auto-circuit/core/backend';
import type { InferenceSession } from 'onnxruntime-common';
import { type LoweredProgram, lower } from '../lower/index.js';
import { availableDevices, firstLine, loadRuntime, missingDevice, type Ort } from '../runtime/load.js';
import { makeExecutable } from './executable.js';
import { type OnnxSettings, type ResolvedSettings, resolveSettings } from './settings.js';

/** onnxruntime logs only what it also throws. */
const LOG_FATAL = 4;
const NO_WEIGHTS: WeightStore = {
  key: '',
  names: [],
  entry: (name) => {
    throw new AutoCircuitError({
      code: 'internal',
      where: 'backend-onnx',
      what: `the probe has no weight "${name}"`,
      kind: 'internal',
    });
  },
  read: () => new Float32Array(),
};

/**
 * Makes the backend and loads onnxruntime-node. On a device other than cpu a small program is run to see whether it works.
 *
 * @throws AutoCircuitError `invalid-option` for an unknown device or a wrong number of threads, `runtime-missing` when
 * onnxruntime-node does not load, `device-unavailable` when the device is not in this build or does not work on this machine
 *
 * @example
 * const backend = await onnxBackend({ device: 'cpu', threads: 2 });
 * const executable = await backend.compile(program, weights);
 */
export async function onnxBackend(settings: OnnxSettings = {}): Promise<Backend> {
  const resolved = resolveSettings(settings);
  const { device, threads } = resolved;
  const ort = await loadRuntime();
  if (!availableDevices(ort).includes(device)) throw missingDevice(ort, device);
  // Circuit scores need float32 all through; CUDA's default rounds factors to 10 bits.
  if (device === 'cuda') process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  const live = new Map<Executable, number>();

  async function compile(program: Program, weights: WeightStore, hint: CompileHint = {}): Promise<Executable> {
    const cpu = device === 'cpu';
    const lowered = lower(program, weights, { fuse: resolved.fuse, fusedMatmul: cpu, declareShapes: !cpu });
    const prepacked = [...live.values()].reduce((a, b) => a + b, 0);
    const prepack =
      resolved.prepack === 'auto'
        ? hint.repeated !== false && lowered.prepackBytes <= mostPrepacked(resolved, hint, prepacked)
        : resolved.prepack;
    const session = await createSession(ort, program, lowered, sessionOptions(resolved, lowered, prepack));
    const executable = makeExecutable({
      ort,
      session,
      program,
      lowered,
      onDispose: () => live.delete(executable),
    });
    live.set(executable, prepack ? lowered.prepackBytes : 0);
    return executable;
  }
  async function dispose(): Promise<void> {
    for (const executable of [...live.keys()]) await executable.dispose();
  }

  if (device !== 'cpu') await probe(ort, resolved, compile);
  const info = {
    backend: 'onnx',
    device,
    threads,
    runtime: `onnxruntime-node ${ort.env.versions.node}`,
    emptyAxes: true,
  };
  return { info, compile, dispose };
}

/** Runs a product of two small matrices, since a device that is listed need not work. */
async function probe(ort: Ort, { device }: ResolvedSettings, compile: Backend['compile']): Promise<void> {
  const b = new ProgramBuilder('probe');
  const x = b.input('x', 'float', [4, 4]);
  b.output('y', b.matmul(x, x));
  try {
    const executable = await compile(b.build(), NO_WEIGHTS);
    await executable.run({ x: { dtype: 'float', shape: [4, 4], data: new Float32Array(16).fill(1) } });
    await executable.dispose();
  } catch (error) {
    throw missingDevice(ort, device, error instanceof AutoCircuitError ? error.cause : error);
  }
}

/** The share of the allowed memory that prepacked copies of weights may take. */
const PREPACK_SHARE = 1 / 8;
/**
 * Beside other processes only small weights are copied. The limit is one of each program by itself: prepacking changes the last
 * digits of results, which must not depend on what else is compiled.
 */
const SHARED_PREPACK_BYTES = 32 * 2 ** 20;

/** @param prepacked bytes of the copies that live programs have */
function mostPrepacked(settings: ResolvedSettings, { prepackBytes }: CompileHint, prepacked: number): number {
  if (settings.sharedWeights) return Math.min(SHARED_PREPACK_BYTES, prepackBytes ?? SHARED_PREPACK_BYTES);
  return prepackBytes ?? settings.memoryBytes * PREPACK_SHARE - prepacked;
}

function sessionOptions(
  settings: ResolvedSettings,
  lowered: LoweredProgram,
  prepack: boolean,
): InferenceSession.SessionOptions {
  const { device, threads, spinning } = settings;
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    // With it the second run of each shape is slow and memory 30 % higher.
    enableMemPattern: false,
    logSeverityLevel: LOG_FATAL,
    ...(lowered.memoryFiles.length > 0 ? { externalData: lowered.memoryFiles } : {}),
    extra: {
      // Folding would spread constants out and copy whatever is computed from weights alone.
      optimization: { disable_specified_optimizers: 'ConstantFolding' },
      session: {
        disable_prepacking: prepack ? '0' : '1',
        // Threads stop spinning with the run: other sessions and JavaScript get the cores between runs.
        force_spinning_stop: '1',
        intra_op: { allow_spinning: spinning ? '1' : '0' },
        ...(lowered.folder === undefined ? {} : { model_external_initializers_file_folder_path: lowered.folder }),
      },
    },
  };
}

async function createSession(
  ort: Ort,
  program: Program,
  lowered: LoweredProgram,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(lowered.model, options);
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'runtime-failed',
      where: 'backend-onnx',
      what: `onnxruntime refuses program "${program.name}"`,
      got: `"${firstLine(cause)}"`,
      fields: { program: program.name },
      kind: 'internal',
      cause,
    });
  }
}
