/** @file Which program serves a mask-gradient request, under which name it is kept, and what it is fed beside activations. */

import type { Feeds } from '../../backend/backend.js';
import { AutoCircuitError } from '../../errors/error.js';
import type { Graph } from '../../graph/types.js';
import { floatTensor, intTensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-cache.js';
import { INTERPOLATED_ALPHA, INTERPOLATED_BLOCK } from '../modes/interpolated.js';
import { type GradientForward, type GradientSetting, START_INPUT } from '../programs/programs.js';
import type { MaskGradientRequest } from '../requests/patchable-model.js';

/** @throws AutoCircuitError for points that do not go together */
export function gradientForward({ mask, inputAlpha, mixed, neurons }: MaskGradientRequest): GradientForward {
  const asked = [
    ...(inputAlpha === undefined ? [] : (['interpolated'] as const)),
    ...(mixed === undefined ? [] : (['mixed'] as const)),
    ...(mask === undefined || mask === 0 ? [] : (['patched'] as const)),
  ];
  if (asked.length > 1) {
    throw new AutoCircuitError({
      where: 'core/patch',
      what: 'a gradient is taken at one kind of point',
      expected: 'a mask, inputAlpha or mixed; the latter two at mask 0',
      got: asked.join(' and '),
      kind: 'internal',
    });
  }
  if (neurons && asked[0] === 'patched') {
    throw new AutoCircuitError({
      where: 'core/patch',
      what: 'what nodes write has scores at mask 0 only',
      got: 'neurons and a mask',
      kind: 'internal',
    });
  }
  return asked[0] ?? 'atZero';
}

/** The name of a gradient's program: all that decides what it is. */
export function gradientKey(
  setting: Pick<GradientSetting, 'forward' | 'supply' | 'axes' | 'objective' | 'losses' | 'backward' | 'neurons'>,
): string {
  const { forward, supply, axes, objective, losses, neurons, backward = [] } = setting;
  const flags = [...(axes.perItem ? ['by-item'] : []), ...(losses ? ['losses'] : []), ...(neurons ? ['neurons'] : [])];
  const rules = backward.length > 0 ? [JSON.stringify(backward)] : [];
  return ['gradient', forward, supply, ...Object.values(objective), ...flags, ...rules].join('-');
}

/** The start between two runs: patch + alpha · (current − patch). */
export function startBetween(current: SiteTensors, patch: SiteTensors | null, alpha: number): Feeds {
  const here = current.get('start')!;
  const there = patch?.get('start')?.data;
  const between = here.data.map((x, i) => (there ? there[i]! + alpha * (x - there[i]!) : alpha * x));
  return { [START_INPUT]: floatTensor(between, here.shape) };
}

/** Which block is mixed, and how. @throws AutoCircuitError for a site where nothing writes */
export function mixedFeeds(graph: Graph, { site, alpha }: NonNullable<MaskGradientRequest['mixed']>): Feeds {
  const index = graph.sourceBlocks.findIndex((block) => block.site === site);
  if (index < 0) {
    throw new AutoCircuitError({
      where: 'core/patch',
      what: `no source block writes at "${site}"`,
      expected: graph.sourceBlocks.map((block) => block.site).join(', '),
      got: site,
      kind: 'internal',
    });
  }
  return {
    [INTERPOLATED_BLOCK]: intTensor(Int32Array.of(index), [1]),
    [INTERPOLATED_ALPHA]: floatTensor(Float32Array.of(alpha), [1]),
  };
}
