/** The page's style sheet: one accent, system letters, light and dark by the reader's own setting. */
export const pageStyle = `
:root{--paper:#fcfbf8;--raised:#f4f2ec;--ink:#1b2026;--quiet:#59626c;--faint:#a9afb5;--line:#e2dfd7;--accent:#0a6b74;--soft:#d5e6e6;--warn:#8a4b08;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--paper:#14171a;--raised:#1c2024;--ink:#e8e6e1;--quiet:#a0a8b0;--faint:#6b737b;--line:#2d3338;--accent:#63c5c9;--soft:#1f3c40;--warn:#e5a55d}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
.wrap{max-width:66rem;margin:0 auto;padding:0 1.25rem}
h1,h2,h3{font-family:"Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",P052,Georgia,serif;font-weight:600;line-height:1.2;letter-spacing:-.01em;text-wrap:balance}
h1{font-size:clamp(1.8rem,1.1rem + 3vw,3rem);margin:.4rem 0 .8rem;max-width:22em}
h2{font-size:1.6rem;margin:0 0 .5rem}
h3{font-size:1.15rem;margin:2rem 0 .4rem}
p{margin:.5rem 0 1rem;max-width:44rem}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.18em}
code{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{font:.84em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;background:var(--raised);padding:.7rem .9rem;border-radius:3px;margin:.4rem 0 1.2rem}
small,.note{color:var(--quiet);font-size:.84rem;line-height:1.5}
.lead{color:var(--quiet);font-size:1.05rem}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
header{padding:3.2rem 0 0}
.brand{color:var(--accent);font-size:.82rem;font-weight:600;letter-spacing:.08em;text-transform:uppercase;margin:0}
.about{color:var(--quiet);margin:0 0 1.6rem;max-width:none}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;padding:.7rem 0;margin:2rem 0 0;border-block:1px solid var(--line);font-size:.92rem}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
section{padding:3.2rem 0 0}
#result{padding-top:1rem}
.warning{color:var(--warn);border-left:3px solid var(--warn);padding-left:.8rem}
.bars{display:grid;gap:1.1rem;margin:0 0 1.2rem}
.bar{display:grid;grid-template-columns:12.5rem 1fr 9.5rem;gap:0 1.2rem;align-items:center}
.bar-name{font-size:1.05rem}
.bar-track{position:relative;height:1.9rem;background:var(--raised);border-radius:3px}
.bar-fill{height:100%;background:var(--faint);border-radius:3px}
.pretrained .bar-fill{background:var(--accent)}
.bar-track b{position:absolute;top:-.35rem;bottom:-.35rem;border-left:2px solid var(--ink);margin-left:-1px}
.bar-track i{position:absolute;top:50%;width:.5rem;height:.5rem;margin:-.25rem 0 0 -.25rem;border-radius:50%;background:var(--paper);border:1.5px solid var(--ink)}
.bar-value{font-size:1.5rem;font-variant-numeric:tabular-nums;white-space:nowrap;line-height:1.2}
.from-scratch .bar-value{color:var(--quiet)}
.spread{font-size:.62em;color:var(--quiet);white-space:nowrap}
td .spread{font-size:.84em}
table{border-collapse:collapse;width:100%;font-size:.94rem;font-variant-numeric:tabular-nums;margin:.6rem 0}
caption{text-align:left;color:var(--quiet);font-size:.84rem;padding:0 0 .6rem;max-width:46rem}
th,td{padding:.5rem .7rem .5rem 0;text-align:right;vertical-align:top;border-bottom:1px solid var(--line);font-weight:400}
th:first-child{text-align:left;overflow-wrap:anywhere}
td:last-child,th:last-child{padding-right:0}
thead th{color:var(--quiet);font-size:.84rem}
th small,td small{display:block}
.final td{white-space:nowrap}
tr.pretrained td:nth-child(2){font-weight:650;color:var(--accent)}
tr.pretrained td:nth-child(2) :is(small,.spread){font-weight:400}
.words,.recipe td,.recipe th{text-align:left}
.path{font:.84em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
details{margin:1rem 0;border-top:1px solid var(--line)}
details+details{margin-top:-.5rem}
summary{cursor:pointer;padding:.6rem 0;color:var(--accent);font-size:.94rem}
summary:focus-visible,a:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:2px}
figure{margin:0}
figcaption{color:var(--quiet);font-size:.84rem;line-height:1.4;margin-top:.4rem}
img{display:block;width:100%;height:auto;image-rendering:pixelated;border-radius:3px;background:var(--raised)}
.row{display:grid;gap:.4rem;grid-auto-flow:column;grid-auto-columns:1fr}
.smooth img{image-rendering:auto}
.smooth.pairs{grid-template-columns:repeat(auto-fill,minmax(min(26rem,100%),1fr))}
.smooth.quads{grid-template-columns:minmax(0,1fr)}
.pairs{list-style:none;margin:1.4rem 0 0;padding:0;display:grid;gap:1.6rem;grid-template-columns:repeat(auto-fill,minmax(min(13.5rem,100%),1fr))}
.quads{display:grid;gap:1.8rem 2.4rem;grid-template-columns:repeat(auto-fit,minmax(min(27rem,100%),1fr));margin-top:1.4rem}
.heads{display:grid;gap:1.4rem 1rem;grid-template-columns:repeat(auto-fill,minmax(min(31.2rem,100%),1fr));margin-top:1.4rem}
.heads .row{gap:.3rem;grid-auto-flow:row;grid-template-columns:repeat(auto-fill,minmax(6rem,1fr))}
.gap{display:grid;place-items:center;aspect-ratio:1;background:var(--raised);color:var(--quiet);font-size:.84rem}
.row small{display:block;font-size:.76rem;line-height:1.3;margin-top:.2rem}
.source{margin:1.2rem 0 0;font-size:.84rem;color:var(--quiet)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1.2rem 1.6rem;margin:1.4rem 0}
.figures div{border-top:2px solid var(--accent);padding-top:.5rem}
.figures dt{color:var(--quiet);font-size:.84rem}
.figures dd{margin:0;font-size:1.7rem;line-height:1.25;font-variant-numeric:tabular-nums}
.figures dd small{display:block;font-size:.8rem}
.split{display:grid;grid-template-columns:minmax(0,1.15fr) minmax(0,1fr);gap:2.5rem;align-items:center}
.split .figures{grid-template-columns:repeat(2,minmax(0,1fr))}
.chart{color:var(--ink)}
.chart svg,.heat{display:block;width:100%;height:auto;max-width:34rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr));gap:1.8rem 2rem;margin-top:1.2rem}
.charts figure{display:flex;flex-direction:column;justify-content:space-between}
.charts figcaption{margin:0 0 .3rem}
.charts strong,.stages strong{color:var(--ink);font-weight:600}
.matrices{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(22rem,100%),1fr));gap:1.6rem 2rem;margin:1.2rem 0}
.heat rect{fill:var(--accent)}.heat .ground{fill:var(--raised)}
.heat text{fill:var(--quiet);font-size:6.5px}
.stages{list-style:none;margin:1.2rem 0 0;padding:0}
.stages li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:.1rem 1rem;padding:.8rem 0;border-top:1px solid var(--line)}
.stage-name span{color:var(--quiet)}
.stage-time{font-variant-numeric:tabular-nums;text-align:right}
.stage-time em{color:var(--quiet);font-style:normal}
.failed .stage-time em{color:var(--warn)}
.stage-bar{grid-column:1/-1;height:.3rem;background:var(--raised);border-radius:2px}
.stage-bar div{height:100%;background:var(--accent);border-radius:2px}
.stage-facts{grid-column:1/-1;color:var(--quiet);font-size:.84rem;font-variant-numeric:tabular-nums}
.stage-facts a,.source a{font:.95em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(14rem,45%),1fr));gap:.5rem 1.5rem;margin:1rem 0}
.facts div{border-top:1px solid var(--line);padding-top:.4rem}
.facts dt{color:var(--quiet);font-size:.84rem}
.facts dd{margin:0;overflow-wrap:anywhere}
.artifacts{list-style:none;padding:0;margin:.6rem 0}
.artifacts li{padding:.6rem 0;border-top:1px solid var(--line)}
.artifacts li:target{background:var(--soft)}
.artifacts .note{display:block}
footer{margin-top:4rem;padding:1.5rem 0 3rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.84rem}
@media(max-width:48rem){
.bar{grid-template-columns:1fr auto;gap:.3rem 1rem}.bar-track{grid-column:1/-1;grid-row:2}
.split{grid-template-columns:minmax(0,1fr);gap:1.2rem}
.quads .row{grid-auto-flow:row;grid-template-columns:1fr 1fr;gap:.6rem .5rem}
section{padding-top:2.6rem}header{padding-top:1.8rem}
table{font-size:.86rem}th,td{padding-right:.5rem}
.final :is(th,td):nth-child(4){display:none}
}
@media print{body{background:#fff}nav{display:none}section{break-inside:avoid-page}}
`;
