/** @file The devices of onnxruntime, and what each needs. */

/** The names of the devices, the default first. */
export const ONNX_DEVICES = Object.freeze(['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const);
/** One of `ONNX_DEVICES`. */
export type OnnxDevice = (typeof ONNX_DEVICES)[number];

/** What a device needs, in words. */
export const HOW_TO_GET: Readonly<Record<OnnxDevice, string>> = Object.freeze({
  cpu: 'install the backend again',
  cuda: 'it needs an NVIDIA card with its driver, CUDA 12, cuDNN 9 and the CUDA libraries of onnxruntime (on Linux x64: npm install onnxruntime-node@1.30.0 fetches them)',
  webgpu: 'it needs a GPU with a Vulkan, Metal or Direct3D 12 driver',
  coreml: 'it needs macOS',
  dml: 'it needs Windows with a Direct3D 12 card',
});
