/** @file Saves a drawing or a chart as an SVG or a PNG file, looking as it does on the page. */

import type { CircuitData } from '../drawing/circuit-data.js';
import { legendGroup } from '../drawing/legend.js';

/** The properties that make SVG elements look as they do; all others are the same everywhere. */
const PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'opacity',
  'display',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'paint-order',
  'stroke-linejoin',
] as const;
const PNG_SCALE = 2;
/** A narrower drawing is saved so wide, so that its legend has room. */
const LEGEND_WIDTH = 420;

/** The text of an SVG file: styles of the page are written into the elements. */
export function svgText(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const { x, y, width, height } = svg.viewBox.baseVal;
  for (const name of ['class', 'style', 'id', 'tabindex']) copy.removeAttribute(name);
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', `${width}`);
  copy.setAttribute('height', `${height}`);
  // A file is not scrolled: names of rows stand at their margin.
  const rows = copy.querySelector('.rows');
  rows?.removeAttribute('transform');
  const margin = rows?.querySelector('.margin');
  const originals = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((element, i) => {
    writeStyle(originals[i]!, element);
  });
  margin?.remove();
  for (const hidden of copy.querySelectorAll('[display="none"]')) hidden.remove();
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  ground.setAttribute('x', `${x}`);
  ground.setAttribute('y', `${y}`);
  ground.setAttribute('width', '100%');
  ground.setAttribute('height', '100%');
  ground.setAttribute('fill', getComputedStyle(document.documentElement).getPropertyValue('--card').trim());
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

function writeStyle(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  const parent = from.parentElement && getComputedStyle(from.parentElement);
  for (const property of PROPERTIES) {
    const value = style.getPropertyValue(property);
    const inherited = property !== 'opacity' && property !== 'display';
    if (inherited && parent && from.parentElement?.tagName !== 'svg' && parent.getPropertyValue(property) === value)
      continue;
    to.setAttribute(property, value);
  }
  for (const name of ['class', 'style', 'tabindex', 'data-key', 'role']) to.removeAttribute(name);
}

/** A drawing with its legend below it, for as long as `save` takes. */
export async function withLegend(
  svg: SVGSVGElement,
  data: CircuitData,
  save: (svg: SVGSVGElement) => unknown,
): Promise<void> {
  const { width, height } = svg.viewBox.baseVal;
  const viewBox = svg.getAttribute('viewBox')!;
  const wide = Math.max(width, LEGEND_WIDTH);
  const legend = legendGroup(data, wide, height);
  const group = document.createElementNS('http://www.w3.org/2000/svg', 'g');
  group.innerHTML = legend.svg;
  svg.append(group);
  svg.setAttribute('viewBox', `${(width - wide) / 2} 0 ${wide} ${height + legend.height}`);
  group.setAttribute('transform', `translate(${(width - wide) / 2} 0)`);
  try {
    await save(svg);
  } finally {
    group.remove();
    svg.setAttribute('viewBox', viewBox);
  }
}

/** Saves as an SVG file. @param name without an ending */
export function saveSvg(svg: SVGSVGElement, name: string): void {
  save(new Blob([svgText(svg)], { type: 'image/svg+xml' }), `${name}.svg`);
}

/** Saves as a PNG file. @param name without an ending @throws Error when the browser cannot make so large a picture */
export async function savePng(svg: SVGSVGElement, name: string): Promise<void> {
  const image = new Image();
  const { width, height } = svg.viewBox.baseVal;
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(svg))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil(width * PNG_SCALE);
  canvas.height = Math.ceil(height * PNG_SCALE);
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw new Error(`a picture of ${canvas.width} × ${canvas.height} pixels is too large for this browser`);
  save(blob, `${name}.png`);
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Two small buttons at each chart; those of the circuit are in its controls. */
export function addExportButtons(): void {
  for (const figure of document.querySelectorAll('figure.chart')) {
    const svg = figure.querySelector('svg');
    const caption = figure.querySelector('figcaption');
    if (!svg || !caption) continue;
    const name = fileName(caption.textContent ?? 'figure');
    const buttons = document.createElement('span');
    buttons.className = 'save';
    buttons.append(
      button('SVG', `Save ${name} as SVG`, () => saveSvg(svg, name)),
      button('PNG', `Save ${name} as PNG`, () => savePng(svg, name)),
    );
    caption.append(buttons);
  }
}

/** A text as a file name. */
export const fileName = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60) || 'figure';

function button(text: string, label: string, act: () => unknown): HTMLButtonElement {
  const element = document.createElement('button');
  element.type = 'button';
  element.textContent = text;
  element.setAttribute('aria-label', label);
  element.addEventListener('click', act);
  return element;
}
