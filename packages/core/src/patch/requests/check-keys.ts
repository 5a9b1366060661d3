/** @file Requests from JavaScript, which no compiler has looked at: a field that does not exist would be skipped in silence. */
import { AutoCircuitError } from '../../errors/error.js';
import { nearestNames } from '../../errors/names.js';
import type {
  MaskGradientRequest,
  PatchedMasksRequest,
  PatchedRunRequest,
  PatchedVariantsRequest,
} from './patchable-model.js';

/** The fields of each request, total by its type. */
const FIELDS = {
  patchedRun: { input: true, patch: true, mask: true, frozen: true } satisfies Record<keyof PatchedRunRequest, true>,
  patchedRuns: { input: true, patch: true, masks: true, readings: true } satisfies Record<
    keyof PatchedMasksRequest,
    true
  >,
  patchedVariants: {
    input: true,
    patch: true,
    mask: true,
    variants: true,
    baseline: true,
    chance: true,
  } satisfies Record<keyof PatchedVariantsRequest, true>,
  maskGradient: {
    input: true,
    patch: true,
    objective: true,
    at: true,
    backward: true,
    losses: true,
    neurons: true,
  } satisfies Record<keyof MaskGradientRequest, true>,
} as const;

/** @throws AutoCircuitError `invalid-request` for a field that the request does not have */
export function checkKeys(method: keyof typeof FIELDS, request: object): void {
  const known = Object.keys(FIELDS[method]);
  const unknown = Object.keys(request).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new AutoCircuitError({
    code: 'invalid-request',
    where: 'core/patch',
    what: `${method} has no field "${unknown}"`,
    expected: known.join(', '),
    fix: OLD_FIELDS[unknown] ?? 'leave it out',
    fields: { method, name: unknown, nearest: nearestNames(unknown, known) },
    kind: 'internal',
  });
}

/** Fields that requests had before version 0.2. */
const OLD_FIELDS: Readonly<Record<string, string>> = {
  mask: "a gradient under a mask is taken at: { kind: 'mask', mask }",
  inputAlpha: "an interpolated input is at: { kind: 'input', alpha }",
  mixed: "interpolated activations are at: { kind: 'activations', site, alpha }",
  variants: 'variants are run by patchedVariants',
};
