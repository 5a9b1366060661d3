/** @file Errors about names in a checkpoint: they list the nearest and the known ones. */
import { AutoCircuitError, unknownName } from '@auto-circuit/core/plugin';

/**
 * A tensor that is not there.
 * @param what names the kind in the sentence: `tensor in FOLDER`
 */
export function missingTensor(where: string, what: string, tensor: string, known: readonly string[]): AutoCircuitError {
  const { parts } = unknownName(where, what, tensor, known);
  return new AutoCircuitError({ ...parts, code: 'missing-tensor', fields: { ...parts.fields, tensor } });
}

/** A key of config.json names something that is not computed here: a layer type, a rotary scaling, an activation. */
export function unsupportedName(key: string, what: string, name: string, known: readonly string[]): AutoCircuitError {
  const { parts } = unknownName('checkpoint', what, name, known);
  return new AutoCircuitError({ ...parts, code: 'unsupported-model', fields: { ...parts.fields, key } });
}
