/** @file Loads onnxruntime-node when a backend is first asked for, and says which devices it has. */
import { AutoCircuitError } from '@auto-circuit/core/backend';
import { HOW_TO_GET, type OnnxDevice } from './devices.js';

/** What onnxruntime-node exports. */
export type Ort = typeof import('onnxruntime-node');

/** Loads onnxruntime-node. @throws AutoCircuitError `runtime-missing` when it is not there or does not load */
export async function loadRuntime(): Promise<Ort> {
  try {
    const loaded = (await import('onnxruntime-node')) as Ort & { readonly default?: Ort };
    const ort = loaded.default ?? loaded;
    // What fails is thrown; the runtime need not write it to stderr as well.
    ort.env.logLevel = 'fatal';
    return ort;
  } catch (cause) {
    throw new AutoCircuitError({
      code: 'runtime-missing',
      where: 'backend-onnx',
      what: 'onnxruntime-node cannot be loaded',
      got: firstLine(cause),
      fix: 'install it again for this platform, or use another backend',
      fields: { package: 'onnxruntime-node' },
      cause,
    });
  }
}

/** The names of the devices that this build of the runtime has. */
export const availableDevices = (ort: Ort): string[] => ort.listSupportedBackends().map((b) => b.name);

/** The error for a device that this machine or this build of the runtime does not have. */
export function missingDevice(ort: Ort, device: OnnxDevice, cause?: unknown): AutoCircuitError {
  const brought = ort.listSupportedBackends().filter((b) => b.bundled && b.name !== device);
  return new AutoCircuitError({
    code: 'device-unavailable',
    where: 'backend-onnx',
    what: `device ${device} is not available here`,
    ...(cause === undefined ? {} : { got: `"${firstLine(cause)}"` }),
    fix: `${HOW_TO_GET[device]}; onnxruntime-node brings these here: ${brought.map((b) => b.name).join(', ')}`,
    fields: { device },
    cause,
  });
}

/** The first line of what onnxruntime complains of, without the place in its own sources. */
export function firstLine(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n') as [string];
  const condition = ' was false. ';
  const at = line.indexOf(condition);
  return at < 0 ? line : line.slice(at + condition.length);
}
