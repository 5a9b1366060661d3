/** @file The ONNX backend as a plugin: its name, its options, and its probe of the devices here. */
import { AutoCircuitError, defineBackend, definePlugin, type Plugin, type ProbeLine } from '@auto-circuit/core/plugin';
import { HOW_TO_GET, ONNX_DEVICES } from './runtime/devices.js';
import { availableDevices, findRuntime, loadRuntime } from './runtime/load.js';
import { onnxBackend } from './session/backend.js';

/** The backend under the name `onnx`. */
export const onnx = defineBackend({
  name: 'onnx',
  doc: 'onnxruntime-node: CPU, CUDA, WebGPU, CoreML, DirectML',
  options: {
    fuse: {
      type: 'boolean',
      default: true,
      doc: 'compute layer norms and GELUs in one step where nothing reads intermediate values',
    },
    prepack: {
      type: 'enum',
      values: ['auto', 'on', 'off'],
      default: 'auto',
      doc: 'keep a second copy of the weights, laid out for the kernels; auto: when both fit into memory',
    },
    spinning: { type: 'boolean', default: true, doc: 'threads busy-wait for the next step of a run' },
  },
  create: (settings, { fuse, prepack, spinning }) =>
    onnxBackend({ ...settings, fuse, spinning, prepack: prepack === 'auto' ? 'auto' : prepack === 'on' }),
  probe: probeDevices,
});

/** The plugin of this package. */
export const onnxPlugin: Plugin = definePlugin({ name: '@auto-circuit/backend-onnx', contributes: [onnx] });

/** Tries every device that this build of the runtime has, except WebGPU, whose driver writes to stderr by itself. */
async function probeDevices(): Promise<readonly ProbeLine[]> {
  const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  let known: readonly string[];
  let version: string | undefined;
  try {
    const ort = await loadRuntime();
    known = availableDevices(ort);
    version = ort.env.versions.node;
  } catch (error) {
    return [{ what: 'onnxruntime', ok: false, detail: text(error) }];
  }
  const { found, ignored } = findRuntime();
  const other = ignored === null ? '' : `; onnxruntime-node ${ignored}, another version, is left alone`;
  const lines: ProbeLine[] = [
    { what: 'onnxruntime', ok: true, detail: `${version ?? 'unknown version'} of ${found?.name}${other}` },
  ];
  for (const device of ONNX_DEVICES.filter((d) => known.includes(d))) {
    const what = `onnx, device ${device}`;
    if (device === 'webgpu') {
      lines.push({ what, ok: true, detail: `in this build, not tried; ${HOW_TO_GET.webgpu}` });
      continue;
    }
    try {
      const backend = await onnxBackend({ device });
      lines.push({
        what,
        ok: true,
        detail: device === 'cpu' ? `${backend.info.threads} threads` : 'a small product was computed',
      });
      await backend.dispose();
    } catch (error) {
      const detail = error instanceof AutoCircuitError ? `not usable here; ${HOW_TO_GET[device]}` : text(error);
      lines.push({ what, ok: false, detail });
    }
  }
  return lines;
}
