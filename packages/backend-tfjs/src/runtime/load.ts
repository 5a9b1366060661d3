/** @file Loads a tfjs runtime when it is first asked for. tfjs has one engine for the whole process, which all backends share. */
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { AutoCircuitError } from '@auto-circuit/core/backend';
import { Complaints } from './complaints.js';
import { DEVICES, TFJS_DEVICES, type TfjsDevice } from './devices.js';
import { type FoundPackage, findPackage, findRuntime } from './find.js';
import type { Runtime } from './runtime.js';
import type { Tf } from './tf.js';
import { TransposedWeightCache } from './transposed-weight-cache.js';
import { WasmHeap } from './wasm-heap.js';

/** Which runtime is wanted. */
export interface RuntimeRequest {
  /** Undefined: the first that is installed. */
  readonly device: TfjsDevice | undefined;
  readonly threads: number | undefined;
  readonly folder: string | undefined;
}

const loaded = new Map<TfjsDevice, Promise<Runtime>>();

/**
 * Loads and starts the runtime of a device, once a process.
 *
 * @throws AutoCircuitError `runtime-missing`, `device-unavailable`, or `conflicting-options` for another number of threads
 */
export async function loadRuntime(request: RuntimeRequest): Promise<Runtime> {
  const { device, found } = choose(request);
  let runtime = loaded.get(device);
  if (!runtime) {
    runtime = start(device, found, request.threads);
    loaded.set(device, runtime);
    runtime.catch(() => loaded.delete(device));
  }
  return checkThreads(await runtime, request.threads);
}

function choose({ device, folder }: RuntimeRequest): { device: TfjsDevice; found: FoundPackage } {
  for (const candidate of device ? [device] : TFJS_DEVICES) {
    const found = findRuntime(candidate, folder);
    if (found) return { device: candidate, found };
  }
  throw device ? missing(device, folder) : noneInstalled();
}

async function start(device: TfjsDevice, found: FoundPackage, threads: number | undefined): Promise<Runtime> {
  const { tfjsName, traits } = DEVICES[device];
  try {
    const tf = await loadEngine(found, threads);
    await prepare[device](tf, found);
    const complaints = new Complaints();
    if (!(await complaints.attach(() => tf.setBackend(tfjsName))))
      throw new Error(`tfjs did not start its "${tfjsName}"`);
    if (device === 'gpu' && !usesGpu(tf)) throw new Error('TensorFlow found no card that it can use');
    const activate = (): void => {
      // Its promise is not waited for: a backend that has been started is set before the first pause.
      if (tf.getBackend() !== tfjsName) void tf.setBackend(tfjsName);
    };
    const count = tfjsName === 'tensorflow' ? (threads ?? os.availableParallelism()) : 1;
    const version = `${found.name} ${found.version}`;
    return Object.freeze<Runtime>({
      tf,
      device,
      traits,
      threads: count,
      version,
      transposedWeights: new TransposedWeightCache(),
      ...(device === 'wasm' ? { heap: new WasmHeap(tf) } : {}),
      attended: (run) => complaints.during(run),
      activate,
    });
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'device-unavailable',
      where: 'backend-tfjs',
      what: `device ${device} does not work: ${found.name} ${found.version} is installed but does not start`,
      got: `"${firstLine(cause)}"`,
      fix: `install it again (${DEVICES[device].howToGet}) or take another device`,
      fields: { device, package: found.name },
      cause,
    });
  }
}

/**
 * The copy of tfjs-core that the runtime itself uses; another copy would share the engine but not every class. The native packages
 * bring their own and export all of it. In production mode tfjs writes no advice to the console.
 */
async function loadEngine(found: FoundPackage, threads: number | undefined): Promise<Tf> {
  const core = findPackage('@tensorflow/tfjs-core', found.main);
  const shared = core && (await importCommonJs<Tf>(core.main));
  shared?.enableProdMode();
  if (!NATIVE_PACKAGES.includes(found.name)) {
    if (!shared) throw new Error('it finds no @tensorflow/tfjs-core');
    return shared;
  }
  if (threads !== undefined) {
    // TensorFlow reads these once, when it starts.
    process.env.TF_NUM_INTRAOP_THREADS = `${threads}`;
    process.env.TF_NUM_INTEROP_THREADS = '1';
  }
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const tf = await importCommonJs<Tf>(found.main);
  tf.enableProdMode();
  return tf;
}
const NATIVE_PACKAGES = [DEVICES.gpu.package, DEVICES.node.package];

async function importCommonJs<T>(file: string): Promise<T> {
  const module = (await import(pathToFileURL(file).href)) as T & { readonly default?: T };
  return module.default ?? module;
}

const registerWith = async (tf: Tf, { main }: FoundPackage, tfjsName: string): Promise<unknown> =>
  tf.findBackendFactory(tfjsName) ? undefined : importCommonJs<unknown>(main);
/** Before a device can be set. */
const prepare: { readonly [D in TfjsDevice]: (tf: Tf, found: FoundPackage) => Promise<void> } = {
  gpu: async () => {},
  node: async () => {},
  wasm: async (tf, found) => {
    const wasm = (await registerWith(tf, found, 'wasm')) as { setWasmPaths(prefix: string): void } | undefined;
    wasm?.setWasmPaths(path.dirname(found.main) + path.sep);
  },
  cpu: async (tf, found) => void (await registerWith(tf, found, 'cpu')),
};
const usesGpu = (tf: Tf): boolean =>
  (tf.backend() as { readonly isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;

/** TensorFlow's threads are set once a process; the other devices have one thread. */
function checkThreads(runtime: Runtime, threads: number | undefined): Runtime {
  const native = DEVICES[runtime.device].tfjsName === 'tensorflow';
  if (!native || threads === undefined || threads === runtime.threads) return runtime;
  throw new AutoCircuitError({
    code: 'conflicting-options',
    where: 'backend-tfjs',
    what: 'TensorFlow has already been started in this process with a different number of threads',
    expected: `${runtime.threads}`,
    got: `${threads}`,
    fix: 'use one number of threads per process',
    fields: { options: ['threads'], started: runtime.threads, got: threads },
  });
}

function missing(device: TfjsDevice, folder: string | undefined): AutoCircuitError {
  const installed = TFJS_DEVICES.filter((d) => findRuntime(d, folder));
  const rest = installed.length > 0 ? `installed: ${installed.join(', ')}` : 'no other device is installed';
  return new AutoCircuitError({
    code: 'runtime-missing',
    where: 'backend-tfjs',
    what: `device ${device} needs ${DEVICES[device].package}, which is not installed`,
    fix: `${DEVICES[device].howToGet}; ${rest}`,
    fields: { package: DEVICES[device].package, device },
  });
}
function noneInstalled(): AutoCircuitError {
  return new AutoCircuitError({
    code: 'runtime-missing',
    where: 'backend-tfjs',
    what: 'no tfjs runtime is installed',
    expected: `one of ${TFJS_DEVICES.map((d) => DEVICES[d].package).join(', ')}`,
    got: 'none',
    fix: `the smallest is ${DEVICES.wasm.howToGet}`,
    fields: { package: DEVICES.wasm.package },
  });
}

/** The first line of what a runtime complains of. */
export const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!.trim();
