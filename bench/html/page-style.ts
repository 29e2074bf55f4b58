// The style sheet of report pages. Colours come in pairs for light and dark; lines have dashes too,
// so that nobody needs to tell colours apart.

export const PAGE_STYLE = `:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1c2126; --faint: #59636e; --rule: #d5dbe1; --band: #f4f6f8;
  --s0: #0b62c4; --s1: #b3470e; --s2: #1b7a3d; --s3: #8a2fb0; --s4: #946200; --s5: #b01f5f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181c; --text: #e4e8ec; --faint: #a0abb6; --rule: #38414a; --band: #1d2329;
    --s0: #6cb2ff; --s1: #ff9e5e; --s2: #66d48a; --s3: #d59cf5; --s4: #e5c04d; --s5: #ff8ab8;
  }
}
body {
  margin: 0 auto; max-width: 70rem; padding: 1.5rem;
  background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif;
}
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--rule); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 1rem; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
caption { text-align: left; color: var(--faint); }
th, td { padding: 0.2rem 0.7rem; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
thead th { border-bottom: 2px solid var(--rule); }
tbody tr:nth-child(even) { background: var(--band); }
.bad { color: var(--s1); font-weight: bold; }
figure { margin: 1.5rem 0; }
figure svg { width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 12px; }
svg .x { text-anchor: middle; }
svg .y { text-anchor: end; }
svg .name { fill: var(--text); }
.grid { stroke: var(--rule); stroke-width: 1; }
.line { fill: none; stroke: currentColor; stroke-width: 2; }
.dot circle { fill: currentColor; }
.s0 { color: var(--s0); }
.s1 { color: var(--s1); stroke-dasharray: 8 3; }
.s2 { color: var(--s2); stroke-dasharray: 3 3; }
.s3 { color: var(--s3); stroke-dasharray: 10 3 2 3; }
.s4 { color: var(--s4); stroke-dasharray: 14 4; }
.s5 { color: var(--s5); stroke-dasharray: 2 5; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.5rem; padding: 0; list-style: none; }
figure .swatch { width: 30px; height: 12px; margin-right: 0.5rem; }
`;
