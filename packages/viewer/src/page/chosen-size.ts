/** @file Heat maps that are known at several numbers of edges, of which a slider shows one. */
import { cellOpacity, cellText, type SizedMap } from '../charts/heat-cell.js';
import { edgesText } from '../markup/text.js';

/** Connects the sliders of heat maps. */
export function startChosenSizes(): void {
  for (const group of document.querySelectorAll<HTMLElement>('[data-maps]')) startOne(group);
}

function startOne(group: HTMLElement): void {
  const slider = group.querySelector<HTMLInputElement>('input[type=range]');
  const output = group.querySelector('output');
  if (!slider || !output) return;
  const maps = JSON.parse(group.dataset.maps ?? '[]') as readonly SizedMap[];
  const cells = [...group.querySelectorAll<SVGRectElement>('.cell')];
  const show = (): void => {
    const map = maps[slider.valueAsNumber];
    if (!map) return;
    cells.forEach((cell, i) => {
      const value = map.values[i] ?? 0;
      cell.setAttribute('fill-opacity', cellOpacity(value));
      const title = cell.querySelector('title');
      if (title) title.textContent = (title.textContent ?? '').replace(/[\d.]+$/, cellText(value, false));
      const number = cell.parentElement?.querySelector('.cell-number');
      if (number) number.textContent = cellText(value, number.textContent!.length < 4);
    });
    const words = `strongest ${edgesText(map.edges)}`;
    output.textContent = words;
    slider.setAttribute('aria-valuetext', words);
  };
  slider.addEventListener('input', show);
  show();
}
