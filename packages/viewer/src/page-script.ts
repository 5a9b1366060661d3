/**
 * @file The script of the page: the slider draws the first so many edges; choosing a node shows only its own. The drawing
 * without script shows the circuit that was kept, so nothing is lost where scripts are off.
 */
export const PAGE_SCRIPT = `
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const svg = document.getElementById('circuit');
  const layer = svg.querySelector('.edges-layer');
  const slider = document.getElementById('size');
  const shown = document.getElementById('shown');
  const nodes = [...svg.querySelectorAll('.node')];
  let picked = null;

  // One element for each edge, made when first needed and then only shown or hidden.
  const made = [...layer.children];
  const make = (i) => {
    const [from, to, name, score, width, sign] = data.edges[i];
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', curve(data.nodes[from], data.nodes[to]));
    path.setAttribute('class', 'edge ' + (sign > 0 ? 'pos' : 'neg'));
    path.setAttribute('stroke-width', width);
    const title = document.createElementNS('http://www.w3.org/2000/svg', 'title');
    title.textContent = name + ': ' + score;
    path.append(title);
    return path;
  };
  const curve = (a, b) => {
    const rise = a.y - b.y;
    const bow = Math.abs(a.x - b.x) < 1 && rise > 60 ? Math.min(34, rise / 6) : 0;
    const r = (v) => Math.round(v * 10) / 10;
    return 'M' + a.x + ' ' + r(a.y - 8) + 'C' + r(a.x + bow) + ' ' + r(a.y - 8 - rise * 0.45) + ' ' + r(b.x + bow) + ' ' + r(b.y + 8 + rise * 0.45) + ' ' + b.x + ' ' + r(b.y + 8);
  };
  const draw = () => {
    const n = data.stops[Number(slider.value)];
    while (made.length < n) { const path = make(made.length); made.push(path); layer.append(path); }
    const on = new Set();
    made.forEach((path, i) => {
      path.style.display = i < n ? '' : 'none';
      const [from, to] = data.edges[i];
      path.classList.toggle('of', picked === from || picked === to);
      if (i < n) { on.add(from); on.add(to); }
    });
    svg.classList.toggle('picked', picked !== null && on.has(picked));
    nodes.forEach((node, i) => {
      node.classList.toggle('on', on.has(i));
      if (on.has(i)) node.setAttribute('tabindex', '0'); else node.removeAttribute('tabindex');
    });
    const words = n + (n === 1 ? ' edge' : ' edges');
    shown.textContent = words;
    slider.setAttribute('aria-valuetext', words);
  };
  slider.addEventListener('input', draw);
  document.getElementById('kept').addEventListener('click', () => { slider.value = data.start; picked = null; draw(); });
  nodes.forEach((node, i) => {
    const pick = () => { picked = picked === i ? null : i; draw(); };
    node.addEventListener('click', pick);
    node.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); pick(); } });
  });
  document.addEventListener('keydown', (event) => { if (event.key === 'Escape') { picked = null; draw(); } });
  draw();
})();
`;
