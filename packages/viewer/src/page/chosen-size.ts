/** @file Heat maps for several numbers of edges, of which a slider shows one. */

export function startChosenSizes(): void {
  for (const group of document.querySelectorAll<HTMLElement>('.by-size')) {
    const slider = group.querySelector<HTMLInputElement>('input[type=range]');
    const output = group.querySelector('output');
    const maps = [...group.querySelectorAll<HTMLElement>('[data-size]')];
    if (!slider || !output) continue;
    const show = (): void => {
      maps.forEach((map, i) => {
        map.hidden = i !== slider.valueAsNumber;
      });
      const words = maps[slider.valueAsNumber]?.dataset.size ?? '';
      output.textContent = words;
      slider.setAttribute('aria-valuetext', words);
    };
    slider.closest<HTMLElement>('.controls')!.hidden = false;
    slider.addEventListener('input', show);
    show();
  }
}
