/** @file The style of the report: system fonts, light and dark, one column on a phone. Blue supports the answer, red works against it. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1c2024;--soft:#60676f;--line:#e3e5e8;--faint:#c9cdd2;--blue:#1f6fd1;--red:#d0413a;--accent:#1f6fd1;--tint:#1f6fd114}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1b1f23;--ink:#e8eaec;--soft:#9aa3ac;--line:#2c3238;--faint:#434b53;--blue:#5aa2ff;--red:#ff7a70;--accent:#5aa2ff;--tint:#5aa2ff1c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:1.55rem;line-height:1.25;margin:0 0 4px;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:0 0 12px;font-weight:620}
p{margin:0 0 8px}.lead{color:var(--soft);overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin-top:18px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin-top:20px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 16px}
.tile b{display:block;font-size:1.5rem;font-weight:640;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:.85rem}
.controls{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;margin-bottom:8px}
.controls label{flex:1 1 260px;display:flex;gap:12px;align-items:center;color:var(--soft)}
.controls input{flex:1;min-width:120px;height:28px;accent-color:var(--accent)}
output{font-variant-numeric:tabular-nums;color:var(--ink);min-width:9ch}
button{font:inherit;color:var(--ink);background:none;border:1px solid var(--line);border-radius:8px;padding:3px 12px;cursor:pointer;min-height:32px}
button:hover{border-color:var(--faint)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:.85rem;margin:6px 0 0}
.legend i{display:inline-block;width:22px;height:0;border-top:3px solid;vertical-align:middle;margin-right:7px}
.legend .pos i{border-color:var(--blue)}.legend .neg i{border-color:var(--red)}
.scroll{overflow-x:auto}
#circuit{display:block;margin:0 auto;max-width:100%;height:auto}
#circuit .row{fill:var(--soft);font-size:11px}
#circuit .edge{fill:none;stroke-opacity:.62}
#circuit .pos{stroke:var(--blue)}#circuit .neg{stroke:var(--red)}
#circuit .node rect{fill:var(--faint);fill-opacity:.45;transition:fill .1s}
#circuit .node text{display:none;fill:var(--ink);font-size:10.5px;font-weight:560;text-anchor:middle;pointer-events:none}
#circuit .node.on rect{fill:var(--card);fill-opacity:1;stroke:var(--ink);stroke-width:1.2}
#circuit .node.on text{display:block}
#circuit .node.on{cursor:pointer}
#circuit .node:focus{outline:none}
#circuit .node:focus-visible rect{stroke:var(--accent);stroke-width:2.5}
#circuit.picked .edge{stroke-opacity:.07}#circuit.picked .edge.of{stroke-opacity:.9}
.curves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:18px 26px}
figure{margin:0}.curve-figure svg{width:100%;height:auto;display:block}
figcaption{font-weight:560;font-size:.92rem}.unit{color:var(--soft);font-weight:400}
.grid{stroke:var(--line)}.tick,.axis,.level-label{fill:var(--soft);font-size:11px}
.curve{fill:none;stroke:var(--accent);stroke-width:1.8}.dot{fill:var(--accent)}.kept-dot{fill:var(--card);stroke:var(--accent);stroke-width:2.4}
.error{stroke:var(--accent);stroke-opacity:.4}.level{stroke:var(--soft);stroke-dasharray:4 4}.kept{stroke:var(--faint);stroke-dasharray:2 3}.band{fill:var(--tint)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:560;color:var(--soft);font-size:.85rem}
td,th{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right}td.pos{color:var(--blue)}td.neg{color:var(--red)}
.edges{max-height:420px;overflow:auto}.edges thead th{position:sticky;top:0;background:var(--card)}
.bar{display:inline-block;height:8px;border-radius:2px;background:currentColor;opacity:.75}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:5px 20px;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:560px){main{padding:18px 12px 40px}section{padding:14px}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}.wide{display:none}}
@media print{section,.tile{break-inside:avoid}.controls{display:none}.edges{max-height:none}}
`;
