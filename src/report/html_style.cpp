// How the page looks: fonts of the system, few colours, those of each status with a contrast of at least 4.5 to 1 in
// light and dark. What is too wide scrolls in its box, so that the page never does.
#include "html_parts.hpp"

namespace fanout::report {

Markup html_style() {
  return R"css(:root {
  color-scheme: light dark;
  --page: #fff; --box: #f6f7f9; --edge: #d9dde3; --text: #1b1f26; --quiet: #56606d;
  --ok: #1b7a4b; --failed: #c02626; --timeout: #9a5700; --unreached: #7040b8;
  --interrupted: #4b5f78; --internal: #a3186d; --skipped: #646b75;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171c; --box: #1c2027; --edge: #363d48; --text: #e4e7ec; --quiet: #a2abb8;
    --ok: #4fc285; --failed: #ff7f78; --timeout: #e8a54a; --unreached: #bb9cf7;
    --interrupted: #9db3cd; --internal: #f584c2; --skipped: #a3abb6;
  }
}
.ok { --tone: var(--ok) } .failed { --tone: var(--failed) } .timeout { --tone: var(--timeout) }
.unreached { --tone: var(--unreached) } .interrupted { --tone: var(--interrupted) }
.internal { --tone: var(--internal) } .skipped { --tone: var(--skipped) }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif }
main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1, h2, h3, p, ul, dl, dd { margin: 0; padding: 0 }
h1, pre, .command, .names, .id, th[scope=row], .labels {
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
h1 { font-size: 1.35rem; line-height: 1.35; font-weight: 600; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 10rem; overflow-y: auto }
h2 { font-size: 1.1rem; font-weight: 600; margin-bottom: .6rem }
h3 { font-size: .95rem; font-weight: 600; margin: 1rem 0 .4rem; color: var(--quiet) }
section { margin-top: 2.5rem }
small { display: block; color: var(--quiet); font-size: .8rem; font-weight: 400 }
.what, .who, .note { color: var(--quiet); font-size: .9rem }
.note { margin-top: .4rem; overflow-wrap: anywhere }
.tiles { list-style: none; display: grid; gap: .75rem; margin-top: 1.5rem;
  grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)) }
.tiles li { background: var(--box); border: 1px solid var(--edge); border-radius: 6px;
  border-top: 3px solid var(--tone, var(--edge)); padding: .6rem .9rem .7rem; color: var(--quiet);
  font-size: .9rem }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.3; font-weight: 600;
  color: var(--tone, var(--text)); font-variant-numeric: tabular-nums; white-space: nowrap }
.tiles .time b { font-size: 1.2rem; line-height: 2.08rem }
.box { overflow: auto; border: 1px solid var(--edge); border-radius: 6px }
.box.long { max-height: 40rem; content-visibility: auto; contain-intrinsic-size: auto 40rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem;
  border-bottom: 1px solid var(--edge); font-weight: 400 }
tbody tr:last-child > * { border-bottom: 0 }
thead th { position: sticky; top: 0; background: var(--box); color: var(--quiet);
  font-size: .8rem; font-weight: 600; white-space: nowrap }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
th[scope=row], .command { font-size: .85rem } .command, .moment { white-space: nowrap }
th[scope=row] { overflow-wrap: anywhere }
.box.long table { table-layout: fixed; min-width: 44rem }
.long th:nth-child(1) { width: 28% } .long th:nth-child(2) { width: 8.5rem }
.long th:nth-child(3), .long th:nth-child(4), .long th:nth-child(5) { width: 5.5rem }
td.command { max-width: 24rem; overflow: hidden; text-overflow: ellipsis }
.cause { overflow-wrap: anywhere }
td.cause { min-width: 14rem }
.reasons { list-style: none; border: 1px solid var(--edge); border-radius: 6px }
.reasons li { padding: .55rem .75rem; border-bottom: 1px solid var(--edge) }
.reasons li:last-child { border-bottom: 0 }
.reasons p { overflow-wrap: anywhere }
.reasons p:first-child { display: grid; grid-template-columns: auto 1fr; gap: 0 .75rem }
.reasons b { font-weight: 600; font-variant-numeric: tabular-nums }
.reasons .cause { grid-column: 1 / -1 }
.reasons .names { max-height: 4.6em; overflow: auto; font-size: .82rem; color: var(--quiet) }
@media (min-width: 40rem) {
  .reasons p:first-child { grid-template-columns: 8.5rem 6.5rem 1fr }
  .reasons .cause { grid-column: auto }
  .reasons .names { margin-left: 9.25rem }
}
.id { font-size: .8rem; white-space: nowrap }
.chip { color: var(--tone); font-weight: 600; white-space: nowrap }
.chip::before { content: "\2715\00a0" }
.chip.ok::before { content: "\2713\00a0" }
.chip.skipped::before { content: "\2013\00a0" }
svg { display: block; overflow: visible }
svg text { fill: var(--text); font-size: 12px; dominant-baseline: central }
.middle { text-anchor: middle } .end { text-anchor: end } .start { text-anchor: start }
.timeline { display: grid; grid-template-columns: minmax(4.5rem, 24%) 1fr; gap: .75rem;
  margin-top: .75rem }
@media (min-width: 60rem) { .timeline { grid-template-columns: 11rem 1fr } }
.labels { overflow: hidden } .labels svg text { font-size: 11.5px }
.bars { min-width: 0; border-bottom: 1px solid var(--edge) }
.axis line { stroke: var(--edge) }
.axis text { fill: var(--quiet); dominant-baseline: auto; font-variant-numeric: tabular-nums }
.break { fill: var(--edge); opacity: .5 }
.one { fill: var(--tone); opacity: .3 }
.two { fill: var(--tone); opacity: .45 }
.three { fill: var(--tone) }
.doubt { fill: none; stroke: var(--tone); stroke-dasharray: 4 3 }
.never { fill: var(--tone); opacity: .18 }
.again { stroke: var(--text); stroke-width: 1.5 }
.beside { fill: var(--tone); font-size: 11px; font-weight: 600; transform: translateX(6px) }
.beside.left { text-anchor: end; transform: translateX(-6px) }
.within { fill: var(--page); font-size: 11px; font-weight: 600; text-anchor: end;
  transform: translateX(-6px) }
.within.shade { fill: var(--text); background: none }
.mark { fill: var(--tone) }
.hatched { fill: url(#hatch) } .stripe { fill: var(--page) }
.shade, .key { display: inline-block; width: 1.4em; height: .8em; margin: 0 .15em 0 .5em;
  border: 1px solid transparent }
.shade { background: var(--quiet) } .shade.three { opacity: 1 }
.key { background: var(--tone) }
.key.hatched { background: repeating-linear-gradient(-45deg, var(--page) 0 1px, var(--tone) 1px 4px) }
.facts { display: flex; flex-wrap: wrap; gap: .25rem 2rem; margin-bottom: 1rem; font-size: .9rem }
.facts div { display: flex; gap: .5rem }
.facts dt { color: var(--quiet) }
.facts dd { font-weight: 600; font-variant-numeric: tabular-nums }
.histogram { max-width: 46rem }
.histogram .ok, .histogram .failed { fill: var(--tone) }
.histogram text { font-variant-numeric: tabular-nums }
.histogram .base { stroke: var(--quiet) }
details { border: 1px solid var(--edge); border-radius: 6px; margin-top: .5rem; overflow: hidden }
summary { cursor: pointer; padding: .45rem .75rem; background: var(--box); font-size: .9rem;
  overflow-wrap: anywhere }
summary .names { font-size: .85rem; margin: 0 .5rem }
summary .size { color: var(--quiet) }
summary .number { font-weight: 600 }
details p { padding: .2rem .75rem .5rem }
.names.all { max-height: 8rem; overflow: auto; overflow-wrap: anywhere; font-size: .8rem;
  color: var(--quiet); padding-top: .5rem }
pre { margin: 0; padding: .6rem .75rem; max-height: 30rem; overflow: auto; font-size: .82rem;
  line-height: 1.45; tab-size: 8 }
:focus-visible { outline: 2px solid var(--unreached); outline-offset: 2px }
@media (max-width: 44rem) {
  .box.long thead { position: absolute; clip-path: inset(50%) }
  .box.long table { min-width: 0 }
  .box.long table, .box.long tbody { display: block }
  .box.long tr { display: grid; grid-template-columns: 1fr auto auto; gap: 0 .75rem;
    padding: .5rem .75rem; border-bottom: 1px solid var(--edge) }
  .box.long tr > * { padding: 0; border: 0; width: auto }
  .long td:empty, .long td:nth-child(3), .long td:nth-child(5) { display: none }
  .long td:nth-child(4)::after { content: " s" }
  .box.long td.cause { grid-column: 1 / -1; min-width: 0; color: var(--quiet) }
}
@media (max-width: 30rem) {
  main { padding: 1.25rem 1rem 3rem }
  h1 { font-size: 1.1rem }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: .5rem }
  .tiles b { font-size: 1.3rem } .tiles .time b { font-size: 1.1rem; line-height: 1.69rem }
}
@media print {
  main { max-width: none; padding: 0 }
  .box.long, pre, .names.all, h1 { max-height: none }
  .box.long { content-visibility: visible }
  pre { white-space: pre-wrap; overflow-wrap: anywhere }
  section, tr, details { break-inside: avoid-page }
  #hosts, #output { break-inside: auto }
  rect, .tiles li, .shade, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact }
}
)css";
}

}  // namespace fanout::report
