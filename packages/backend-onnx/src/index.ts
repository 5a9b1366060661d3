/**
 * @file Door `@auto-circuit/backend-onnx`: runs AutoCircuit's programs on onnxruntime-node (CPU, CUDA, WebGPU, CoreML, DirectML).
 * @module
 */
export { type LoweredProgram, type LowerOptions, lower } from './lower/index.js';
export { onnxPlugin, onnxPlugin as default } from './plugin.js';
export { physicalCores } from './runtime/cores.js';
export { ONNX_DEVICES, type OnnxDevice } from './runtime/devices.js';
export { onnxBackend } from './session/backend.js';
export type { OnnxSettings } from './session/settings.js';
