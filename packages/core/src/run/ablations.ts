/** @file The ablations that core contributes, and the one that a request asks for. */
import { unknownName } from '../errors/names.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import { ABLATIONS, type AblationName } from '../patch/requests/ablations.js';
import {
  type AblationContext,
  type AblationDefinition,
  type ChosenAblation,
  chooseAblation,
  defineAblation,
} from '../plugin/ablation.js';
import { optimalConstants } from './optimal-ablation.js';

type Patch = (context: AblationContext) => PatchDescription | Promise<PatchDescription>;

const PATCHES: Readonly<Record<AblationName, Patch>> = {
  resample: ({ from }) => ({ kind: 'resample', from }),
  zero: () => ({ kind: 'zero' }),
  'mean-clean': ({ model, batches }) => model.meanOf(batches, 'clean'),
  'mean-corrupt': ({ model, batches }) => model.meanOf(batches, 'corrupt'),
  'mean-both': ({ model, batches }) => model.meanOf(batches, 'both'),
  'batch-mean': ({ from }) => ({ kind: 'batch-mean', from }),
  'batch-position-mean': ({ from }) => ({ kind: 'batch-position-mean', from }),
  optimal: ({ model, batches, ...hooks }) => optimalConstants(model, batches, hooks),
};

/** The ablations that core contributes. */
export const BUILT_IN_ABLATIONS: readonly AblationDefinition[] = Object.freeze(
  (Object.keys(ABLATIONS) as AblationName[]).map((name) =>
    defineAblation({
      name,
      doc: ABLATIONS[name],
      options: {},
      oneLength: name.startsWith('mean-'),
      patch: PATCHES[name],
    }),
  ),
);

/** An ablation: a built-in one by its name, or one with its options. */
export type Ablating = AblationName | ChosenAblation;

/** How files and messages call an ablation. */
export const ablationText = (ablation: Ablating): string => (typeof ablation === 'string' ? ablation : ablation.text);

/** The ablation of a request. @throws AutoCircuitError `unknown-name` for a name that no built-in one has */
export function ablationChosen(asked: Ablating): ChosenAblation {
  if (typeof asked !== 'string') return asked;
  const known = BUILT_IN_ABLATIONS.find(({ name }) => name === asked);
  if (known) return chooseAblation(known);
  throw unknownName('run', 'ablation', asked, Object.keys(ABLATIONS));
}
