/** @file For our own tests: the composites that become one node, with the operator of each. */
import { COMPOSITES } from '@auto-circuit/core/testing';

/** Kind, program, ONNX operator. */
export const FUSED_COMPOSITES = [
  ['layerNorm', COMPOSITES.layerNorm, 'LayerNormalization'],
  ['rmsNorm', COMPOSITES.rmsNorm, 'SimplifiedLayerNormalization'],
  ['gelu', COMPOSITES.gelu, 'Gelu'],
  ['geluTanh', COMPOSITES.geluTanh, 'Gelu'],
] as const;
