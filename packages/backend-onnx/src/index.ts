/** @file Runs AutoCircuit programs on onnxruntime-node (CPU, CUDA, WebGPU, CoreML, DirectML). */
export {};
