#include "gradus/cli/report_style.h"

namespace gradus {

const char* const report_style = R"css(
:root { color-scheme: light dark; --page: #f5f6f8; --card: #ffffff; --ink: #1d2330; --soft: #5d6678; --line: #dfe3ea;
  --s0: #2f6fde; --s1: #e07b24; --s2: #3a9a5b; --good: #2f8f57; --bad: #c8413b; }
@media (prefers-color-scheme: dark) { :root { --page: #14171d; --card: #1d212a; --ink: #e4e8f0; --soft: #98a2b5;
  --line: #323948; --s0: #74a7ff; --s1: #f2a45c; --s2: #6dcb8f; --good: #6dcb8f; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 26px; margin: 0 0 2px; } h2 { font-size: 17px; margin: 0 0 12px; }
p { margin: 4px 0 12px; } .soft { color: var(--soft); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; margin-top: 18px; overflow-x: auto; }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 0 18px; }
.scores { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 18px; }
.score { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 10px 18px; min-width: 130px; }
.score b { display: block; font-size: 24px; font-variant-numeric: tabular-nums; } .score span { color: var(--soft); font-size: 13px; }
svg { width: 100%; height: auto; display: block; font-family: inherit; }
.chart text { fill: var(--soft); font-size: 12px; } .chart .title { fill: var(--ink); font-size: 15px; font-weight: 600; }
.grid { stroke: var(--line); } .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); } .line.s2 { stroke: var(--s2); }
.key.s0 { fill: var(--s0); } .key.s1 { fill: var(--s1); } .key.s2 { fill: var(--s2); }
.dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
.scatter { max-width: 620px; } .scatter rect { fill: transparent; } .scatter rect + rect { stroke: var(--line); } .scatter text { fill: var(--soft); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.confusion td, .confusion th { width: 40px; height: 32px; text-align: center; font-size: 13px; border: 1px solid var(--card); }
.confusion th { color: var(--soft); font-weight: 500; padding: 0 8px; width: auto; }
.confusion { margin-bottom: 12px; }
.confusion .right { background: color-mix(in srgb, var(--s0) calc(12% + 58% * var(--share)), var(--card)); }
.confusion .wrong { background: color-mix(in srgb, var(--bad) calc(18% + 75% * var(--share)), var(--card)); }
.confusion .none { color: color-mix(in srgb, var(--soft) 45%, transparent); }
.facts th { text-align: left; font-weight: 500; color: var(--soft); padding: 2px 24px 2px 0; vertical-align: top; }
.facts td, code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px; overflow-wrap: anywhere; }
.hard { display: flex; flex-wrap: wrap; gap: 14px; }
.hard figure { margin: 0; width: 124px; font-size: 12px; line-height: 1.35; }
.hard img { width: 124px; height: 124px; object-fit: contain; image-rendering: pixelated; background: #000; border-radius: 8px; display: block; margin-bottom: 5px; }
.texts figure { width: 272px; } .hard blockquote { margin: 0 0 5px; padding: 10px 12px; font-size: 14px; background: var(--page); border-radius: 8px; }
.pair { display: flex; gap: 4px; } .hard .two { width: 190px; } .hard .two img { width: 93px; height: 93px; }
.good { color: var(--good); } .bad { color: var(--bad); }
)css";

}  // namespace gradus
