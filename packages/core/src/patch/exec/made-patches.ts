/** @file What a plugin's ablation patches in: values of its own for each source block, or other prompts to run. Both are checked. */
import { calledMember, type PluginMember, pluginFailed, shown } from '../../errors/plugin-failed.js';
import { seededRandom } from '../../numeric/seeded-random.js';
import type { Prompt, PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { AblatedBlock, MadePatch, OtherPrompts } from '../requests/ablations.js';
import type { SiteTensors } from './activation-means.js';
import type { Cut } from './micro-batches.js';

const other = (side: Side): Side => (side === 'clean' ? 'corrupt' : 'clean');
const NONE = new Float32Array(0);

/**
 * Values by site, [rows, prompts, pos, width].
 * @param sideOf pass 1 of a side, for the same prompts
 * @throws AutoCircuitError `plugin-failed` where the ablation gives anything else
 */
export async function madeValues(
  patch: MadePatch,
  batch: PromptBatch,
  cut: Cut,
  sideOf: (side: Side) => Promise<SiteTensors>,
): Promise<SiteTensors> {
  const { reads = ['clean'], swapped = false, seed = 0, name } = patch;
  const seen = new Map<Side, SiteTensors>();
  for (const side of new Set(reads)) seen.set(side, await sideOf(swapped ? other(side) : side));
  const [any] = seen.values();
  const prompts = batch.prompts.slice(...cut);
  const made = new Map<string, Tensor<Float32Array>>();
  for (const [site, { shape }] of any!) {
    const block: AblatedBlock = {
      site,
      shape: shape as unknown as AblatedBlock['shape'],
      prompts,
      clean: seen.get('clean')?.get(site)?.data.slice() ?? NONE,
      corrupt: seen.get('corrupt')?.get(site)?.data.slice() ?? NONE,
      random: ({ index }) => seededRandom(seed, `ablation ${name} ${site} ${index}`),
    };
    made.set(site, floatTensor(checkedValues(patch, block), shape));
  }
  return made;
}

function checkedValues(patch: MadePatch, block: AblatedBlock): Float32Array {
  const member: PluginMember = { kind: 'ablation', name: patch.name, member: 'values' };
  const count = block.shape.reduce((product, size) => product * size, 1);
  const given: unknown = calledMember(member, () => patch.values(block));
  const isList = Array.isArray(given) || (ArrayBuffer.isView(given) && !(given instanceof DataView));
  if (!isList || (given as unknown as ArrayLike<unknown>).length !== count) {
    throw pluginFailed(member, {
      what: `does not give what "${block.site}" writes`,
      expected: `${count} numbers [${block.shape.join(', ')}]`,
      got: shown(given),
    });
  }
  const values = Float32Array.from(given as unknown as ArrayLike<number>);
  const at = values.findIndex((x) => !Number.isFinite(x));
  if (at < 0) return values;
  throw pluginFailed(member, {
    what: `gives something at "${block.site}" that is not a finite number`,
    expected: 'numbers',
    got: `${shown((given as unknown as ArrayLike<unknown>)[at])} at index ${at}`,
  });
}

/** The batch with the prompts of an ablation on its corrupt side. @throws AutoCircuitError `plugin-failed` for other lengths */
export function replacedPrompts(patch: OtherPrompts, batch: PromptBatch): PromptBatch {
  const { name, seed = 0, swapped = false } = patch;
  const member: PluginMember = { kind: 'ablation', name, member: 'tokens' };
  const prompts = batch.prompts.map((prompt): Prompt => {
    const seen = swapped ? { ...prompt, clean: prompt.corrupt, corrupt: prompt.clean } : prompt;
    const random = seededRandom(seed, `ablation ${name} ${prompt.index}`);
    const given: unknown = calledMember(member, () => patch.tokens(seen, random));
    if (
      Array.isArray(given) &&
      given.length === batch.length &&
      given.every((one, i) => sameKind(one, prompt.clean[i]))
    ) {
      return { ...prompt, corrupt: given as Prompt['corrupt'] };
    }
    throw pluginFailed(member, {
      what: `does not give a prompt in place of prompt ${prompt.index}`,
      expected: `${batch.length} ${typeof prompt.clean[0] === 'number' ? 'token ids' : 'positions of features'}`,
      got: shown(given),
    });
  });
  return { length: batch.length, prompts };
}

/** A token id, or as many finite features as the prompt has. */
function sameKind(given: unknown, own: unknown): boolean {
  if (typeof own === 'number') return Number.isInteger(given) && Number(given) >= 0;
  return Array.isArray(given) && Array.isArray(own) && given.length === own.length && given.every(Number.isFinite);
}
