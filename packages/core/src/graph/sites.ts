/**
 * @file Sites: the places of a model where something reads the residual stream or writes to it. A site is plain data; its text
 * (`L3.attn`) is what a trace names it by, what files hold, and the key of maps. Nothing else takes that text apart.
 */

/** What stands at a site of a layer: attention, the MLP, or the residual stream after one of them. */
export type LayerSiteKind = 'attn' | 'mlp' | 'mid' | 'post';

/** A place in one layer: `L3.attn`, `L3.mlp`, and the residual stream after them, `L3.mid` and `L3.post`. */
export interface LayerSite {
  readonly kind: LayerSiteKind;
  /** Of the model, from 0; not the layer of a graph's block, which counts reads and writes. */
  readonly layer: number;
  /** Whether it is where an autoencoder's latents are written, before what they leave: `L3.mlp.latents`. */
  readonly latents: boolean;
}

/** Where the input enters the residual stream (`start`), where it is read at the end (`end`), or a place in a layer. */
export type Site = { readonly kind: 'start' } | { readonly kind: 'end' } | LayerSite;

/** Where the embedding writes. */
export const START_SITE = Object.freeze({ kind: 'start' }) satisfies Site;
/** Where the unembedding reads. */
export const END_SITE = Object.freeze({ kind: 'end' }) satisfies Site;

/** A place in a layer, without latents. */
export const layerSite = (layer: number, kind: LayerSiteKind): LayerSite =>
  Object.freeze({ kind, layer, latents: false });

/** The layer of a site in the model; null for the start and the end. */
export const layerOf = (site: Site): number | null => ('layer' in site ? site.layer : null);

/** Whether autoencoder latents are written at a site. */
export const isLatentSite = (site: Site): boolean => 'latents' in site && site.latents;

/** Where the latents that stand for what is written at a site are written. */
export const latentsOf = (site: LayerSite): LayerSite => Object.freeze({ ...site, latents: true });

/** The site whose output latents stand for, where they are written; any other site itself. */
export const withoutLatents = (site: Site): Site =>
  'latents' in site && site.latents ? Object.freeze({ ...site, latents: false }) : site;

/** `start`, `end`, `L3.attn`, `L3.mlp.latents`. */
export function siteText(site: Site): string {
  if (site.kind === 'start' || site.kind === 'end') return site.kind;
  return `L${site.layer}.${site.kind}${site.latents ? '.latents' : ''}`;
}

const LAYER_SITE = /^L(0|[1-9]\d*)\.(attn|mlp|mid|post)(\.latents)?$/;

/** The site of a text, at the border where a trace or a file names one; null for a text that names none. */
export function parseSite(text: string): Site | null {
  if (text === 'start') return START_SITE;
  if (text === 'end') return END_SITE;
  const [, layer, kind, latents] = LAYER_SITE.exec(text) ?? [];
  return kind === undefined
    ? null
    : Object.freeze({ kind: kind as LayerSiteKind, layer: Number(layer), latents: latents !== undefined });
}

/** The text of the site where the latents of a site are written: `L3.mlp` → `L3.mlp.latents`. */
export const latentSite = (site: string): string => `${site}.latents`;
