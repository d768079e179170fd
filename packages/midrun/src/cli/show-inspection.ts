/** What training would see of the data, as text: counts, lengths, rows left out, tokens by their loss weight. */
import type { Histogram, Inspection, TokenView } from "@midrun/engine";
import { formatCount } from "./progress.ts";

export interface InspectionView extends Inspection {
  warnings: string[];
}

/** How much of the text carries loss is shown with colours, or where there are none with « ». */
export function showInspection(view: InspectionView, { title, colours }: { title: string; colours: boolean }): string {
  const { report, lengths, examples, warnings } = view;
  const sections = [
    `${title}\n${counts(report)}`,
    ...(warnings.length > 0 ? [warnings.map((text) => `Warning: ${text}\n`).join("")] : []),
    ...(report.dropped.length > 0 ? [dropped(report.dropped)] : []),
    histogram(lengths),
    ...examples.map(
      ({ row, tokens }) => `Row ${row}, ${tokens.length} tokens (${legend(colours)})\n${paint(tokens, colours)}\n`,
    ),
  ];
  return sections.join("\n");
}

const countOf = (rows: number) => `${formatCount(rows)} ${rows === 1 ? "row" : "rows"}`;

const legend = (colours: boolean) => (colours ? "green is learned, grey is only read" : "«learned»");

function counts({ format, rows, evalRows, tokens, supervisedTokens, truncated }: Inspection["report"]): string {
  const share = tokens === 0 ? 0 : Math.round((100 * supervisedTokens) / tokens);
  return [
    `${countOf(rows)} (${format}), ${formatCount(tokens)} tokens, ${formatCount(supervisedTokens)} of them learned (${share} %)`,
    ...(evalRows > 0 ? [`${countOf(evalRows)} held out`] : []),
    ...(truncated > 0 ? [`${countOf(truncated)} cut to the longest length`] : []),
    "",
  ].join("\n");
}

/** More of them say nothing new. */
const shownDropped = 20;

function dropped(rows: Inspection["report"]["dropped"]): string {
  const shown = rows.slice(0, shownDropped).map(({ row, reason }) => `  row ${row}: ${reason}\n`);
  const more =
    rows.length > shownDropped ? `  and ${formatCount(rows.length - shownDropped)} more (--json has all)\n` : "";
  return `${countOf(rows.length)} left out\n${shown.join("")}${more}`;
}

const barWidth = 40;

function histogram({ edges, counts: rows }: Histogram): string {
  const most = Math.max(1, ...rows);
  const names = rows.map((_, i) => `${edges[i]} to ${edges[i + 1]! - 1}`);
  const width = Math.max(0, ...names.map((name) => name.length));
  const lines = rows.map((count, i) => {
    const bar = "█".repeat(Math.ceil((barWidth * count) / most));
    return `  ${names[i]!.padStart(width)}  ${bar.padEnd(barWidth)} ${formatCount(count)}\n`;
  });
  return `Tokens a row\n${lines.join("")}`;
}

/** SGR codes: learned, learned with another weight than 1, only read. */
const [green, yellow, grey, plain] = ["\x1b[32m", "\x1b[33m", "\x1b[90m", "\x1b[0m"];
const colourOf = (weight: number) => (weight === 0 ? grey : weight === 1 ? green : yellow);

function paint(tokens: readonly TokenView[], colours: boolean): string {
  return spansOf(tokens)
    .map(({ text, weight }) => {
      if (colours) return `${colourOf(weight)}${text.replaceAll("\n", `${plain}\n${colourOf(weight)}`)}${plain}`;
      if (weight === 0) return text;
      return weight === 1 ? `«${text}»` : `«${weight}:${text}»`;
    })
    .join("");
}

/** Neighbours of one weight together. */
function spansOf(tokens: readonly TokenView[]): { text: string; weight: number }[] {
  const spans: { text: string; weight: number }[] = [];
  for (const { token, weight } of tokens) {
    const last = spans.at(-1);
    if (last?.weight === weight) last.text += token;
    else spans.push({ text: token, weight });
  }
  return spans;
}
