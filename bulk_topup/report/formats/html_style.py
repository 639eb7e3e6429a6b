"""The style sheet of the HTML report: screens of any width, light or dark, and paper; pure text."""

from typing import Final

from bulk_topup.report.formats.html_parts import Html

#: Colours are named by their meaning: good, open, bad.
STYLE: Final = Html("""
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --line: #e2e5ea; --text: #1b1f24; --quiet: #5b6470; --code: #eef0f3;
  --good: #1a7f4b; --open: #a86400; --bad: #b8302a;
  --good-wash: #e7f5ed; --open-wash: #fdf3e0; --bad-wash: #fcebea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --card: #1d2126; --line: #333941; --text: #e8eaed; --quiet: #a0a8b3; --code: #2a3037;
    --good: #55c98b; --open: #e8ad4f; --bad: #f0837c;
    --good-wash: #17301f; --open-wash: #33270f; --bad-wash: #3a1d1b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Helvetica, Arial, sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 40px; }
header p { margin: 0 0 6px; color: var(--quiet); }
h1 { margin: 2px 0 4px; font-size: 27px; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 0 0 12px; font-size: 17px; }
section { margin-top: 18px; padding: 18px 20px; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
code { padding: 1px 5px; border-radius: 4px; background: var(--code); overflow-wrap: anywhere;
  font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.quiet { color: var(--quiet); }
.small { font-size: 13px; }
.tag { display: inline-block; padding: 1px 9px; border-radius: 20px; font-size: 13px; font-weight: 600;
  border: 1px solid currentColor; white-space: nowrap; }
.good { color: var(--good); } .open { color: var(--open); } .bad { color: var(--bad); }
.verdict { border-left: 6px solid currentColor; }
.verdict.good { background: var(--good-wash); } .verdict.open { background: var(--open-wash); }
.verdict.bad { background: var(--bad-wash); }
.verdict h2 { margin: 0; font-size: 20px; }
.verdict p { margin: 4px 0 0; color: var(--text); }
.bar { display: block; width: 100%; height: 14px; margin: 14px 0 10px; border-radius: 7px; background: var(--line);
  overflow: hidden; }
.bar rect { fill: currentColor; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0; padding: 0; list-style: none; }
.legend span { color: var(--text); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin-top: 18px; }
.tile { padding: 14px 18px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile p { margin: 0; color: var(--quiet); font-size: 13px; }
.tile b { display: block; font-size: 22px; line-height: 1.35; color: var(--text); overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
ol { margin: 0; padding-left: 22px; } ol li { margin: 5px 0; }
.fact { overflow-wrap: anywhere; } .fact + .fact::before { content: "  ·  "; white-space: pre; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-size: 13px; font-weight: 600; color: var(--quiet); }
th, td { padding: 8px 14px 8px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child td { border-bottom: 0; }
td { overflow-wrap: anywhere; }
th.number, td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.state { white-space: nowrap; font-weight: 600; }
td.whole { white-space: nowrap; }
.cells { display: block; margin-top: 2px; }
summary { cursor: pointer; font-weight: 600; }
summary + table { margin-top: 10px; }
footer { margin-top: 22px; color: var(--quiet); font-size: 13px; }
@media (max-width: 640px) {
  main { padding: 16px 12px 32px; }
  section { padding: 14px; }
  h1 { font-size: 22px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: 12px 14px; } .tile b { font-size: 18px; }
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  tr { padding: 10px 0; border-bottom: 1px solid var(--line); }
  tbody tr:last-child { border-bottom: 0; }
  td { display: grid; grid-template-columns: 96px 1fr; gap: 10px; padding: 2px 0; border: 0; text-align: left; }
  td::before { content: attr(data-label); color: var(--quiet); font-size: 13px; font-weight: 400; }
  td:empty { display: none; }
  td.number, td.state, td.whole { text-align: left; white-space: normal; }
  .cells { grid-column: 2; }
}
@media print {
  :root { color-scheme: light;
    --page: #fff; --card: #fff; --line: #ccc; --text: #000; --quiet: #444; --code: #eee;
    --good: #1a7f4b; --open: #a86400; --bad: #b8302a;
    --good-wash: #fff; --open-wash: #fff; --bad-wash: #fff; }
  body { font-size: 11px; }
  h1 { font-size: 20px; } h2 { font-size: 13px; } .verdict h2 { font-size: 15px; } .tile b { font-size: 14px; }
  section, .tile { margin-top: 10px; padding: 10px 14px; }
  th, .small, .tile p, .tag { font-size: 10px; } th, td { padding-top: 4px; padding-bottom: 4px; }
  main { max-width: none; padding: 0; }
  section, .tile { break-inside: avoid; border-radius: 0; }
  .tile { margin-top: 0; }
  section.long { break-inside: auto; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  section:has(> details:not([open])) { display: none; }
}
""")
