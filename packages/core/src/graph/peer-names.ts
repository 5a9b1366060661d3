/**
 * @file Names of nodes as other tools write them (AutoCircuit, EAP-IG and MIB, TransformerLens, the shorthand of papers), to
 * what they mean and back. Imports nothing, so that the page of a report can use it too.
 */

/** The inputs of an attention head that can be told apart. */
export type HeadInput = 'q' | 'k' | 'v';

/** What a name means, before it is known whether a graph has such a node. */
export type PeerNode =
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'head'; readonly layer: number; readonly head: number; readonly input: HeadInput | null }
  | { readonly kind: 'mlp' | 'mid' | 'post'; readonly layer: number };

/** Which end of an edge a node is. */
export type EdgeSide = 'source' | 'destination';

/** A name that was understood. */
export interface PeerName {
  readonly node: PeerNode;
  /** The only end of an edge that the name fits: hooks are on what a module reads or on what it writes. null: either. */
  readonly side: EdgeSide | null;
}

/** Dialects that names can be written in. AutoCircuit's names are our own. */
export type PeerDialect = 'eap-ig' | 'transformer-lens' | 'shorthand';

type Groups = Readonly<Record<string, string | undefined>>;
interface Pattern {
  readonly pattern: RegExp;
  readonly read: (groups: Groups) => PeerName;
}

/** The index of a head after a hook's name: `.9`, `[9]`, or as in slices of activations `[:, :, 9]`. */
const INDEX = String.raw`(?:\.(?<dotted>\d+)|\[(?:[^\]]*,)?\s*(?<indexed>\d+)\s*\])`;

const PATTERNS: readonly Pattern[] = [
  {
    // EAP-IG and MIB; AutoCircuit; TransformerLens
    pattern: /^(?:input|resid start|hook_embed|blocks\.0\.hook_resid_pre)$/i,
    read: () => ({ node: { kind: 'start' }, side: 'source' }),
  },
  {
    pattern: /^(?:logits|resid end)$/i,
    read: () => ({ node: { kind: 'end' }, side: 'destination' }),
  },
  {
    // EAP-IG `a9.h9<q>`; AutoCircuit `A9.9.Q`; shorthand `L9H9`, `L9H9.Q`, `9.9`
    pattern: /^[al]?(?<layer>\d+)(?:\.h?|h)(?<head>\d+)(?:\.(?<after>[qkv])|<(?<inside>[qkv])>)?$/i,
    read: ({ layer, head, after, inside }) => headName(layer, head, after ?? inside),
  },
  {
    // EAP-IG `m3`; AutoCircuit `MLP 3`; shorthand `MLP3`
    pattern: /^(?:mlp ?|m)(?<layer>\d+)$/i,
    read: ({ layer }) => ({ node: { kind: 'mlp', layer: Number(layer) }, side: null }),
  },
  {
    // AutoCircuit's residual graph
    pattern: /^resid (?<place>mid|post) (?<layer>\d+)$/i,
    read: ({ place, layer }) => ({ node: { kind: middle(place), layer: Number(layer) }, side: null }),
  },
  {
    pattern: new RegExp(String.raw`^blocks\.(?<layer>\d+)\.attn\.hook_(?:z|result)${INDEX}$`),
    read: ({ layer, dotted, indexed }) => ({ ...headName(layer, dotted ?? indexed), side: 'source' }),
  },
  {
    pattern: new RegExp(String.raw`^blocks\.(?<layer>\d+)\.hook_(?:attn_in|(?<input>[qkv])_input)${INDEX}$`),
    read: ({ layer, input, dotted, indexed }) => ({
      ...headName(layer, dotted ?? indexed, input),
      side: 'destination',
    }),
  },
  {
    pattern: /^blocks\.(?<layer>\d+)\.hook_mlp_(?<end>in|out)$/,
    read: ({ layer, end }) => ({
      node: { kind: 'mlp', layer: Number(layer) },
      side: end === 'in' ? 'destination' : 'source',
    }),
  },
  {
    // what a block reads is what the one before it left (that of block 0 is above)
    pattern: /^blocks\.(?<layer>\d+)\.hook_resid_(?<place>pre|mid|post)$/,
    read: ({ layer, place }) => ({
      node: { kind: middle(place), layer: Number(layer) - (place === 'pre' ? 1 : 0) },
      side: null,
    }),
  },
];

const middle = (place: string | undefined): 'mid' | 'post' => (place?.toLowerCase() === 'mid' ? 'mid' : 'post');

function headName(layer: string | undefined, head: string | undefined, input?: string): PeerName {
  const read = input === undefined ? null : HEAD_INPUTS.find((one) => one === input.toLowerCase())!;
  return {
    node: { kind: 'head', layer: Number(layer), head: Number(head), input: read },
    side: read === null ? null : 'destination',
  };
}

/** In the order of a head's destination nodes. */
export const HEAD_INPUTS: readonly HeadInput[] = ['q', 'k', 'v'];

/** What the name of a node means in any of the dialects, ours among them; null where none has such a name. */
export function readPeerName(name: string): PeerName | null {
  for (const { pattern, read } of PATTERNS) {
    const match = pattern.exec(name);
    if (match) return read(match.groups ?? {});
  }
  return null;
}

/**
 * The names that a node can have in a graph of ours: `A9.9` or `A9.9.Q`; the stream after the last block is `Resid End`.
 * @param layers of the model
 */
export function ownName(node: PeerNode, layers: number): string {
  switch (node.kind) {
    case 'start':
      return 'Resid Start';
    case 'end':
      return 'Resid End';
    case 'head':
      return `A${node.layer}.${node.head}${node.input === null ? '' : `.${node.input.toUpperCase()}`}`;
    case 'mlp':
      return `MLP ${node.layer}`;
    case 'mid':
      return `Resid Mid ${node.layer}`;
    case 'post':
      return node.layer === layers - 1 ? 'Resid End' : `Resid Post ${node.layer}`;
  }
}

/**
 * The name of a node in another tool.
 * @param name ours
 * @param side hooks differ by whether a module reads or writes; other dialects have one name for both
 * @param layers of the model: the hook of the output is named by the last layer
 * @returns null where the tool has no such node: latents, KV heads, in EAP-IG and the shorthand the residual stream
 */
export function peerName(name: string, dialect: PeerDialect, side: EdgeSide, layers: number): string | null {
  const read = readPeerName(name);
  if (read === null || (read.side !== null && read.side !== side)) return null;
  return WRITERS[dialect](read.node, side, layers);
}

type Writer = (node: PeerNode, side: EdgeSide, layers: number) => string | null;
const WRITERS: Readonly<Record<PeerDialect, Writer>> = {
  'eap-ig': (node) => {
    if (node.kind === 'head') return `a${node.layer}.h${node.head}${node.input === null ? '' : `<${node.input}>`}`;
    if (node.kind === 'mlp') return `m${node.layer}`;
    return node.kind === 'start' ? 'input' : node.kind === 'end' ? 'logits' : null;
  },
  'transformer-lens': (node, side, layers) => {
    if (node.kind === 'start') return 'blocks.0.hook_resid_pre';
    if (node.kind === 'end') return `blocks.${layers - 1}.hook_resid_post`;
    const block = `blocks.${node.layer}`;
    if (node.kind === 'mlp') return `${block}.hook_mlp_${side === 'source' ? 'out' : 'in'}`;
    if (node.kind !== 'head') return `${block}.hook_resid_${node.kind}`;
    if (side === 'source') return `${block}.attn.hook_result[${node.head}]`;
    return `${block}.hook_${node.input === null ? 'attn_in' : `${node.input}_input`}[${node.head}]`;
  },
  shorthand: (node) => {
    if (node.kind === 'head')
      return `L${node.layer}H${node.head}${node.input === null ? '' : `.${node.input.toUpperCase()}`}`;
    if (node.kind === 'mlp') return `MLP${node.layer}`;
    return node.kind === 'start' ? 'input' : node.kind === 'end' ? 'logits' : null;
  },
};
