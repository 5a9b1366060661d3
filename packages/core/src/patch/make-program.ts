/** @file The program of every spec. */

import type { Program } from '../ir/program/program.js';
import type { MaskAxes } from './modes/activation-differences.js';
import { constantGradientProgram } from './programs/constant-gradient.js';
import { measuredEdgesProgram } from './programs/measured-edges.js';
import type { ProgramSpec } from './programs/program-spec.js';
import {
  captureProgram,
  gradientProgram,
  patchedProgram,
  plainProgram,
  projectProgram,
  type Setting,
} from './programs/programs.js';
import { readValuesProgram, valueGradientProgram } from './programs/read-values.js';
import { residualsProgram, sparseProgram } from './sparse/programs.js';
import { withTracePlaces } from './trace-places.js';

type Maker<K extends ProgramSpec['kind']> = (setting: Setting, spec: Extract<ProgramSpec, { kind: K }>) => Program;

const MAKERS: { readonly [K in ProgramSpec['kind']]: Maker<K> } = {
  plain: (setting, { positions }) => plainProgram(setting, positions),
  capture: (setting, { logits }) => captureProgram(setting, logits),
  project: (setting) => projectProgram(setting),
  residuals: (setting, { supply }) => residualsProgram({ ...setting, supply }),
  patched: (setting, spec) => patchedProgram({ ...setting, ...spec, axes: axesOf(setting, spec.perItem) }),
  sparse: (setting, spec) => sparseProgram({ ...setting, ...spec }),
  gradient(setting, spec) {
    const perItem = spec.forward === 'patched' && spec.perItem;
    return gradientProgram({ ...setting, ...spec, axes: axesOf(setting, perItem) });
  },
  'constant-gradient': (setting, { perItem, objective }) =>
    constantGradientProgram({ ...setting, objective, axes: axesOf(setting, perItem) }),
  values: (setting, { roles }) => readValuesProgram(setting, roles),
  'value-gradients': (setting, spec) => valueGradientProgram({ ...setting, ...spec }),
  'edge-measure': (setting, { measure }) => measuredEdgesProgram(setting, measure),
};

/** Builds the program of a spec, for a model and a graph. Equal keys (`programKey`) give equal programs. */
export function makeProgram<K extends ProgramSpec['kind']>(
  spec: Extract<ProgramSpec, { kind: K }>,
  setting: Setting,
): Program {
  const make: Maker<K> = MAKERS[spec.kind as K];
  return make({ ...setting, model: withTracePlaces(setting.model, spec.kind) }, spec);
}

const axesOf = ({ graph }: Setting, perItem: boolean): MaskAxes => ({
  perItem,
  perPosition: graph.options.positions !== null,
});
